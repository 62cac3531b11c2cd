"""Raw bytes of any format from and to the engine: streamed, many at once, cancellable."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from vistazo.errors import InvalidSQL, StoreError
from vistazo.sqlserver.engine.answer import Answer, Job
from vistazo.sqlserver.engine.handles import Handle, Inserting, Summary, quoted
from vistazo.sqlserver.guard.checks import Checked
from vistazo.sqlserver.http.heads import without_format
from vistazo.sqlserver.http.limits import HttpLimits
from vistazo.sqlserver.pipeline import Plan

P = ParamSpec("P")
T = TypeVar("T")

_CORES = os.cpu_count() or 1
_FORMAT = re.compile(r"[A-Za-z]\w*", re.ASCII)
_SAME_ID, _TOO_MANY, _UNKNOWN_FORMAT = 216, 202, 73


class ChdbWire:
    """Statements on an embedded library, side by side.

    Args:
        store: the engine's files of a library that is open in this process.
        changed: told of every statement that wrote, after it did.
        settings: for every statement.
    """

    def __init__(
        self,
        store: Path,
        *,
        limits: HttpLimits,
        changed: Callable[[Checked], None],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._settings = dict(settings or {})
        self._limits = limits
        self._changed = changed
        self._pool = ThreadPoolExecutor(limits.queries, thread_name_prefix="sql")
        self._control = ThreadPoolExecutor(1, thread_name_prefix="sql-control")
        self._ids: set[str] = set()
        self._handle = Handle(store, readonly=False, settings=self._settings)
        found = self._handle.query("SELECT version(), timezone()", "TSVRaw").bytes().decode()
        self.version, self.timezone = found.strip().split("\t")

    def run(self, job: Job) -> Answer:
        """Begin a statement; its answer can be read from now on."""
        self._reserve(job.query_id)
        try:
            answer = Answer(self, job)
        except BaseException:
            self._ids.discard(job.query_id)
            raise
        answer._running.add_done_callback(lambda _: self._ids.discard(job.query_id))
        return answer

    async def insert(
        self, job: Job, first: bytes, more: AsyncIterator[bytes] | None = None
    ) -> Summary:
        """Run an INSERT with its data.

        Args:
            first: the data's beginning.
            more: what follows; when it raises, what was not written yet is dropped.
        """
        self._reserve(job.query_id)
        summary = Summary()
        try:
            if more is None:
                await asyncio.wrap_future(self.submit(self._insert_whole, job, first, summary))
            else:
                await self._insert_pieces(job, first, more, summary)
        finally:
            self._ids.discard(job.query_id)
        return summary

    def kill(self, query_id: str) -> Future[None]:
        """Have the engine stop a statement."""
        return self._control.submit(self._kill, query_id)

    def cancel(self, query_id: str) -> None:
        """Stop a statement by the id that its client gave."""
        if query_id in self._ids:
            self.kill(query_id)

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a thread do what blocks."""
        return self._pool.submit(call, *args, **kwargs)

    def close(self) -> None:
        """End every statement and give the handles back."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for query_id in list(self._ids):
            self.kill(query_id)
        self._pool.shutdown()
        self._control.shutdown()
        self._handle.close()

    def query(self, job: Job, answer: Answer, pipe: int) -> None:
        """Run a plan and write the last statement's result into a pipe; blocks."""
        plan = self._prepared(job)
        if not plan.runs:
            return
        with self._borrowed(job, plan) as handle:
            for checked in plan.statements[:-1]:
                answer.summary.add(handle.query(checked.text, "Null", plan.params))
                self._noted(checked)
            last = plan.last
            if plan.reads:
                text, named = without_format(last.text)
                answer.fmt = _format(named or job.fmt)
                sql = f"{text} INTO OUTFILE '/dev/fd/{pipe}' TRUNCATE FORMAT {answer.fmt}"
                answer.summary.add(handle.query(sql, "Null", plan.params))
            else:
                result = handle.query(last.text, _format(job.fmt), plan.params)
                answer.summary.add(result)
                data = result.bytes()
                answer.fmt = job.fmt if data else None
                while data:
                    data = data[os.write(pipe, data) :]
            self._noted(last)
            if plan.done is not None:
                plan.done()

    def _prepared(self, job: Job) -> Plan:
        job.plan = job.prepare(self._count)
        return job.plan

    def _count(self, sql: str, params: Mapping[str, str], settings: Mapping[str, str]) -> int:
        handle = Handle(self._store, readonly=True, settings={**self._settings, **settings})
        try:
            return int(handle.query(sql, "TSVRaw", params).bytes())
        finally:
            handle.close()

    def _noted(self, checked: Checked) -> None:
        if checked.writes:
            self._changed(checked)

    def _insert_whole(self, job: Job, data: bytes, summary: Summary) -> None:
        plan = self._prepared(job)
        with self._borrowed(job, plan) as handle:
            inserting = self._begin(job, plan, handle)
            inserting.append(data)
            inserting.finish(summary)
            self._end(plan)

    def _begin(self, job: Job, plan: Plan, handle: Handle) -> Inserting:
        for checked in plan.statements[:-1]:
            handle.query(checked.text, "Null", plan.params)
        head, named = without_format(plan.last.text)
        return handle.begin_insert(head, _format(named or job.fmt), plan.params)

    def _end(self, plan: Plan) -> None:
        self._noted(plan.last)
        if plan.done is not None:
            plan.done()

    async def _insert_pieces(
        self, job: Job, first: bytes, more: AsyncIterator[bytes], summary: Summary
    ) -> None:
        loop = asyncio.get_running_loop()
        plan = await loop.run_in_executor(self._pool, self._prepared, job)
        borrowed = self._borrowed(job, plan)
        handle = await loop.run_in_executor(self._pool, borrowed.__enter__)
        try:
            inserting = await loop.run_in_executor(self._pool, self._begin, job, plan, handle)
            try:
                await loop.run_in_executor(self._pool, inserting.append, first)
                async for piece in more:
                    await loop.run_in_executor(self._pool, inserting.append, piece)
                await loop.run_in_executor(self._pool, inserting.finish, summary)
            except BaseException:
                with suppress(RuntimeError):
                    inserting.cancel()
                raise
            await loop.run_in_executor(self._pool, self._end, plan)
        finally:
            await loop.run_in_executor(self._pool, borrowed.__exit__, None, None, None)

    @contextmanager
    def _borrowed(self, job: Job, plan: Plan) -> Iterator[Handle]:
        settings = {**self._settings, **plan.settings, "log_comment": job.query_id}
        if len(self._ids) > 1:
            # Side by side, queries waste less when each has a core than when all share all.
            most = max(1, _CORES // len(self._ids))
            asked = settings.get("max_threads", "")
            settings["max_threads"] = str(min(most, int(asked)) if asked.isdigit() else most)
        handle = Handle(self._store, readonly=job.readonly, settings=settings)
        try:
            handle.use(plan.database)
            yield handle
        finally:
            handle.close()

    def _reserve(self, query_id: str) -> None:
        if query_id in self._ids:
            raise StoreError(
                f"Query with id = {query_id} is already running.", engine_code=_SAME_ID
            )
        if len(self._ids) >= self._limits.queries + self._limits.waiting:
            raise StoreError("Too many simultaneous queries", engine_code=_TOO_MANY)
        self._ids.add(query_id)

    def _kill(self, query_id: str) -> None:
        self._handle.query(
            f"KILL QUERY WHERE Settings['log_comment'] = {quoted(query_id)} ASYNC", "Null"
        )


def _format(name: str) -> str:
    if not _FORMAT.fullmatch(name):
        raise InvalidSQL(f"Unknown format {name}", engine_code=_UNKNOWN_FORMAT)
    return name

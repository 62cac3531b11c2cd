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
from vistazo.sqlserver.answer import Answer, Job
from vistazo.sqlserver.handles import Handle, Inserting, Summary, quoted
from vistazo.sqlserver.heads import without_format
from vistazo.sqlserver.limits import HttpLimits
from vistazo.sqlserver.statements import CheckedLike

P = ParamSpec("P")
T = TypeVar("T")

_CORES = os.cpu_count() or 1
_OF_SESSION = ("set", "use")
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
        changed: Callable[[CheckedLike], None],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._settings = dict(settings or {})
        self._limits = limits
        self._changed = changed
        self._pool = ThreadPoolExecutor(limits.queries, thread_name_prefix="sql")
        self._control = ThreadPoolExecutor(1, thread_name_prefix="sql-control")
        self._ids: set[str] = set()
        self._handle = self.new_handle(readonly=False)
        found = self._handle.query("SELECT version(), timezone()", "TSVRaw").bytes().decode()
        self.version, self.timezone = found.strip().split("\t")

    def new_handle(self, *, readonly: bool) -> Handle:
        """A handle for a session or one statement."""
        return Handle(self._store, readonly=readonly, settings=self._settings)

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
        plan = job.plan
        with self._borrowed(job) as handle:
            for checked in plan.statements[:-1]:
                answer.summary.add(handle.query(checked.text, "Null", plan.params))
                self._noted(checked)
            last = plan.statements[-1]
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

    def _noted(self, checked: CheckedLike) -> None:
        if checked.writes:
            self._changed(checked)

    def _insert_whole(self, job: Job, data: bytes, summary: Summary) -> None:
        with self._borrowed(job) as handle:
            inserting = self._begin(job, handle)
            inserting.append(data)
            inserting.finish(summary)
            self._end(job)

    def _begin(self, job: Job, handle: Handle) -> Inserting:
        *before, last = job.plan.statements
        for checked in before:
            handle.query(checked.text, "Null", job.plan.params)
        head, named = without_format(last.text)
        return handle.begin_insert(head, _format(named or job.fmt), job.plan.params)

    def _end(self, job: Job) -> None:
        self._noted(job.plan.statements[-1])
        if job.plan.done is not None:
            job.plan.done()

    async def _insert_pieces(
        self, job: Job, first: bytes, more: AsyncIterator[bytes], summary: Summary
    ) -> None:
        loop = asyncio.get_running_loop()
        borrowed = self._borrowed(job)
        handle = await loop.run_in_executor(self._pool, borrowed.__enter__)
        try:
            inserting = await loop.run_in_executor(self._pool, self._begin, job, handle)
            try:
                await loop.run_in_executor(self._pool, inserting.append, first)
                async for piece in more:
                    await loop.run_in_executor(self._pool, inserting.append, piece)
                await loop.run_in_executor(self._pool, inserting.finish, summary)
            except BaseException:
                with suppress(RuntimeError):
                    inserting.cancel()
                raise
            await loop.run_in_executor(self._pool, self._end, job)
        finally:
            await loop.run_in_executor(self._pool, borrowed.__exit__, None, None, None)

    @contextmanager
    def _borrowed(self, job: Job) -> Iterator[Handle]:
        settings = dict(job.plan.settings)
        if len(self._ids) > 1:
            # Side by side, queries waste less when each has a core than when all share all.
            settings.setdefault("max_threads", str(max(1, _CORES // len(self._ids))))
        if job.handle is not None:
            if job.plan.statements[-1].kind.lower() in _OF_SESSION:
                job.handle.set({"log_comment": job.query_id})
                yield job.handle
                job.handle.changed_itself()
                return
            with job.handle.within(job.database, settings, job.query_id):
                yield job.handle
            return
        settings = {**self._settings, **settings, "log_comment": job.query_id}
        handle = Handle(self._store, readonly=job.readonly, settings=settings)
        try:
            handle.use(job.database or "default")
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

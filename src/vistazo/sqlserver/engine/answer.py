"""The bytes of one result on their way from the engine to a client."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from vistazo.errors import StoreError
from vistazo.sqlserver.engine.handles import Summary
from vistazo.sqlserver.pipeline import Count, Plan

_PIPE_BYTES = 1 << 20  # what a user may ask for on Linux without privileges
_CANCELLED = 394


class Runs(Protocol):
    """What an answer needs of its wire."""

    def submit(self, call: Callable[[], None]) -> Future[None]:
        """Have a thread do what blocks."""

    def query(self, job: Job, answer: Answer, pipe: int) -> None:
        """Run a job and write its result into a pipe; blocks."""

    def kill(self, query_id: str) -> Future[None]:
        """Have the engine stop a statement."""


@dataclass(slots=True)
class Job:
    """One statement to run.

    Attributes:
        prepare: makes the plan, in the thread that runs it: one change of threads less.
        readonly: let the engine refuse writes too.
        plan: what runs, once it is prepared.
    """

    prepare: Callable[[Count], Plan]
    fmt: str
    query_id: str
    readonly: bool = True
    plan: Plan | None = None


class Answer:
    """The bytes of one result, as they come; only for the event loop that made it.

    The engine writes into a pipe, whole and in any format, and waits there for a slow reader.

    Attributes:
        fmt: the result's format, None for a statement without a result.
        summary: whole once the last bytes are read.
    """

    def __init__(self, wire: Runs, job: Job) -> None:
        self.fmt: str | None = None
        self.summary = Summary()
        self._wire = wire
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._aborted = False
        self._closed = False
        self._killing: asyncio.Task[None] | None = None
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # the user has many pipes already
                fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._running = wire.submit(self._run)
        except BaseException:
            os.close(self._in)
            self._close_out()
            raise
        self._running.add_done_callback(self._never_run)

    async def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            StoreError: the statement failed, maybe after some pieces, or was aborted.
        """
        while not self._closed and not self._aborted:
            try:
                data = os.read(self._out, _PIPE_BYTES)
            except BlockingIOError:
                await self._readable()
                continue
            if data:
                return data
            await asyncio.wrap_future(self._running)
            self._close_out()
        if self._aborted:
            raise StoreError("Query was cancelled", engine_code=_CANCELLED)
        return b""

    def abort(self) -> None:
        """Stop the statement; whoever reads gets the error for that."""
        if self._aborted or self._running.done():
            return
        self._aborted = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._close_out()  # an engine that waits to write gets its error
        if not self._running.cancel():
            self._killing = self._loop.create_task(self._kill())

    async def close(self) -> None:
        """Stop the statement if it runs still; return when the engine has let go of it."""
        self.abort()
        if self._killing is not None:
            await self._killing
        self._close_out()

    async def _readable(self) -> None:
        self._waiter = self._loop.create_future()
        self._loop.add_reader(self._out, _wake, self._waiter)
        try:
            await self._waiter
        finally:
            if not self._closed:
                self._loop.remove_reader(self._out)

    def _close_out(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._out)
            os.close(self._out)

    async def _kill(self) -> None:
        # Again and again: it may not have begun when it is killed first.
        running = asyncio.wrap_future(self._running)
        while not running.done():
            await asyncio.wrap_future(self._wire.kill(self._job.query_id))
            await asyncio.wait({running}, timeout=0.1)
        with suppress(Exception, asyncio.CancelledError):
            running.result()

    def _never_run(self, running: Future[None]) -> None:
        if running.cancelled():
            os.close(self._in)

    def _run(self) -> None:
        try:
            self._wire.query(self._job, self, self._in)
        finally:
            os.close(self._in)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

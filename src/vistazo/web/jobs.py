"""Work that takes longer than a request: one job after the other, in a thread of its own."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vistazo.errors import VistazoError
from vistazo.records import printable
from vistazo.web.refusals import Busy, JobNotFound

_LOG = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED = frozenset({"done", "failed", "cancelled"})
_MOST_WAITING = 20
_REMEMBERED = 200

# Told the work's steps; raises when the job is to end.
Tell = Callable[[Mapping[str, Any]], None]
# The work; what it gives back is its report.
Work = Callable[[Tell], Mapping[str, Any]]


class Cancelled(Exception):
    """Ends a run in an orderly way: what was done is kept."""


@dataclass(slots=True)
class Job:
    """One piece of work; read it while holding nothing: every field is replaced whole.

    Attributes:
        progress: `done`, `total` and `failed`, as far as they are known.
        report: what a job that is done did.
        error: code and message of one that failed.
        revision: rises with every change.
    """

    job_id: str
    kind: str
    source: str
    work: Work
    state: State = "waiting"
    progress: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] | None = None
    error: Mapping[str, str] | None = None
    created_s: float = field(default_factory=time.time)
    started_s: float | None = None
    ended_s: float | None = None
    revision: int = 0
    wanted: bool = True  # False once somebody has cancelled it


class Jobs:
    """A queue of jobs and the thread that works on them; close it.

    A library takes one run of ingest at a time, so jobs wait for each other.
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, kind: str, source: str, work: Work) -> Job:
        """Put a job at the end of the queue.

        Raises:
            Busy: twenty wait already.
        """
        job = Job(secrets.token_urlsafe(9), kind, printable(source), work)
        with self._changed:
            if self._closed or len(self._waiting) >= _MOST_WAITING:
                raise Busy(f"{_MOST_WAITING} jobs are waiting; wait until one has ended")
            self._jobs[job.job_id] = job
            self._waiting.append(job)
            ended = (old for old in list(self._jobs.values()) if old.state in ENDED)
            for old in itertools.islice(ended, max(0, len(self._jobs) - _REMEMBERED)):
                del self._jobs[old.job_id]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vistazo-jobs", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            JobNotFound: there is none.
        """
        with self._changed:
            if job_id not in self._jobs:
                raise JobNotFound(f"there is no job '{printable(job_id[:40])}'")
            return self._jobs[job_id]

    def all(self) -> list[Job]:
        """The jobs that are remembered, latest first."""
        with self._changed:
            return list(reversed(self._jobs.values()))

    def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or have it end at its next step; what was done is kept."""
        job = self.get(job_id)
        with self._changed:
            job.wanted = False
            if job in self._waiting:
                self._waiting.remove(job)
                self._set(job, state="cancelled", ended_s=time.time())
        return job

    def close(self, timeout_s: float = 8.0) -> None:
        """Cancel everything and wait for the running job to end."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.wanted = False
            while self._waiting:
                self._set(self._waiting.popleft(), state="cancelled", ended_s=time.time())
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self._waiting.popleft()
                self._set(job, state="running", started_s=time.time())
            self._do(job)

    def _do(self, job: Job) -> None:
        def tell(progress: Mapping[str, Any]) -> None:
            if not job.wanted:
                raise Cancelled
            with self._changed:
                self._set(job, progress=dict(progress))

        end: dict[str, Any]
        try:
            end = {"state": "done", "report": job.work(tell)}
        except Cancelled:
            end = {"state": "cancelled"}
        except VistazoError as error:
            end = {"state": "failed", "error": {"code": error.code, "message": str(error)}}
        except Exception as error:  # a worker's edge: the thread must live on
            _LOG.exception("the job %s of %s failed", job.kind, job.source)
            text = f"this is a bug in vistazo, please report it: {type(error).__name__}"
            end = {"state": "failed", "error": {"code": "bug", "message": text}}
        with self._changed:
            self._set(job, **end, ended_s=time.time())

    def _set(self, job: Job, **values: Any) -> None:
        for name, value in values.items():
            setattr(job, name, value)
        job.revision += 1


def plain(record: Any) -> dict[str, Any]:
    """A report as JSON knows it."""
    return {name: plain_value(value) for name, value in dataclasses.asdict(record).items()}


def plain_value(value: Any) -> Any:
    """Tuples as lists, texts in one line."""
    if isinstance(value, Mapping):
        return {printable(str(key)): plain_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(each) for each in value]
    return printable(value) if isinstance(value, str) else value

"""`/jobs`, `/conversions`, `/failures/retry`: filling the library, and watching how far it is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from vistazo.errors import UsageError
from vistazo.records import uri_of
from vistazo.web import schemas
from vistazo.web.answers import answer, error
from vistazo.web.jobs import ENDED, Job, Jobs, Tell, plain
from vistazo.web.session import Writer

if TYPE_CHECKING:
    from vistazo.ingest.progress import Progress
    from vistazo.library import Library

_LOOK_S = 0.1
_BEAT_S = 15.0
_MOST_LISTENERS = 50


class JobIn(schemas.Model):
    """What to index: a folder, `unsplash:DIR`, `urls:FILE`, `parquet:PATH` or `hf:OWNER/DATASET`."""

    source: str = Field(min_length=1, max_length=4096)
    limit: int | None = Field(default=None, ge=1, le=2**53)
    prune: bool = False
    retry_failed: bool = False
    encoder: str | None = Field(default=None, max_length=200)


class ConversionsIn(schemas.Model):
    """A log of downloads: a file of the server's machine."""

    file: str = Field(min_length=1, max_length=4096)


class RetryIn(schemas.Model):
    """Whose failures to try again; without a source, those of all."""

    source: str | None = Field(default=None, min_length=1, max_length=4096)


class Accepted(schemas.Model):
    """The job that was put into the queue."""

    job_id: str


class ProgressOut(schemas.Model):
    """How far a job is: items, or for conversions rows."""

    done: int = 0
    total: int | None = None
    failed: int = 0


class JobOut(schemas.Model):
    """A job; `report` says what it did, `error` why it failed. Times are seconds since 1970."""

    job_id: str
    kind: str
    source: str
    state: str
    progress: ProgressOut
    report: dict[str, Any] | None
    error: schemas.Cause | None
    created_s: float
    started_s: float | None
    ended_s: float | None


class JobsOut(schemas.Model):
    """The jobs that are remembered, latest first."""

    jobs: list[JobOut]


def router(library: Library, jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["jobs"])
    listeners = 0

    @routes.post("/jobs", status_code=202, response_model=Accepted)
    def start(asked: JobIn, _: Writer) -> Response:
        """Index a source, after the jobs that wait already."""
        return accepted(jobs.add("index", asked.source, _index(library, asked)))

    @routes.post("/conversions", status_code=202, response_model=Accepted)
    def load(asked: ConversionsIn, _: Writer) -> Response:
        """Load a log of downloads."""

        def work(tell: Tell) -> Mapping[str, Any]:
            tell({"done": 0})
            file = asked.file
            return plain(library.load_conversions(file, on_progress=lambda n: tell({"done": n})))

        return accepted(jobs.add("conversions", asked.file, work))

    @routes.post("/failures/retry", status_code=202, response_model=Accepted)
    def retry(asked: RetryIn, _: Writer) -> Response:
        """Take up once more what could not be taken in."""
        names = {each.source for each in library.failures()}
        sources = [asked.source] if asked.source else sorted(uri_of(name) for name in names)
        if not sources:
            raise UsageError("nothing stands as failed")

        def work(tell: Tell) -> Mapping[str, Any]:
            reports = {}
            for source in sources:
                again = JobIn(source=source, retry_failed=True)
                reports[source] = _index(library, again)(tell)
            return {"sources": reports}

        return accepted(jobs.add("retry", asked.source or "all", work))

    @routes.get("/jobs", response_model=JobsOut)
    def all_jobs() -> Response:
        """The jobs that are remembered, latest first."""
        return answer(JobsOut(jobs=[_out(job) for job in jobs.all()]))

    @routes.get("/jobs/{job_id}", response_model=JobOut)
    def one(job_id: str) -> Response:
        """One job."""
        return answer(_out(jobs.get(job_id)))

    @routes.delete("/jobs/{job_id}", response_model=JobOut)
    def cancel(job_id: str, _: Writer) -> Response:
        """Have a job end at its next step; what was done is kept."""
        return answer(_out(jobs.cancel(job_id)))

    @routes.get(
        "/jobs/{job_id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def events(job_id: str) -> Response:
        """How far a job is, as server-sent events: `progress`, then `done` or `error`."""
        nonlocal listeners
        job = jobs.get(job_id)
        if listeners >= _MOST_LISTENERS:
            return error(503, "busy", f"{_MOST_LISTENERS} listen already")

        async def told() -> AsyncIterator[str]:
            nonlocal listeners
            listeners += 1
            try:
                async for event in _events(job):
                    yield event
            finally:
                listeners -= 1

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(told(), headers=headers, media_type="text/event-stream")

    return routes


async def _events(job: Job) -> AsyncIterator[str]:
    seen, said = -1, time.monotonic()
    while True:
        revision, ended = job.revision, job.state in ENDED
        if revision != seen:
            name = "progress"
            if ended:
                name = "error" if job.state == "failed" else "done"
            yield f"event: {name}\ndata: {_out(job).model_dump_json()}\n\n"
            seen, said = revision, time.monotonic()
        elif time.monotonic() - said > _BEAT_S:
            yield ": still here\n\n"
            said = time.monotonic()
        if ended:
            return
        await asyncio.sleep(_LOOK_S)


def _index(library: Library, asked: JobIn) -> Any:
    def work(tell: Tell) -> Mapping[str, Any]:
        last: dict[str, Any] = {"done": 0}

        def on_progress(progress: Progress) -> None:
            last.update(done=progress.done, total=progress.total, failed=progress.failed)
            tell(last)

        tell(last)
        report = library.index(
            asked.source,
            encoder=asked.encoder,
            limit=asked.limit,
            prune=asked.prune,
            retry_failed=asked.retry_failed,
            wait_for_index=False,
            on_progress=on_progress,
        )
        return {**plain(report), "failed": report.failed}

    return work


def accepted(job: Job) -> Response:
    """The answer that a job was put into the queue."""
    response = answer(Accepted(job_id=job.job_id), 202)
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return response


def _out(job: Job) -> JobOut:
    return JobOut(
        job_id=job.job_id,
        kind=job.kind,
        source=job.source,
        state=job.state,
        progress=ProgressOut(**job.progress),
        report=json.loads(json.dumps(job.report)) if job.report is not None else None,
        error=schemas.Cause(**job.error) if job.error is not None else None,
        created_s=job.created_s,
        started_s=job.started_s,
        ended_s=job.ended_s,
    )

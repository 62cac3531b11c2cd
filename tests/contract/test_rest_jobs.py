"""Jobs over REST: indexing, watching, cancelling, trying again; clients that go away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import vistazo
from conftest import paint
from fakes import ColourEncoder
from rest import OWNED, OWNER, client_of, conversions, refused
from rows import everything
from vistazo.web.jobs import ENDED, Jobs
from vistazo.web.refusals import Busy
from web_application import application

BEARER = {"Authorization": f"Bearer {OWNER}"}
PATIENCE_S = 60


class SlowEncoder(ColourEncoder):
    """Waits before each batch until it is let, so that a run can be met in its middle."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.met = threading.Event()
        self.batch_s = 0.0

    def encode_pixels(self, pixels: Any) -> Any:
        self.met.set()
        assert self.let.wait(PATIENCE_S)
        time.sleep(self.batch_s)
        return super().encode_pixels(pixels)


@pytest.fixture
def encoder() -> Iterator[SlowEncoder]:
    encoder = SlowEncoder()
    encoder.let.set()
    yield encoder
    encoder.let.set()


@pytest.fixture
def library(tmp_path: Path, encoder: SlowEncoder) -> Iterator[vistazo.Library]:
    with vistazo.open(tmp_path / "library", encoder=encoder) as opened:
        yield opened


@pytest.fixture
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with client_of(library, OWNED) as client:
        client.headers.update(BEARER)
        yield client


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(200):
        paint(tmp_path / "photos" / f"{number:03}.png", (number, 255 - number, 7))
    return tmp_path / "photos"


def start(client: httpx.Client, path: str = "/jobs", **body: Any) -> str:
    answer = client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 202, answer.text
    job_id = str(answer.json()["job_id"])
    assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"
    return job_id


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """The job, when it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        if job["state"] in ENDED:
            return job
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_folder(client: httpx.Client, photos: Path) -> None:
    job_id = start(client, source=str(photos))
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [*events(stream.iter_lines())]
    assert {name for name, _ in told[:-1]} <= {"progress"}
    name, job = told[-1]
    assert (name, job["state"], job["report"]["added"]) == ("done", "done", 200)
    assert job["progress"] == {"done": 200, "total": 200, "failed": 0}
    assert client.get("/api/v1/stats").json()["photos"] == 200
    assert [each["job_id"] for each in client.get("/api/v1/jobs").json()["jobs"]] == [job_id]
    again = ended(client, start(client, source=str(photos)))
    assert (again["report"]["added"], again["report"]["unchanged"]) == (0, 200)


def test_a_source_that_is_none(client: httpx.Client) -> None:
    job_id = start(client, source="/nowhere")
    job = ended(client, job_id)
    assert (job["state"], job["error"]["code"]) == ("failed", "source")
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as stream:
        ((name, told),) = events(stream.iter_lines())
    assert (name, told["error"]) == ("error", job["error"])
    assert refused(client.get("/api/v1/jobs/nothing/events"), 404) == "job-not-found"


def test_cancelling_keeps_what_was_done(
    client: httpx.Client, library: vistazo.Library, photos: Path, encoder: SlowEncoder
) -> None:
    encoder.let.clear()
    encoder.batch_s = 0.2  # longer than from one report of progress to the next
    job_id = start(client, source=str(photos))
    waiting = start(client, source=str(photos))
    assert encoder.met.wait(PATIENCE_S)
    assert client.delete(f"/api/v1/jobs/{waiting}").json()["state"] == "cancelled"
    assert client.delete(f"/api/v1/jobs/{job_id}").json()["state"] == "running"
    encoder.let.set()
    assert ended(client, job_id)["state"] == "cancelled"
    rows = everything(library)
    assert len(rows["photos"]) < 200
    # Nothing has to be repaired, and the same job goes on.
    assert ended(client, start(client, source=str(photos)))["state"] == "done"
    assert len(everything(library)["photos"]) == 200


def test_searching_goes_on_meanwhile(
    client: httpx.Client, photos: Path, encoder: SlowEncoder
) -> None:
    ended(client, start(client, source=str(photos), limit=5))
    encoder.let.clear()
    encoder.met.clear()
    job_id = start(client, source=str(photos))
    assert encoder.met.wait(PATIENCE_S)
    assert client.get("/api/v1/search?q=red").json()["total"] >= 5
    encoder.let.set()
    assert ended(client, job_id)["state"] == "done"


def test_listeners_that_go_away(client: httpx.Client, photos: Path, encoder: SlowEncoder) -> None:
    encoder.let.clear()
    job_id = start(client, source=str(photos))
    assert encoder.met.wait(PATIENCE_S)
    # More, one after the other, than may listen at once: each has to be let go.
    for _ in range(60):
        with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as stream:
            assert stream.status_code == 200
            next(events(stream.iter_lines()))
        time.sleep(0.02)
    encoder.let.set()
    assert ended(client, job_id)["state"] == "done"


def test_failures_are_tried_again(client: httpx.Client, photos: Path) -> None:
    bad = photos / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    job = ended(client, start(client, source=str(photos), encoder=None))
    assert job["report"]["failed"] == 1
    ((failure),) = client.get("/api/v1/failures").json()["failures"]
    assert failure["uri"] == str(bad)
    paint(bad, "red")
    job = ended(client, start(client, "/failures/retry"))
    assert job["state"] == "done", job
    assert client.get("/api/v1/failures").json()["total"] == 0
    answer = client.post("/api/v1/failures/retry", json={})
    assert refused(answer, 400) == "usage"


def test_conversions(client: httpx.Client, tmp_path: Path) -> None:
    log = conversions(tmp_path / "log.tsv")
    job = ended(client, start(client, "/conversions", file=str(log)))
    assert (job["kind"], job["report"]["rows"]) == ("conversions", 4)
    job = ended(client, start(client, "/conversions", file="/nowhere"))
    assert job["error"]["code"] == "source"


def test_closing_ends_the_running_job(
    library: vistazo.Library, photos: Path, encoder: SlowEncoder
) -> None:
    encoder.let.clear()
    encoder.batch_s = 0.2
    with client_of(library, OWNED) as client:
        client.headers.update(BEARER)
        start(client, source=str(photos))
        assert encoder.met.wait(PATIENCE_S)
        threading.Timer(0.3, encoder.let.set).start()
    assert not [each for each in threading.enumerate() if each.name == "vistazo-jobs"]
    assert len(everything(library)["photos"]) < 200


def test_no_more_wait_than_may() -> None:
    jobs, go = Jobs(), threading.Event()

    def work(tell: Any) -> dict[str, Any]:
        assert go.wait(PATIENCE_S)
        tell({"done": 1})
        return {}

    first = jobs.add("index", "a", work)
    while first.state == "waiting":
        time.sleep(0.01)
    for _ in range(20):
        jobs.add("index", "b", work)
    with pytest.raises(Busy):
        jobs.add("index", "c", work)
    go.set()
    jobs.close()
    assert {job.state for job in jobs.all()} <= ENDED


def test_an_error_of_ours_is_logged_and_does_not_end_the_queue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs = Jobs()

    def broken(tell: Any) -> dict[str, Any]:
        raise ZeroDivisionError

    bad = jobs.add("index", "a", broken)
    good = jobs.add("index", "a", lambda tell: {"x": 1})
    deadline = time.monotonic() + PATIENCE_S
    while good.state not in ENDED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "the job index of a failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert bad.error is not None
    assert (bad.error["code"], good.report) == ("bug", {"x": 1})
    jobs.close()


def test_writers_are_named_in_the_description(library: vistazo.Library) -> None:
    with application(library) as app:
        paths = app.openapi()["paths"]
    assert {path for path in paths if "/jobs" in path} == {
        "/api/v1/jobs",
        "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/{job_id}/events",
    }


def test_an_empty_library(tmp_path: Path) -> None:
    with vistazo.open(tmp_path / "empty") as library, client_of(library) as client:
        assert client.get("/api/v1/search").json()["hits"] == []
        assert client.get("/api/v1/facets").json()["facets"][0]["values"] == []
        assert client.get("/api/v1/stats").json()["encoder"] is None
        assert refused(client.get("/api/v1/search?q=red"), 409) == "library-empty"

"""Evaluations over HTTP: who may ask for one, what its job reports, and what it refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import vistazo
from rest import OWNED, OWNER, client_of, library_at, refused

BEARER = {"Authorization": f"Bearer {OWNER}"}
ROUTE = "/api/v1/evaluations"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluations")


@pytest.fixture(scope="module")
def library(folder: Path) -> Iterator[vistazo.Library]:
    with library_at(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with client_of(library, OWNED) as client:
        yield client


@pytest.fixture(scope="module")
def table(folder: Path) -> Path:
    """Texts of three pictures; crimson's leads to red first."""
    path = folder / "labels.tsv"
    rows = [("red", "red", "rojo"), ("crimson", "red", ""), ("navy", "blue", "azul")]
    lines = ["photo_id\tcaption\tspanish", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def ended(client: httpx.Client, **asked: Any) -> Any:
    """The job of an evaluation, after its end."""
    answer = client.post(ROUTE, json=asked, headers=BEARER)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as events:
        "".join(events.iter_text())
    return client.get(f"/api/v1/jobs/{job_id}").json()


def test_only_the_owner_may(client: httpx.Client, table: Path) -> None:
    body = {"labels": str(table)}
    assert refused(client.post(ROUTE, json=body), 403) == "forbidden"
    wrong = {"Authorization": "Bearer no"}
    assert refused(client.post(ROUTE, json=body, headers=wrong), 403) == "forbidden"
    # Nor does anybody else learn whether a file is there.
    assert refused(client.post(ROUTE, json={"labels": "/no/such.tsv"}), 403) == "forbidden"
    assert client.post(ROUTE, json=body, headers=BEARER).status_code == 202


def test_the_report_is_the_evaluation(
    client: httpx.Client, library: vistazo.Library, table: Path
) -> None:
    job = ended(client, labels=str(table))
    assert (job["state"], job["kind"], job["source"]) == ("done", "evaluation", str(table))
    assert job["report"] == library.evaluate(table).to_dict()
    measures = job["report"]["measures"]["image_retrieval"]
    assert measures["recall@1"]["value"] == pytest.approx(2 / 3)
    assert measures["mrr"]["value"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    # Three texts to embed and to search for, and three pictures that look for their texts.
    assert job["progress"] == {"done": 9, "total": 9, "failed": 0}


def test_every_wish_counts(
    client: httpx.Client, library: vistazo.Library, folder: Path, table: Path
) -> None:
    for asked in (
        {"labels": table, "column": "spanish"},
        {"labels": table, "among": "library"},
        {"labels": table, "among": "library", "search": True, "depth": 1},
        {"labels": folder / "photos", "template": "a picture of {}"},
    ):
        job = ended(client, **{**asked, "labels": str(asked["labels"])})
        assert job["state"] == "done", job["error"]
        here = library.evaluate(**asked).to_dict()  # type: ignore[arg-type]
        # Which copy of the vectors answers may change between the two.
        assert {**job["report"], "path": ""} == {**here, "path": ""}
        assert here["measures"] != library.evaluate(table).measures


def test_what_is_refused_at_once(client: httpx.Client, folder: Path, table: Path) -> None:
    (folder / "notes.txt").write_text("red")
    os.mkfifo(folder / "waits.tsv")
    there = {"labels": str(table)}
    before = client.get("/api/v1/jobs").json()
    for body, code, said in [
        ({"labels": "/no/such.tsv"}, "source", "there is no /no/such.tsv; give the path"),
        ({"labels": "/no\0such.tsv"}, "source", "there is no "),
        ({"labels": "/" + "x" * 300 + ".tsv"}, "source", "cannot be read (File name too long)"),
        ({"labels": str(folder / "notes.txt")}, "source", "is no set of labelled pictures"),
        ({"labels": str(folder / "waits.tsv")}, "source", "is no set of labelled pictures"),
        ({"labels": ""}, "usage", "labels"),
        ({}, "usage", "labels"),
        ({**there, "search": True}, "usage", "looks among all its photos"),
        ({**there, "among": "all"}, "usage", "'set' or 'library'"),
        ({**there, "depth": 0}, "usage", "depth"),
        ({**there, "photos": 3}, "usage", "photos"),
    ]:
        answer = client.post(ROUTE, json=body, headers=BEARER)
        assert refused(answer, 400) == code, body
        assert said in answer.json()["error"]["message"], body
    assert client.get("/api/v1/jobs").json() == before


def test_a_job_fails_with_a_sentence(client: httpx.Client, folder: Path, table: Path) -> None:
    strangers = folder / "strangers.tsv"
    strangers.write_text("photo_id\tcaption\nnobody\tred\n")
    uneven = folder / "uneven.tsv"
    uneven.write_text("photo_id\twords\nred\tred\tand more\n")
    for asked, said in [
        ({"labels": str(table), "column": "text"}, "no column 'text'; name one of photo_id"),
        ({"labels": str(uneven)}, "name one of photo_id, words with"),
        ({"labels": str(strangers)}, "the library has none of the 1 pictures of strangers.tsv"),
        ({"labels": str(folder), "template": "a photo"}, "has no {} for the class's name"),
    ]:
        job = ended(client, **asked)
        assert (job["state"], job["report"]) == ("failed", None), asked
        assert job["error"]["code"] in ("source", "usage")
        assert said in job["error"]["message"]

"""The query language over HTTP: what it finds, as SQL, and that no file of the server is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import vistazo
from conftest import paint
from fakes import ColourEncoder
from rest import OWNED, OWNER, client_of, library_at, refused
from vistazo import Query


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    with library_at(tmp_path_factory.mktemp("query")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with client_of(library, OWNED) as client:
        yield client


def ids(client: httpx.Client, **params: Any) -> list[str]:
    answer = client.get("/api/v1/search", params=params)
    assert answer.status_code == 200, answer.text
    return [hit["photo_id"] for hit in answer.json()["hits"]]


def test_a_sum_is_the_normalised_weighted_sum(library: vistazo.Library) -> None:
    red, blue, white = ColourEncoder().encode_texts(["red", "blue", "white"]).astype("f8")
    total = 2 * red + blue - 0.5 * white
    vector = (total / np.linalg.norm(total)).astype("f4")
    asked = library.search("2:red + blue -0.5:white", k=20, mode="picture")
    assert asked == library.find(Query(vector=vector, k=20))
    assert asked[0].score > 0.5
    assert [hit.photo_id for hit in asked] != [h.photo_id for h in library.search("red", k=20)]


def test_plain_words_have_the_score_they_had(library: vistazo.Library) -> None:
    vector = ColourEncoder().encode_texts(["a red - blue thing"])[0]
    assert library.search("a red - blue thing", k=9, mode="picture") == library.find(
        Query(vector=vector, k=9)
    )
    assert library.search('"red + blue"', k=9, mode="picture") == library.find(
        Query(vector=ColourEncoder().encode_texts(["red + blue"])[0], k=9)
    )


def test_photos_that_are_searched_with_are_not_found(library: vistazo.Library) -> None:
    assert [h.photo_id for h in library.search("#red", k=3)] == [
        h.photo_id for h in library.similar("red", 3)
    ]
    found = [hit.photo_id for hit in library.search("#red + #blue -#white", k=20)]
    assert len(found) == 18
    assert not {"red", "blue"} & set(found)
    assert found[-1] == "white"  # what is not wanted is only far away
    page = library.paging.find(Query(text="#red + #blue", k=5))
    assert page.total == 18
    assert library.paging.find(Query(text="#red + #blue width:>1", k=5)).total == 18


def test_filters_in_the_words_are_filters(client: httpx.Client, library: vistazo.Library) -> None:
    assert set(ids(client, q="red category:warm")) == {"red", "crimson", "tomato"}
    assert ids(client, q="red category:warm", where="file != red") == ["crimson", "tomato"]
    assert set(ids(client, q="category:warm")) == {"red", "crimson", "tomato"}
    assert {hit.photo_id for hit in library.search("-category:odd country:norw")} <= set(
        ids(client, where="country = Norway", q="grey")
    )
    body = client.get("/api/v1/search", params={"q": "red category:warm", "facets": True}).json()
    assert body["total"] == 3
    assert {each["name"] for each in body["facets"]} >= {"category"}
    only = client.get("/api/v1/search", params={"q": "category:warm", "explain": True}).json()
    assert (only["query"]["text"], only["total"]) == ("category:warm", 3)
    assert only["explain"]["path"] == "newest"
    downloads = client.get("/api/v1/downloads", params={"q": "category:warm"}).json()
    assert downloads["total"] == 3


@pytest.mark.parametrize(
    "text",
    ["2:red + blue -white", "#red + 0.5:navy category:cold", "red -#blue", "keyword:x red", "#red"],
)
def test_a_page_as_sql_has_the_same_photos(client: httpx.Client, text: str) -> None:
    asked = {"q": text, "k": 6, "mode": "picture"}
    sql = client.get("/api/v1/sql/of", params=asked).json()["sql"]
    answer = client.post("/api/v1/sql", json={"query": sql})
    assert answer.status_code == 200, answer.text
    assert [row[0] for row in answer.json()["rows"]] == ids(client, **asked)


def test_a_caller_reads_no_file_of_the_server(client: httpx.Client, tmp_path: Path) -> None:
    path = paint(tmp_path / "secret.png", "red")
    for params in ({"q": str(path)}, {"q": f"red + image:{path}"}, {"q": f"blue -{path}"}):
        for route in ("search", "facets", "downloads", "downloads/demand"):
            answer = client.get(f"/api/v1/{route}", params=params)
            assert refused(answer, 400) == "invalid-query", route
            assert "not the names of its own files" in answer.json()["error"]["message"]
        for route in ("find", "demand"):
            answer = client.post(f"/api/v1/library/{route}", json={"text": params["q"]})
            assert refused(answer, 400) == "invalid-query"
        gone = params["q"].replace("secret", "nothing")
        answer = client.get("/api/v1/search", params={"q": gone})
        assert "not the names of its own files" in answer.json()["error"]["message"]


def test_addresses_are_fetched_as_any_other(client: httpx.Client) -> None:
    for text in ("http://127.0.0.1:1/x.png", "red + http://169.254.169.254/x.png"):
        for answer in (
            client.get("/api/v1/search", params={"q": text}),
            client.post("/api/v1/library/find", json={"text": text}),
        ):
            assert refused(answer, 422) == "private-address"
    many = " + ".join(f"http://127.0.0.1:{port}/x.png" for port in range(1, 7))
    assert refused(client.get("/api/v1/search", params={"q": many}), 400) == "invalid-query"


def test_judged_folded_and_various(client: httpx.Client, library: vistazo.Library) -> None:
    found = ids(client, q="red", like=["blue", "navy"], dislike="crimson", fold=True, diverse=0.3)
    assert found == [
        hit.photo_id
        for hit in library.search(
            "red", k=20, like=["blue", "navy"], dislike=["crimson"], fold=True, diverse=0.3
        )
    ]
    body = client.get("/api/v1/search", params={"like": ["blue"], "k": 3}).json()
    assert body["query"]["kind"] == "liked"
    assert body["hits"][0]["photo_id"] == "blue"
    assert refused(client.get("/api/v1/search", params={"q": "red", "like": "x"}), 404)
    assert refused(client.get("/api/v1/search", params={"q": "red", "diverse": 2}), 400)


def test_duplicates_are_found_by_a_job(client: httpx.Client, library: vistazo.Library) -> None:
    assert refused(client.post("/api/v1/duplicates", json={}), 403) == "forbidden"
    owner = {"Authorization": f"Bearer {OWNER}"}
    job = client.post("/api/v1/duplicates", json={"exact": False}, headers=owner).json()["job_id"]
    with client.stream("GET", f"/api/v1/jobs/{job}/events") as events:
        assert "event: done" in "".join(events.iter_text())
    report = client.get(f"/api/v1/jobs/{job}").json()["report"]
    assert report["left_out"] == 0
    assert [group["best"]["photo_id"] for group in report["groups"]] == [
        group.best.photo_id for group in library.duplicates()
    ]
    answer = client.post("/api/v1/duplicates", json={"where": "bogus = 3"}, headers=owner)
    assert refused(answer, 400) == "invalid-filter"


def test_a_map_is_kept_until_the_library_changes(
    client: httpx.Client, library: vistazo.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.get("/api/v1/map", params={"where": "category = warm", "themes": 1}).json()
    assert {place["photo_id"] for place in made["places"]} == {"red", "crimson", "tomato"}
    assert made["total"] == 3
    assert "warm" in made["themes"][0]["words"]
    asked = []
    monkeypatch.setattr(library, "map", lambda **options: asked.append(options))
    again = client.get("/api/v1/map", params={"where": "category = warm", "themes": 1})
    assert again.json() == made
    assert asked == []
    assert refused(client.get("/api/v1/map", params={"themes": 0}), 400) == "usage"
    assert refused(client.get("/api/v1/map", params={"limit": 25_001}), 400) == "usage"


def test_how_far_a_map_is(
    client: httpx.Client, library: vistazo.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    make = library.map

    def watched(*, on_progress: Callable[[int, int], None], **options: Any) -> vistazo.PhotoMap:
        def note(done: int, total: int) -> None:
            on_progress(done, total)
            if done == 7:
                params = {"where": options["where"]}
                told.append(client.get("/api/v1/map/progress", params=params).json())
                told.append(client.get("/api/v1/map/progress").json())

        return make(on_progress=note, **options)

    monkeypatch.setattr(library, "map", watched)
    assert client.get("/api/v1/map", params={"where": "category != none", "themes": 2}).is_success
    assert told == [{"done": 7, "total": 450}, {"done": 0, "total": 0}]
    after = client.get("/api/v1/map/progress", params={"where": "category != none"})
    assert after.json() == {"done": 0, "total": 0}


def test_errors_say_where(client: httpx.Client) -> None:
    answer = client.get("/api/v1/search", params={"q": "red width:>wide"})
    assert refused(answer, 400) == "invalid-query"
    assert answer.json()["error"]["position"] == 11
    assert "position" not in client.get("/api/v1/search", params={"k": 0}).json()["error"]
    answer = client.post("/api/v1/library/find", json={"text": "red width:>wide"})
    assert refused(answer, 400) == "invalid-query"
    assert answer.headers["X-Vistazo-Position"] == "11"

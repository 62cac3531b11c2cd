"""`/api/v1/search`, `/facets`, `/photos`, `/downloads`, `/sql` and `/export` over HTTP."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from PIL import Image

import vistazo
from conftest import COLOURS
from faulty_server import FaultyServer
from rest import HOSTILE, client_of, library_at, refused
from vistazo.config import Settings

COUNT = len(COLOURS) + len(HOSTILE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rest")


@pytest.fixture(scope="module")
def library(folder: Path) -> Iterator[vistazo.Library]:
    with library_at(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with client_of(library) as client:
        yield client


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(f"/api/v1{path}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.json()


def ids(found: Any) -> list[str]:
    return [hit["photo_id"] for hit in found["hits"]]


def pages(client: httpx.Client, **params: Any) -> list[str]:
    """Ids of every page to the last."""
    found: list[str] = []
    cursor = None
    while True:
        page = get(client, "/search", **params, **({"cursor": cursor} if cursor else {}))
        found += ids(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        assert len(page["hits"]) == params["k"]


def test_a_text(client: httpx.Client, library: vistazo.Library) -> None:
    found = get(client, "/search", q="red", k=3)
    expected = library.search("red", k=3)
    assert ids(found) == [hit.photo_id for hit in expected]
    assert [hit["score"] for hit in found["hits"]] == [round(hit.score, 6) for hit in expected]
    first = found["hits"][0]
    assert first["photo_id"] == "red"
    assert first["description"] == "a red picture"
    assert (first["width"], first["height"]) == (48, 32)
    assert first["attributes"]["country"] == "Norway"
    assert client.get(first["thumbnail"]).headers["content-type"] in ("image/webp", "image/jpeg")
    assert found["query"] == {
        "kind": "text",
        "text": "red",
        "photo_id": None,
        "image_key": None,
        "where": "",
    }
    assert (found["total"], found["explain"], found["facets"], found["notice"]) == (
        *(COUNT, None),
        *(None, None),
    )


def test_words_and_downloads(client: httpx.Client, library: vistazo.Library) -> None:
    wishes: Any = {"mode": "words", "popular": 0.5, "popular_for": "words", "half_life_days": 9.5}
    found = get(client, "/search", q="pictures", k=4, explain=True, **wishes)
    expected = library.search("pictures", k=4, **wishes)
    assert ids(found) == [hit.photo_id for hit in expected]
    assert [hit["why"] for hit in found["hits"]] == [list(hit.why) for hit in expected]
    assert found["total"] == len(library.search("pictures", k=100, **wishes))
    assert found["explain"]["path"] in ("database", "resident")
    assert (found["weak"], found["hits"][0]["weak"]) == (False, False)
    facets = get(client, "/facets", q="pictures", first=2, of="format", **wishes)["facets"]
    assert sum(value["count"] for value in facets[0]["values"]) == 2


@pytest.mark.parametrize(
    "wish",
    [{"mode": "all"}, {"words_weight": 1.5}, {"popular": -1}, {"half_life_days": 0}]
    + [{"popular": "nan"}, {"popular_for": ""}],
)
def test_wishes_that_make_no_sense(client: httpx.Client, wish: dict[str, Any]) -> None:
    assert refused(client.get("/api/v1/search", params={"q": "red"} | wish), 400) == "usage"


@pytest.mark.parametrize(
    "query", [{"q": "red"}, {}, {"photo_id": "red"}, {"q": "blue", "where": "width > 1"}]
)
@pytest.mark.parametrize("k", [1, 3, 7, 100])
def test_pages_hold_every_photo_once(client: httpx.Client, query: dict[str, str], k: int) -> None:
    whole = get(client, "/search", **query, k=100)
    found = pages(client, **query, k=k)
    assert found == ids(whole)
    assert len(set(found)) == len(found) == whole["total"]
    assert len(found) == COUNT - ("photo_id" in query)


def test_newest_photos_have_no_score(client: httpx.Client) -> None:
    found = get(client, "/search", k=2)
    assert found["query"]["kind"] == "newest"
    assert [hit["score"] for hit in found["hits"]] == [None, None]


def test_how_it_was_found(client: httpx.Client) -> None:
    explain = get(client, "/search", q="red", explain=1)["explain"]
    assert explain["path"] in ("database", "resident")
    assert explain["reason"]
    assert explain["stages_ms"].keys() == {"embed", "search", "metadata"}
    assert all(stage >= 0 for stage in explain["stages_ms"].values())
    assert get(client, "/search", explain=1)["explain"]["path"] == "newest"


def test_an_image_that_was_sent(client: httpx.Client, folder: Path) -> None:
    data = (folder / "photos" / "a" / "red.jpg").read_bytes()
    answer = client.post(
        "/api/v1/search", files={"image": ("red.jpg", data)}, data={"k": "2", "facets": "true"}
    )
    found = answer.json()
    assert ids(found)[0] == "red"
    assert found["facets"]
    key = found["query"]["image_key"]
    again = get(client, "/search", image_key=key, k=2, cursor=found["next_cursor"])
    assert again["query"]["kind"] == "image"
    whole = get(client, "/search", image_key=key, k=4)
    assert ids(found) + ids(again) == ids(whole)
    demand = get(client, "/downloads/demand", image_key=key, k=5)
    assert demand["most_popular"]["photo_id"] == "red"
    assert refused(client.get("/api/v1/search?image_key=0123"), 410) == "image-gone"


def test_bytes_that_are_no_image(client: httpx.Client) -> None:
    for data in (b"", b"nothing", b"\xff\xd8\xff" + b"x" * 100, b"<svg onload='alert(1)'/>"):
        answer = client.post("/api/v1/search", files={"image": ("x.jpg", data)})
        assert refused(answer, 400) == "invalid-query"
    big = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(big, "PNG")
    answer = client.post("/api/v1/search", files={"image": ("x.png", big.getvalue())})
    assert refused(answer, 400) == "invalid-query"
    assert "pixels" in answer.json()["error"]["message"]
    assert refused(client.post("/api/v1/search", data={"k": "2"}), 400) == "usage"


def test_an_address(library: vistazo.Library) -> None:
    settings = Settings(allow_private_addresses=True)
    with FaultyServer() as images, client_of(library, settings=settings) as client:
        url = images.url("good/red.jpg")
        found = get(client, "/search", url=url, k=2)
        assert ids(found)[0] == "red"
        assert (found["query"]["kind"], found["query"]["text"]) == ("url", url)
        more = get(client, "/search", url=url, k=2, cursor=found["next_cursor"])
        assert not set(ids(more)) & set(ids(found))
        assert images.asked("good/red.jpg") == 1
        assert refused(client.get("/api/v1/search", params={"url": images.url("cut")}), 422) == (
            "cut"
        )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("q=red&k=0", "usage"),
        ("q=red&k=501", "usage"),
        ("q=red&k=x", "usage"),
        ("q=red&photo_id=red", "invalid-query"),
        ("q=red&where=widht>3", "invalid-filter"),
        ("q=red&where='", "invalid-filter"),
        ("q=red&cursor=AAAA", "invalid-query"),
        ("q=red&cursor=%F0%9F%92%A9", "invalid-query"),
        ("q=red&cursor=WzFlOTksMV0", "invalid-query"),
        ("q=red&cursor=W1tbW1tb", "invalid-query"),
        ("q=" + "x" * 10_001, "usage"),
    ],
)
def test_what_cannot_be_searched_with(client: httpx.Client, query: str, code: str) -> None:
    assert refused(client.get(f"/api/v1/search?{query}"), 400) == code


def test_unknown_photos_and_paths(client: httpx.Client) -> None:
    for path in ("/search?photo_id=nobody", "/photos/nobody", "/photos/", "/photos/%00/thumbnail"):
        assert refused(client.get(f"/api/v1{path}"), 404) == "photo-not-found"
    assert refused(client.get("/api/v1/nothing"), 404) == "not-found"
    assert refused(client.put("/api/v1/search"), 405) == "method-not-allowed"


def test_facets_narrow_to_what_they_count(client: httpx.Client) -> None:
    names = "camera,year,country,category,format"
    found = get(client, "/facets", of=names)["facets"]
    assert [facet["name"] for facet in found] == names.split(",")
    by_name = {facet["name"]: facet["values"] for facet in found}
    assert {each["value"]: each["count"] for each in by_name["category"]} == {
        "cold": 9,
        "warm/red": 3,
        "odd": len(HOSTILE),
    }
    for values in by_name.values():
        for value in values:
            narrowed = get(client, "/search", where=value["where"], k=100)
            assert narrowed["total"] == value["count"] == len(narrowed["hits"])
    near = get(client, "/facets", q="red", first=3, of="category")["facets"][0]["values"]
    assert sum(each["count"] for each in near) == 3
    assert refused(client.get("/api/v1/facets?of=secrets"), 400) == "invalid-query"


def test_a_photo(client: httpx.Client) -> None:
    photo = get(client, "/photos/red")
    assert photo["description"] == "a red picture"
    assert photo["attributes"]["country"] == "Norway"
    assert (photo["format"], photo["downloads"]) == ("JPEG", 3)
    assert client.get(photo["original"]).content[:2] == b"\xff\xd8"
    small = client.get(photo["thumbnail"])
    assert Image.open(io.BytesIO(small.content)).size == (48, 32)
    assert "max-age" in small.headers["cache-control"]
    had = client.get(photo["thumbnail"], headers={"If-None-Match": small.headers["etag"]})
    assert (had.status_code, had.content) == (304, b"")


def test_downloads(client: httpx.Client) -> None:
    found = get(client, "/photos/red/downloads")
    assert found["total"] == 3
    assert [month["downloads"] for month in found["months"]] == [2, 0, 1]
    assert found["months"][0]["month"] == "2020-01-01"
    assert found["keywords"][0] == {"keyword": "warm", "downloads": 2}
    assert found["countries"] == [
        {"country": "ES", "downloads": 2},
        {"country": "DE", "downloads": 1},
    ]
    assert get(client, "/photos/gold/downloads")["total"] == 0
    assert get(client, "/downloads")["total"] == 4
    assert get(client, "/downloads", q="red", k=1)["total"] == 3
    assert get(client, "/downloads", where="category = cold")["total"] == 1
    for source in ({"q": "red"}, {"where": "photo_id in (red, blue)"}):
        demand = get(client, "/downloads/demand", **source, k=20)
        assert demand["most_popular"]["photo_id"] == "red"
        assert demand["top_keywords"][0] == {"keyword": "warm", "downloads": 2}
    body = {"photo_ids": ["blue", "red", "nobody", "red"]}
    picked = client.post("/api/v1/downloads/selected", json=body).json()
    assert [(each["photo_id"], each["downloads"]) for each in picked["candidates"]] == [
        ("red", 3),
        ("blue", 1),
    ]


def sql(client: httpx.Client, query: str, **more: Any) -> httpx.Response:
    return client.post("/api/v1/sql", json={"query": query, **more})


@pytest.mark.parametrize(
    "query",
    [
        {"q": "it's \\ red", "k": 4},
        {"photo_id": "red", "k": 4},
        {"k": 4},
        {"q": "blue", "where": "width > 10 and category = warm or description ~ 'it\\'s'", "k": 9},
        {"q": "blue", "where": "not has(taken) and format in (jpeg, png)", "k": 9},
    ],
)
def test_the_statement_of_a_page_gives_its_photos(
    client: httpx.Client, query: dict[str, Any]
) -> None:
    query |= {"mode": "picture"}
    text = get(client, "/sql/of", **query)["sql"]
    answer = sql(client, text).json()
    assert answer["columns"][0] == {"name": "photo_id", "type": "string"}
    assert [row[0] for row in answer["rows"]] == ids(get(client, "/search", **query))


def test_the_statement_of_an_image(client: httpx.Client, folder: Path) -> None:
    data = (folder / "photos" / "b" / "blue.bmp").read_bytes()
    found = client.post("/api/v1/search", files={"image": data}, data={"k": "3"}).json()
    text = get(client, "/sql/of", image_key=found["query"]["image_key"], k=3)["sql"]
    assert [row[0] for row in sql(client, text).json()["rows"]] == ids(found)


def test_rows_and_limits(client: httpx.Client) -> None:
    answer = sql(client, "SELECT number FROM numbers(10)", max_rows=3).json()
    assert (answer["rows"], answer["truncated"]) == ([[0], [1], [2]], True)
    answer = sql(client, "SELECT number FROM numbers(3)", max_rows=3).json()
    assert (len(answer["rows"]), answer["truncated"]) == (3, False)
    values = "18446744073709551615 AS a, nan AS b, toDate('2020-01-02') AS c, [1, 2] AS d"
    row = sql(client, f"SELECT {values}, NULL AS e, unhex('ff00') AS f, map('k', 1) AS g").json()
    assert row["rows"][0][5] == "base64:/wA="
    assert row["rows"][0][:5] == ["18446744073709551615", "nan", "2020-01-02", [1, 2], None]
    bound = sql(client, "SELECT {n:UInt8} + 1", params={"n": 4}).json()
    assert bound["rows"] == [[5]]
    red = sql(client, "SELECT photo_id FROM photos ORDER BY distance(photo_embed, embed('red'))")
    assert red.json()["rows"][0] == ["red"]


@pytest.mark.parametrize("photo_ids", [[], ["x"] * 10_001, "red", [1], None])
def test_selections_that_are_none(client: httpx.Client, photo_ids: Any) -> None:
    for path in ("/downloads/selected", "/export"):
        answer = client.post(f"/api/v1{path}", json={"photo_ids": photo_ids})
        assert refused(answer, 400) == "usage"


def export(client: httpx.Client, kind: str, photo_ids: list[str]) -> bytes:
    answer = client.post(f"/api/v1/export?format={kind}", json={"photo_ids": photo_ids})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="vistazo-photos.{kind}"'
    return answer.content


def test_exports(client: httpx.Client, folder: Path) -> None:
    picked = ["gold", "hostile2", "nobody", "red"]
    rows = [*csv.DictReader(io.StringIO(export(client, "csv", picked).decode("utf-8-sig")))]
    assert [row["photo_id"] for row in rows] == ["gold", "hostile2", "red"]
    assert rows[2]["downloads"] == "3"
    assert rows[1]["description"] == "'" + HOSTILE[2]  # no formula
    table = pq.read_table(io.BytesIO(export(client, "parquet", picked)))
    assert table["description"].to_pylist() == ["a gold picture", HOSTILE[2], "a red picture"]
    with zipfile.ZipFile(io.BytesIO(export(client, "zip", picked))) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [
            "metadata.csv",
            "photos/gold.heic",
            "photos/hostile2.png",
            "photos/red.jpg",
        ]
        red = (folder / "photos" / "a" / "red.jpg").read_bytes()
        assert packed.read("photos/red.jpg") == red


def test_the_rest(client: httpx.Client) -> None:
    assert get(client, "/health") == {"status": "ok", "version": vistazo.__version__}
    stats = get(client, "/stats")
    assert (stats["photos"], stats["conversions"]["conversions"]) == (COUNT, 4)
    assert stats["encoder"]["name"] == "colours"
    assert get(client, "/failures") == {"failures": [], "total": 0}
    chance = get(client, "/random", k=5)
    assert len(set(ids(chance))) == 5
    before = client.get("/metrics").text
    assert f"vistazo_photos {COUNT}.0" in before
    get(client, "/photos/red")
    name = 'vistazo_requests_total{method="GET",route="/api/v1/photos/{photo_id}",status="200"}'
    counted = [
        float(line.rpartition(" ")[2])
        for text in (before, client.get("/metrics").text)
        for line in text.splitlines()
        if line.startswith(name)
    ]
    assert counted[1] == counted[0] + 1


def test_the_reference_page(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in client.get("/api/v1/openapi.json").json()["paths"]:
        assert f" {path}</h3>" in page.text
    assert "<script" not in page.text
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")

"""Words and downloads beside pictures: one order, whatever the page, right after every change."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo import Query
from vistazo.errors import InvalidQuery

ROOT = Path(__file__).parents[3]
CAPTIONS = {
    "a/red.jpg": ("A wall by the harbour", "Un muro junto al puerto"),
    "a/crimson.png": ("Boats in the harbour", "Barcas en el puerto"),
    "b/navy.jpg": ("Night sea with one boat", "Mar de noche"),
    "b/sky.avif": ("Élan over the sea", "El mar"),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    folder = tmp_path_factory.mktemp("fusion")
    for name, colour in COLOURS.items():
        paint(folder / "pictures" / name, colour)
    lines = ["file\tcaption_en\tcaption_es\tphoto_id"]
    lines += [
        f"{name}\t{captions[0]}\t{captions[1]}\t{Path(name).stem}"
        for name in COLOURS
        for captions in [CAPTIONS.get(name, ("", ""))]
    ]
    (folder / "pictures" / "captions.tsv").write_text("\n".join(lines) + "\n")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as opened:
        assert isinstance(opened, vistazo.Library)
        opened.index(folder / "pictures")
        log = ["converted_at\tphoto_id\tkeyword"]
        log += [f"2024-01-{day:02} 10:00:00\tolive\tGondola" for day in range(1, 9)]
        log += ["2024-03-01 10:00:00\tlime\tgondolas at night"] * 3
        log += ["2024-03-01 10:00:00\twhite\t"] * 20
        (folder / "log.tsv").write_text("\n".join(log) + "\n")
        assert opened.load_conversions(folder / "log.tsv").rows == 31
        yield opened


def ids(hits: Any) -> list[str]:
    return [hit.photo_id for hit in hits]


def whys(library: vistazo.Library, query: Query) -> dict[str, tuple[str, ...]]:
    return {hit.photo_id: hit.why for hit in library.find(query)}


def same(found: Sequence[vistazo.Hit], expected: Sequence[vistazo.Hit]) -> None:
    """Equal but for a score's last digit: the database and memory add in another order."""
    assert ids(found) == ids(expected)
    assert [hit.why for hit in found] == [hit.why for hit in expected]
    scores = [hit.score for hit in expected]
    assert [hit.score for hit in found] == pytest.approx(scores, abs=1e-5)


QUERIES = {
    "both": Query(text="boat in the harbour"),
    "words": Query(text="boat harbour sea", mode="words"),
    "little weight": Query(text="boat", words_weight=0.01),
    "filtered": Query(text="boat or sea", where="format = jpeg or format = avif or format = png"),
    "popular": Query(text="red", popular=0.6),
    "popular for words": Query(text="a gondola", popular=0.5, popular_for="words"),
    "popular lately": Query(text="navy", popular=0.5, half_life_days=10.0),
    "popular like": Query(photo_id="red", popular=0.7),
    "picture": Query(text="blue", mode="picture"),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_page_is_a_part_of_one_order(library: vistazo.Library, query: Query) -> None:
    whole = library.find(replace(query, k=100))
    assert len({*ids(whole)}) == len(whole) > 0
    for k in (1, 2, 5):
        same(library.find(replace(query, k=k)), whole[:k])
        paged: list[vistazo.Hit] = []
        while page := library.paging.find(replace(query, k=k), len(paged)).hits:
            paged += page
        same(paged, whole)
    assert library.paging.find(replace(query, k=1)).total == len(whole)
    demanded = library.demand(replace(query, k=3)).candidates
    assert {each.photo_id for each in demanded} == {*ids(whole[:3])}
    counted = library.paging.facets(["format"], replace(query, k=4))["format"]
    assert sum(each.count for each in counted) == len(whole[:4])


def test_words_are_found_beside_the_picture(library: vistazo.Library) -> None:
    hits = library.search("red boat", k=12)
    pictured = library.search("red boat", k=12, mode="picture")
    assert ids(pictured)[0] == "red"
    assert ids(hits) != ids(pictured)
    # The score stays the picture's, whatever the order.
    scores = {hit.photo_id: hit.score for hit in pictured}
    assert {hit.photo_id: hit.score for hit in hits} == pytest.approx(scores, abs=1e-5)
    assert whys(library, Query(text="red boat"))["crimson"][1:] == ("caption: boats",)
    assert ids(library.search("red boat", words_weight=0)) == ids(pictured[:10])


def test_words_alone_find_only_photos_that_have_them(library: vistazo.Library) -> None:
    # Another form of a word counts a little less than the word itself.
    found = ids(library.search("boats in the harbour", mode="words", k=12))
    assert found == ["crimson", "red", "navy"]
    assert ids(library.search("puertos", mode="words")) == ids(
        library.search("PUERTO", mode="words")
    )
    assert ids(library.search("elan", mode="words")) == ["sky"]
    assert ids(library.search("zeppelin", mode="words")) == []
    assert ids(library.search("sea", mode="words", where="format = jpeg")) == ["navy"]


def test_what_people_searched_for_counts_as_words(library: vistazo.Library) -> None:
    found = whys(library, Query(text="góndolas", mode="words"))
    assert found["olive"][1:] == ("searched: gondola (8 downloads)",)
    assert found["lime"][1:] == ("searched: gondolas (3 downloads)",)
    assert len(found) == 2


def test_downloads_lift_photos(library: vistazo.Library) -> None:
    plain = ids(library.search("red", k=12, mode="picture"))
    lifted = library.search("red", k=12, mode="picture", popular=1.0)
    assert ids(lifted)[:3] == ["white", "olive", "lime"]
    assert lifted[0].why[1] == "popular: 20 downloads (1.00)"
    # Those that nobody downloaded keep their order.
    assert [each for each in ids(lifted) if each not in ("white", "olive", "lime")] == [
        each for each in plain if each not in ("white", "olive", "lime")
    ]
    assert ids(library.search("red", k=12, mode="picture", popular=0.0)) == plain
    for_words = library.search("gondola", k=12, popular=1.0, popular_for="words")
    assert ids(for_words)[:2] == ["olive", "lime"]
    lately = library.search("gondola", k=12, popular=1.0, popular_for="words", half_life_days=5.0)
    assert ids(lately)[:2] == ["lime", "olive"]


def test_changes_are_seen_at_once(library: vistazo.Library, tmp_path: Path) -> None:
    assert ids(library.search("dirigible", mode="words")) == []
    paint(tmp_path / "more" / "old-castle_7.png", "grey")
    (tmp_path / "more" / "captions.tsv").write_text(
        "file\tcaption_es\tphoto_id\nold-castle_7.png\tUn dirigible\tgrey\n"
    )
    library.index(tmp_path / "more")
    assert ids(library.search("dirigible", mode="words")) == ["grey"]
    assert whys(library, Query(text="a castle", mode="words"))["grey"][1:] == ("file: castle",)
    row = {"id": [1], "photo_id": ["black"], "keyword": ["Dirigibles"]}
    library.connection.insert("conversions", pa.table(row))
    assert ids(library.search("dirigible", mode="words")) == ["grey", "black"]
    library.sql("DELETE FROM conversions WHERE id = 1 AND keyword = 'Dirigibles'", write=True)
    library.sql("DELETE FROM photos WHERE photo_id = 'grey'", write=True)
    assert ids(library.search("dirigible", mode="words")) == []


@pytest.mark.parametrize(
    ("wishes", "text"),
    [
        ({"mode": "sound"}, "mode must be one of both, picture, words, not 'sound'"),
        ({"words_weight": 2}, "words_weight must be a number from 0 to 1, not '2'"),
        ({"words_weight": math.nan}, "words_weight must be a number from 0 to 1, not 'nan'"),
        ({"popular": "much"}, "popular must be a number from 0 to 1, not 'much'"),
        ({"popular_for": "me"}, "popular_for must be one of all, words, not 'me'"),
        ({"half_life_days": 0}, "half_life_days must be at least 0.001"),
    ],
)
def test_wishes_that_make_no_sense(
    library: vistazo.Library, wishes: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidQuery, match=re.escape(text)):
        library.search("red", **wishes)


@pytest.mark.parametrize("wish", [{"mode": "words"}, {"popular_for": "words"}])
def test_an_image_has_no_words(library: vistazo.Library, wish: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery, match="needs a text; an image has none"):
        library.similar("red", **wish)


def test_the_statement_of_a_page_says_what_it_leaves_out(library: vistazo.Library) -> None:
    text = library.paging.view_sql(Query(text="red"), k=3)
    assert text.startswith("-- The pictures' part")
    assert library.sql(text)["photo_id"].to_pylist() == ids(
        library.search("red", k=3, mode="picture")
    )
    assert not library.paging.view_sql(Query(text="red", mode="picture")).startswith("--")


@pytest.mark.parametrize("text", ["red", "a forest path"])
def test_sql_alone_gives_the_same_order(library: vistazo.Library, text: str) -> None:
    page = (ROOT / "docs" / "sql.md").read_text("utf-8")
    (statement,) = re.findall(r"^```sql\n(.*?)^```", page, re.M | re.S)
    assert "embed('a forest path')" in statement
    rows = library.sql(statement.replace("a forest path", text)).to_pylist()
    hits = library.search(text, k=10, mode="picture", popular=0.3)
    assert [row["photo_id"] for row in rows] == ids(hits)
    assert [row["score"] for row in rows] == pytest.approx([hit.score for hit in hits], abs=1e-5)
    assert {row["downloads"] for row in rows} >= {0, 20}

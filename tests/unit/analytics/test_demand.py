from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from vistazo.analytics.demand import demand, totals
from vistazo.analytics.load import load_conversions
from vistazo.records import Candidate, Demand, Totals
from vistazo.store.connect import Connection
from vistazo.store.filters import compile_filter
from vistazo.store.store import Store

QUERY = np.array([1, 0, 0, 0], np.float32)
# Cosine similarity to QUERY, by photo.
SCORES = {"near": 0.8, "mid": 0.6, "twin": 0.6, "far": 0.0, "lone": -0.6}


def add_photos(connection: Connection) -> None:
    vectors = [[score, (1 - score**2) ** 0.5, 0, 0] for score in SCORES.values()]
    connection.insert(
        "photos",
        pa.table(
            {
                "photo_id": list(SCORES),
                "photo_image_url": [
                    "https://example.com/a?w=2"
                    if name == "far"
                    else f"file:///pictures/{name}%20.jpg"
                    for name in SCORES
                ],
                "photo_embed": pa.array(vectors, pa.list_(pa.float32())),
                "width": pa.array([800 if name != "near" else 80 for name in SCORES], pa.uint32()),
            }
        ),
    )


def log(connection: Connection, *rows: tuple[str, str]) -> None:
    table = {
        "id": range(len(rows)),
        "photo_id": [photo for photo, _ in rows],
        "keyword": [word for _, word in rows],
    }
    connection.insert("conversions", pa.table(table))


def ask(connection: Connection, k: int = 10, where: str = "") -> Demand:
    statement = Store(connection).statement(QUERY, k, compile_filter(where), indexed=False)
    return demand(connection, statement.sql, statement.params, settings=statement.settings)


def downloads(found: Demand) -> list[tuple[str, int]]:
    return [(each.photo_id, each.downloads) for each in found.candidates]


@pytest.fixture
def stocked(connection: Connection) -> Connection:
    add_photos(connection)
    return connection


def test_most_downloaded_first_and_the_others_last(stocked: Connection) -> None:
    log(stocked, *[("far", "sea")] * 3, ("mid", "dog"), ("elsewhere", "sea"), ("twin", "cat"))
    found = ask(stocked)
    assert downloads(found) == [("far", 3), ("mid", 1), ("twin", 1), ("near", 0), ("lone", 0)]
    assert found.candidates[0].uri == "https://example.com/a?w=2"
    assert found.candidates[1].uri == "/pictures/mid .jpg"
    for each in found.candidates:
        assert each.score == pytest.approx(SCORES[each.photo_id], abs=1e-6)
    assert found.most_popular == found.candidates[0]
    assert found.top_keywords == (("sea", 3),)


def test_against_a_plain_count(stocked: Connection) -> None:
    rng = np.random.default_rng(3)
    names, words = [*SCORES, "elsewhere"], [f"word {number}" for number in range(12)]
    rows = [(names[int(a)], words[int(b)]) for a, b in rng.integers(0, (6, 12), (5000, 2))]
    log(stocked, *rows)
    count = Counter(photo for photo, _ in rows)
    found = ask(stocked, k=4)
    nearest = ["near", "mid", "twin", "far"]
    assert downloads(found) == sorted(
        ((name, count[name]) for name in nearest), key=lambda pair: -pair[1]
    )
    best = downloads(found)[0][0]
    of_best = Counter(word for photo, word in rows if photo == best)
    expected = sorted(of_best.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    assert found.top_keywords == tuple(expected)


def test_keywords_are_exact_and_ties_in_their_order(stocked: Connection) -> None:
    words = ["dog", "Dog", "dog ", '6" nails', "🐕", "ave", "ave", "", "", ""]
    log(stocked, *(("near", word) for word in words))
    found = ask(stocked)
    assert found.most_popular == Candidate(
        "near", "/pictures/near .jpg", found.candidates[0].score, 10
    )
    assert found.top_keywords == (("ave", 2), ('6" nails', 1), ("Dog", 1), ("dog", 1), ("dog ", 1))


def test_only_what_the_filter_keeps(stocked: Connection) -> None:
    log(stocked, ("near", "a"), ("near", "b"), ("twin", "a"))
    assert downloads(ask(stocked, k=2)) == [("near", 2), ("mid", 0)]
    kept = ask(stocked, k=2, where="width > 100 and not photo_id = 'mid'")
    assert downloads(kept) == [("twin", 1), ("far", 0)]


def test_nothing_downloaded(stocked: Connection) -> None:
    log(stocked, ("elsewhere", "a"))
    found = ask(stocked, k=2)
    assert downloads(found) == [("near", 0), ("mid", 0)]
    assert found.most_popular is None
    assert found.top_keywords == ()


def test_nothing_found(stocked: Connection) -> None:
    log(stocked, ("near", "a"))
    assert ask(stocked, where="width > 9000") == Demand((), None, ())


def test_a_photo_that_is_in_the_table_twice_counts_once(stocked: Connection) -> None:
    add_photos(stocked)
    log(stocked, ("near", "a"), ("near", "a"))
    assert downloads(ask(stocked, k=4)) == [("near", 2), ("mid", 0)]


def test_keywords_that_are_not_utf8(stocked: Connection) -> None:
    stocked.execute("INSERT INTO conversions (photo_id, keyword) SELECT 'near', unhex('636166E9')")
    assert ask(stocked).top_keywords == (("caf\ufffd", 1),)
    assert totals(stocked).top_keywords == (("caf\ufffd", 1),)


def test_candidates_of_the_vector_index(stocked: Connection) -> None:
    log(stocked, ("far", "sea"))
    statement = Store(stocked).statement(QUERY, 5, compile_filter(""), indexed=True)
    found = demand(stocked, statement.sql, statement.params, settings=statement.settings)
    assert found == ask(stocked, k=5)


def test_totals(stocked: Connection, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert totals(stocked) == Totals(0, 0, 0, 0, (), 0)
    path = tmp_path_factory.mktemp("log") / "c.tsv"
    words = ["f", "e", "d", "c", "b", "a", "a", ""]
    path.write_text("photo_id\tkeyword\n" + "".join(f"near\t{word}\n" for word in words))
    load_conversions(stocked, path)
    log(stocked, ("far", "a"), ("gone", "a"), ("gone", "b"))
    top = (("a", 4), ("b", 2), ("c", 1), ("d", 1), ("e", 1))
    assert totals(stocked) == Totals(11, 1, 3, 6, top, 2)

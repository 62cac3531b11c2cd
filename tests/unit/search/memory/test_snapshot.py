"""A library in memory, in several segments, with graphs and under filters, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from segments import key_of, segment, unit
from vistazo.search.memory.graph import Graph
from vistazo.search.memory.segment import Segment
from vistazo.search.memory.snapshot import Part, Snapshot
from vistazo.store.state import State

DIM, K = 32, 10
LARGE, SMALL = 26_000, 300
DEAD = slice(0, LARGE, 7)


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Crowded around one direction, as CLIP's are, in numbers that matter less and less."""
    random = np.random.default_rng(7)
    scale = np.arange(1, DIM + 1) ** -0.5
    return unit(random.standard_normal((LARGE + SMALL, DIM)) * scale + random.standard_normal(DIM))


@pytest.fixture(scope="module")
def snapshot(vectors: np.ndarray) -> Snapshot:
    large = segment(vectors[:LARGE])
    large.graph = Graph.built(large.vectors, never)
    alive = np.ones(LARGE, dtype=np.bool_)
    alive[DEAD] = False
    small = segment(vectors[LARGE:], LARGE)
    return Snapshot(State(1, 0), "", [Part.of(large, alive), Part.of(small)])


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5, 0.1, 0.01, 0.001])
def test_k_hits_and_nearly_the_right_ones(
    snapshot: Snapshot, vectors: np.ndarray, share: float
) -> None:
    random = np.random.default_rng(3)
    counts = np.ones(len(vectors), dtype=np.bool_)
    counts[DEAD] = False
    matching = snapshot.every()
    if share < 1:
        chosen = np.flatnonzero(random.random(len(vectors)) < share)
        keys = np.array([key_of(int(number)) for number in chosen], dtype=np.uint64)
        matching = snapshot.matching(("share", str(share)), keys)
        counts &= np.isin(np.arange(len(vectors)), chosen)
    kind = snapshot.ways(K, matching)[0].kind
    assert kind == ("rows" if share < 0.6 else "graph")
    right = 0
    queries = unit(vectors[random.integers(0, len(vectors), 40)] + 0.02)
    for query in queries:
        scores = np.where(counts, vectors @ query, -2)
        expected = {f"p{row:06}" for row in np.argsort(-scores)[:K]}
        found = snapshot.nearest(query, K, matching)
        assert len(found) == K
        assert all(counts[int(each.photo_id[1:])] for each in found)
        assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
        for each in found:
            assert each.score == pytest.approx(scores[int(each.photo_id[1:])], abs=1e-6)
        right += len(expected & {each.photo_id for each in found})
    assert right / (K * len(queries)) >= (0.95 if kind == "graph" else 1)


def test_what_a_filter_leaves_of_the_graphs_candidates(
    snapshot: Snapshot, vectors: np.ndarray
) -> None:
    """A filter that keeps the farthest, so that none of the candidates match."""
    query = vectors[5]
    order = np.argsort(vectors[:LARGE] @ query)
    far = np.sort(order[: LARGE * 95 // 100])
    far = far[far % 7 != 0]
    whole = segment(vectors[:LARGE])
    whole.graph = snapshot.parts[0].segment.graph
    one = Snapshot(State(1, 0), "", [Part.of(whole)])
    keys = np.array([key_of(int(number)) for number in far], dtype=np.uint64)
    matching = one.matching(("far", ""), keys)
    found = [int(each.photo_id[1:]) for each in one.nearest(query, K, matching)]
    assert found == far[np.argsort(-(vectors[far] @ query))[:K]].tolist()


def test_equal_vectors_go_by_photo_id_wherever_they_stand(vectors: np.ndarray) -> None:
    same = np.tile(vectors[1], (77, 1))
    parts = [Part.of(segment(same[:50], 27)), Part.of(segment(same[:27], 0))]
    every = Snapshot(State(1, 77), "", parts)
    for k in (1, 5, 30, 77, 100):
        found = every.nearest(vectors[3], k, every.every())
        assert [each.photo_id for each in found] == [f"p{n:06}" for n in range(min(k, 77))]
        assert len({each.score for each in found}) == 1


def test_what_is_shown(snapshot: Snapshot) -> None:
    ids = ["p000001", "p000007", f"p{LARGE + 3:06}", "q", ""]
    found = snapshot.shown(ids)
    assert sorted(found) == ["p000001", f"p{LARGE + 3:06}"]  # every seventh has gone
    assert found["p000001"]["description"] == "photo 1"
    assert dict(found["p000001"]["attributes"]) == {"n": "1"}


def test_a_photos_own_vector(snapshot: Snapshot, vectors: np.ndarray) -> None:
    for number in (1, LARGE - 1, LARGE, LARGE + SMALL - 1):
        assert np.array_equal(snapshot.vector(f"p{number:06}"), vectors[number])
    assert snapshot.vector("p000007") is None
    assert snapshot.vector("q") is None


def test_a_build_can_be_given_up(vectors: np.ndarray) -> None:
    asked = []
    assert Graph.built(vectors, lambda: len(asked) > 3 or asked.append(1)) is None
    assert len(asked) == 4


def test_no_photos() -> None:
    none = Snapshot(State(1, 0), "", [])
    assert none.nearest(np.ones(3, dtype=np.float32), 5, none.every()) == []
    assert none.shown(["p000001"]) == {}


def test_what_hits_show_where_columns_are_of_several_batches(vectors: np.ndarray) -> None:
    whole = segment(vectors[:100])
    batches = [whole.columns.slice(0, 30), whole.columns.slice(30, 0), whole.columns.slice(30)]
    split = Segment(whole.listing, whole.vectors, pa.concat_tables(batches))
    rows = [99, 0, 29, 30, 31, 0]
    assert split.shown(rows) == whole.shown(rows)
    assert [each["photo_id"] for each in split.shown(rows)] == [f"p{row:06}" for row in rows]

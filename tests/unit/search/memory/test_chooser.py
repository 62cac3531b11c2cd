"""What is kept and which way is taken, just below and just above every threshold."""

from __future__ import annotations

import pytest

from vistazo.search.memory.chooser import GRAPH_ROWS, Way, keep, way

GB = 10**9


@pytest.mark.parametrize(
    ("photos", "max_bytes", "memory", "vectors", "graph"),
    [
        (GRAPH_ROWS - 1, 4 * GB, 0, True, False),
        (GRAPH_ROWS, 4 * GB, 0, True, True),
        (100_000, 4 * GB, 0, True, True),
        # 100,000 times 4 x 512 + 300 bytes for vectors and columns, 2 x 512 + 500 for a graph
        (100_000, 234_799_999, 0, False, False),
        (100_000, 234_800_000, 0, True, False),
        (100_000, 387_199_999, 0, True, False),
        (100_000, 387_200_000, 0, True, True),
        # of the machine's memory at most half is taken
        (100_000, 4 * GB, 774_399_998, True, False),
        (100_000, 4 * GB, 774_400_000, True, True),
        (100_000, 4 * GB, 469_599_998, False, False),
        (1_000_000, 4 * GB, 24 * GB, True, True),
        (10, 0, 24 * GB, False, False),
    ],
)
def test_what_is_kept(photos: int, max_bytes: int, memory: int, vectors: bool, graph: bool) -> None:
    kept = keep(photos, 512, max_bytes, memory, GRAPH_ROWS)
    assert (kept.vectors, kept.graph) == (vectors, graph)
    assert kept.reason


def test_a_library_too_large_is_told_by_how_much() -> None:
    kept = keep(1_000_000, 512, GB, 0, GRAPH_ROWS)
    assert kept.reason == "a copy would take 2.3 GB of memory and may 1.0 GB"


@pytest.mark.parametrize(
    ("rows", "matching", "k", "graph", "kind"),
    [
        (25_000, 25_000, 10, False, "scan"),
        (100_000, 100_000, 10, False, "scan"),
        (100_000, 100_000, 10, True, "graph"),
        # two thirds of the rows apart from each other take as long as all in a row
        (30_000, 20_000, 10, False, "scan"),
        (30_000, 19_999, 10, False, "rows"),
        # the graph costs 40 x 256 rows at least, and must be twice as fast as what it replaces
        (20_479, 20_479, 10, True, "scan"),
        (20_480, 20_480, 10, True, "graph"),
        # among many hits, or few matches, the graph would look at too much
        (100_000, 100_000, 282, True, "graph"),
        (100_000, 100_000, 283, True, "scan"),
        (100_000, 50_000, 10, True, "graph"),
        (100_000, 10_000, 10, True, "rows"),
        (100_000, 1_000, 10, True, "rows"),
        (100_000, 100, 10, True, "rows"),
        (1_000_000, 160_000, 10, True, "graph"),
        (1_000_000, 150_000, 10, True, "rows"),
        (1_000_000, 10_000, 10, True, "rows"),
        (1_000_000, 100_000, 1_000, True, "rows"),
        (100_000, 0, 10, True, "rows"),
        (0, 0, 10, False, "scan"),
    ],
)
def test_the_way(rows: int, matching: int, k: int, graph: bool, kind: str) -> None:
    assert way(rows, matching, k, graph=graph).kind == kind


def test_a_filter_makes_the_graph_give_more() -> None:
    every = way(1_000_000, 1_000_000, 10, graph=True)
    half = way(1_000_000, 500_000, 10, graph=True)
    fifth = way(1_000_000, 200_000, 10, graph=True)
    assert every == Way("graph", 40, 512)
    assert half == Way("graph", 118, 512)
    assert fifth == Way("graph", 295, 1180)

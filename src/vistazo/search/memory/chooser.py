"""Which way to search, from counts and memory alone: no vectors, no database."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

GRAPH_ROWS = 40_000  # above so many an exact scan takes several times what a graph takes
# Of all vectors in memory; scoring so many one by one, beside asking the graph, takes two thirds of the
# time in which all are scored and put in an order.
APART = 0.5
_COLUMNS_BYTES = 300  # a row's columns and ids, in the middle
_LINKS_BYTES = 500  # a row's neighbours in a graph, as usearch counts them
_SHARE_OF_MEMORY = 0.5

# Candidates of a graph that are scored exactly, beside k: it ranks by 16-bit vectors.
_BESIDE = 30
# Of the graph's search: at 50,000 vectors crowded around one direction, as CLIP's are, 128 finds .97
# of the nearest and 256 .99; more rows need more.
_WIDTH, _WIDTH_OF_LARGE, _LARGE = 256, 512, 300_000
# The last of those that are fetched are found less surely, so the search is so many times as wide.
# Of 1,000,000, where a filter keeps 14 %, as wide finds .908 of the nearest ten, 4 times .958
# (bench/graph_width.py); where it keeps fewer, the rows that match are read.
_WIDER = 4
# What a search costs, in rows that a plain scan reads in the same time.
_GATHERED = 1.5  # a row that lies apart from the others
_SEEN, _SEEN_OF_LARGE = 40.0, 80.0  # one of the graph's width; a large one is in no cache
# A graph is tried where it costs at most this share of the scan that answers when it finds too few,
# so that both together take no more than 1.5 times that scan.
_WORTH = 0.5


@dataclass(frozen=True, slots=True)
class Keep:
    """What of a library is kept in memory, and a clause that says why."""

    vectors: bool
    graph: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Way:
    """How to find the nearest of some rows.

    Attributes:
        kind: `scan` reads every vector, `rows` those that match, `graph` asks the graph.
        fetch: how many candidates the graph gives.
        width: of the graph's search, above `fetch`.
    """

    kind: Literal["scan", "rows", "graph"]
    fetch: int = 0
    width: int = 0


def keep(photos: int, dim: int, max_bytes: int, memory_bytes: int, graph_rows: int) -> Keep:
    """What to keep of so many vectors in so much memory.

    Args:
        max_bytes: as the user allows.
        memory_bytes: of the machine; at most half of it is taken. 0 where it is not known.
    """
    room = max_bytes
    if memory_bytes:
        room = min(room, int(_SHARE_OF_MEMORY * memory_bytes))
    plain = photos * (4 * dim + _COLUMNS_BYTES)
    if plain > room:
        return Keep(
            False, False, f"a copy would take {_size(plain)} of memory and may {_size(room)}"
        )
    if photos < graph_rows:
        return Keep(True, False, f"so few vectors as {photos:,} are read fast")
    if plain + photos * (2 * dim + _LINKS_BYTES) > room:
        return Keep(True, False, "there is no memory for a graph beside the vectors")
    return Keep(True, True, "a graph leads to the nearest")


def fetched(rows: int, matching: int, k: int) -> int:
    """So many of the nearest that the k nearest of those that match are among them.

    Args:
        matching: at least 1.
    """
    wanted = k + _BESIDE
    # With room for chance.
    spread = (wanted + 3 * math.sqrt(wanted)) if matching < rows else wanted
    return min(rows, math.ceil(spread * rows / matching))


def way(rows: int, matching: int, k: int, *, graph: bool) -> Way:
    """How to find the k nearest of the rows that match.

    Args:
        rows: all there are; without a filter as many as match.
        graph: whether there is one over the rows.
    """
    gather = _GATHERED * matching
    exact = Way("rows") if gather < rows else Way("scan")
    if not graph or not matching:
        return exact
    fetch = fetched(rows, matching, k)
    large = rows >= _LARGE
    width = max(_WIDTH_OF_LARGE if large else _WIDTH, _WIDER * fetch)
    if (_SEEN_OF_LARGE if large else _SEEN) * width <= _WORTH * min(gather, rows):
        return Way("graph", fetch, width)
    return exact


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"

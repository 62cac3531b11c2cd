"""How wide the graph must be searched where a filter keeps few of the photos.

For each share of photos that a filter keeps: recall@10 and milliseconds of a search that is some
times as wide as it fetches (`chooser._WIDER`), and which way the chooser takes. The graph is kept in
the work folder; at 1,000,000 it takes ten minutes to build.

Run: python bench/graph_width.py [--rows 100000] [--shape clustered] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from rivals import best
from synthetic import SHAPES, K, World, world
from vistazo.records import Float32Array
from vistazo.search.memory.chooser import fetched, way
from vistazo.search.memory.graph import Graph

KEPT = (1000, 500, 333, 200, 140, 100)  # of 1000
TIMES = (1, 2, 3, 4, 6, 8)
QUERIES = 100


def graph_of(made: World, vectors: Float32Array) -> Graph:
    """The graph, from its file where there is one."""
    file = made.folder / "graph.usearch"
    if not file.exists():
        built = Graph.built(vectors, lambda: False)
        assert built is not None
        built.save(file)
    return Graph.opened(file, made.rows, made.dim)


def measure(made: World) -> None:
    vectors, queries, ranks = made.vectors(), made.queries[:QUERIES], made.ranks
    graph = graph_of(made, vectors)
    print(f"{made.rows:,} {made.shape}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("kept %  fetched  times  width  recall@10      ms  the chooser's way")
    for kept in KEPT:
        mask = ranks <= kept
        rows = np.flatnonzero(mask)
        own = vectors[rows]
        truth = [rows[best(own @ query)] for query in queries]
        fetch = fetched(made.rows, len(rows), K)
        chosen = way(made.rows, len(rows), K, graph=True)
        for times in TIMES:
            took, found = [], 0
            for query, right in zip(queries, truth, strict=True):
                started = time.perf_counter()
                near = graph.near(query, fetch, times * fetch)
                near = near[mask[near]]
                nearest = near[best(vectors[near] @ query)]
                took.append(1000 * (time.perf_counter() - started))
                found += len(np.intersect1d(nearest, right))
            print(
                f"{kept / 10:6.1f} {fetch:8} {times:6} {times * fetch:6}"
                f" {found / (K * len(queries)):10.3f} {statistics.median(took):7.2f}"
                f"  {chosen.kind} {chosen.width or ''}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--shape", choices=SHAPES, default="clustered")
    parser.add_argument("--work", type=Path, help="keeps vectors and graph; else nothing is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(world(options.work or Path(temporary), options.shape, options.rows))


if __name__ == "__main__":
    main()

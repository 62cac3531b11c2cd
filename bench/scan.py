"""A scan of all vectors: by BLAS as it likes, and in blocks that it multiplies in one thread.

What vistazo does are blocks of 262,144 numbers, many in one call, shared by threads. The last rows
read a tenth of the rows, as behind a filter: gathered all at once, 256 by 256, and that by threads.

In turns, in one run: p50 and p95 of one client, and answers a second of four. The second half runs
beside a process that keeps a core busy, as a machine in use does.

Run: python bench/scan.py [--rows 25000] [--dim 512] [--seconds 1]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistazo.records import Float32Array
from vistazo.search.memory.scan import GATHERED_ROWS, products, products_of

Scan = Callable[[Float32Array], Float32Array]
NUMBERS = (65_536, 131_072, 262_144, 524_288, 1_048_576)
ROUNDS = 3


def blocks(vectors: Float32Array, numbers: int, query: Float32Array) -> Float32Array:
    scores = np.empty(len(vectors), np.float32)
    step = numbers // vectors.shape[1]
    for start in range(0, len(vectors), step):
        some = slice(start, start + step)
        np.dot(vectors[some], query, out=scores[some])
    return scores


def gathers(vectors: Float32Array, rows: NDArray[np.intp], query: Float32Array) -> Float32Array:
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), GATHERED_ROWS):
        some = slice(start, start + GATHERED_ROWS)
        np.dot(vectors[rows[some]], query, out=scores[some])
    return scores


def alone(scan: Scan, queries: Float32Array) -> list[float]:
    """Milliseconds of each query."""
    times = []
    for query in queries:
        started = time.perf_counter()
        scan(query)
        times.append(1000 * (time.perf_counter() - started))
    return times


def together(scan: Scan, queries: Float32Array, seconds: float) -> float:
    """Answers a second of four threads."""
    counts = [0] * 4
    ends = time.perf_counter() + seconds

    def run(number: int) -> None:
        while time.perf_counter() < ends:
            scan(queries[counts[number] % len(queries)])
            counts[number] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def spin() -> None:
    while True:
        pass


def measure(ways: dict[str, Scan], queries: Float32Array, seconds: float) -> None:
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, scan in ways.items():
            alone(scan, queries[:10])
            times = alone(scan, queries)
            middle, late = (float(np.percentile(times, each)) for each in (50, 95))
            found[name].append((middle, late, together(scan, queries, seconds)))
    print(f"{'numbers at once':20}{'p50 ms':>8}{'p95 ms':>8}{'QPS of four':>13}")
    for name, rounds in found.items():
        middle, late, rate = (statistics.median(each) for each in zip(*rounds, strict=True))
        print(f"{name:20}{middle:8.2f}{late:8.2f}{rate:13,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=1)
    options = parser.parse_args()
    chance: Any = np.random.default_rng(0)
    vectors = chance.standard_normal((options.rows, options.dim), dtype=np.float32)
    queries = chance.standard_normal((200, options.dim), dtype=np.float32)
    ways: dict[str, Scan] = {"all, as BLAS likes": lambda query: vectors @ query}
    for numbers in NUMBERS:
        ways[f"{numbers:,}"] = partial(blocks, vectors, numbers)
    ways["as vistazo does"] = partial(products, vectors)
    rows = np.sort(chance.choice(options.rows, options.rows // 10, replace=False))
    ways["10 %, at once"] = lambda query: vectors[rows] @ query
    ways["10 %, by 256"] = partial(gathers, vectors, rows)
    ways["10 %, as vistazo"] = partial(products_of, vectors, rows)
    print(
        f"{options.rows:,} x {options.dim}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    measure(ways, queries, options.seconds)
    busy = multiprocessing.get_context("spawn").Process(target=spin, daemon=True)
    busy.start()
    try:
        print("\nbeside a busy process")
        measure(ways, queries, options.seconds)
    finally:
        busy.terminate()


if __name__ == "__main__":
    main()

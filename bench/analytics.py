"""Questions about downloads: the whole log, and what a query's nearest photos had.

For each question the median, the longest and the shortest wall clock in ms, and the median of the
processor time, which others who use the machine disturb least: two idle cores need about half of
it. The last lines ask for mismatches by grouping all pairs, as without the column `pair`.

Run: nice python bench/analytics.py [--photos 25000] [--conversions 5000000] [--runs 15]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vistazo.analytics import pairs
from vistazo.analytics.demand import demand
from vistazo.analytics.load import load_conversions
from vistazo.analytics.trends import Downloads
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.filters import Filter
from vistazo.store.schema import migrate
from vistazo.store.store import Statement, Store

DIM, K = 512, 100
KEYWORDS, USERS, COUNTRIES, MONTHS = 50_000, 800_000, 220, 24
BATCH = 500_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=25_000)
    parser.add_argument("--conversions", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "conversions.parquet")
        world = World(options.photos)
        world.write_log(log, options.conversions)
        address = parse(Path(folder, "library"))
        connection = connect(address, create=True, wait_s=0)
        migrate(connection)
        world.insert_photos(connection)
        report = load_conversions(connection, log)
        print(f"{options.photos:,} photos, {report.rows:,} conversions in {report.seconds:.1f} s")
        while connection.value("SELECT count() FROM system.merges"):
            time.sleep(1)  # what a load leaves to do would count as time of the questions
        query = np.full(DIM, DIM**-0.5, np.float32)
        found = Store(connection).statement(query, K, Filter(), indexed=False)
        ask(connection, found, options.runs)
        disconnect(address)


def ask(connection: Connection, found: Statement, runs: int) -> None:
    print(f"load average {os.getloadavg()[0]:.1f} at the beginning")
    print(f"{'':34}   p50    max   best   processor")
    whole, near = Downloads(connection), Downloads(connection, found)
    show("search alone", runs, lambda: connection.table(found.sql, found.params))
    show(f"{K} nearest: demand", runs, lambda: demand(connection, found.sql, found.params))
    for name, downloads in (("whole log", whole), (f"{K} nearest", near)):
        show(f"{name}: top_keywords", runs, downloads.top_keywords)
        show(f"{name}: by_country", runs, downloads.by_country)
        show(f"{name}: by_month", runs, downloads.by_month)
        show(f"{name}: rising", runs, downloads.rising)
        show(f"{name}: mismatches", runs, downloads.mismatches)
    fast = median_cpu_ms(runs, whole.mismatches)
    small_log, pairs._SMALL_LOG = pairs._SMALL_LOG, 1 << 60
    slow = show("whole log: mismatches by all pairs", runs, whole.mismatches)
    pairs._SMALL_LOG = small_log
    print(f"the column `pair` saves {slow / fast:.1f} times the processor time")
    print(f"load average {os.getloadavg()[0]:.1f} at the end")


def show(name: str, runs: int, call: Callable[[], object]) -> float:
    wall, processor = measured(runs, call)
    middle = statistics.median(processor)
    clock = f"{statistics.median(wall):5.0f} {max(wall):6.0f} {min(wall):6.0f}"
    print(f"{name:34} {clock} {middle:11.0f}", flush=True)
    return middle


def median_cpu_ms(runs: int, call: Callable[[], object]) -> float:
    return statistics.median(measured(runs, call)[1])


def measured(runs: int, call: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Wall clock and processor time of each run in ms; the first run is not counted."""
    call()
    wall, processor = [], []
    for _ in range(runs):
        clock, used = time.perf_counter(), time.process_time()
        call()
        wall.append((time.perf_counter() - clock) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return wall, processor


class World:
    """Photos and a log as skewed as real ones: each photo has some keywords of its own."""

    def __init__(self, photos: int) -> None:
        self.rng = np.random.default_rng(0)
        self.ids = np.array([f"{each:016x}"[:11] for each in self.rng.integers(0, 1 << 63, photos)])
        self.words = np.array(
            [f"word{n:05d}" if n % 3 else f"two word{n:05d}" for n in range(KEYWORDS)]
        )
        self.first_word = self.rng.integers(0, KEYWORDS, photos)

    def own_word(self, photos: NDArray[np.int64], number: NDArray[np.int64] | int) -> Sequence[str]:
        chosen: Sequence[str] = self.words[(self.first_word[photos] + number * 37) % KEYWORDS]
        return chosen

    def insert_photos(self, connection: Connection) -> None:
        """Random unit vectors, and descriptions with a photo's first three keywords."""
        for start in range(0, len(self.ids), 5000):
            ids = self.ids[start : start + 5000]
            vectors = self.rng.normal(size=(len(ids), DIM)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = np.arange(start, start + len(ids))
            words = zip(*(self.own_word(rows, number) for number in range(3)), strict=True)
            table = {
                "photo_id": ids,
                "photo_image_url": [f"https://images.example.com/{each}" for each in ids],
                "description": [f"A photo of {a} and {b} with {c}" for a, b, c in words],
                "photo_embed": pa.FixedSizeListArray.from_arrays(vectors.ravel(), DIM),
            }
            connection.insert("photos", pa.table(table))

    def write_log(self, path: Path, rows: int) -> None:
        """A Parquet file in the order of time; 7 in 10 keywords are the photo's own."""
        begin = np.datetime64("2022-01-01", "ms").astype(np.int64)
        span = MONTHS * 30.4 * 86_400_000
        letters = [chr(65 + number // 26) + chr(65 + number % 26) for number in range(COUNTRIES)]
        writer = None
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            photos = self.skewed(len(self.ids), count, 0.8) * 7919 % len(self.ids)
            own = self.own_word(photos, self.skewed(400, count, 1.1))
            any_word = self.words[self.skewed(KEYWORDS, count, 1.0)]
            moments = (start + np.sort(self.rng.random(count)) * count) / rows * span
            table = pa.table(
                {
                    "converted_at": pa.array(
                        begin + moments.astype(np.int64), pa.timestamp("ms", "UTC")
                    ),
                    "conversion_type": pa.array(["download"] * count),
                    "keyword": np.where(self.rng.random(count) < 0.7, own, any_word),
                    "photo_id": self.ids[photos],
                    "anonymous_user_id": [
                        f"{each:032x}" for each in self.skewed(USERS, count, 0.6).tolist()
                    ],
                    "conversion_country": pa.array(letters).take(
                        pa.array(self.skewed(COUNTRIES, count, 1.0))
                    ),
                }
            )
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()

    def skewed(self, kinds: int, count: int, exponent: float) -> NDArray[np.int64]:
        """Numbers below `kinds` by a Zipf distribution."""
        weights = np.cumsum(np.arange(1, kinds + 1) ** -exponent)
        drawn = np.searchsorted(weights / weights[-1], self.rng.random(count))
        numbers: NDArray[np.int64] = drawn.clip(0, kinds - 1)
        return numbers


if __name__ == "__main__":
    main()

"""Downloads of what a search finds: the statement's time, against two other ways to write it.

Run: python bench/demand.py [--photos 100000] [--conversions 1000000] [--dim 512]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from vistazo.analytics.demand import demand, demand_sql, totals
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.filters import Filter
from vistazo.store.schema import migrate
from vistazo.store.store import Store

RUNS = 11
BATCH = 50_000


def fill(connection: Connection, photos: int, conversions: int, dim: int) -> None:
    """Random unit vectors, and a log where few photos and keywords have most of the rows."""
    rng = np.random.default_rng(0)
    ids = np.array([f"{number:011d}" for number in range(photos)])
    for start in range(0, photos, BATCH):
        part = ids[start : start + BATCH]
        vectors = rng.normal(size=(len(part), dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        table = {
            "photo_id": part,
            "photo_image_url": [f"file:///pictures/{name}.jpg" for name in part],
            "photo_embed": pa.FixedSizeListArray.from_arrays(vectors.ravel(), dim),
        }
        connection.insert("photos", pa.table(table))
    for start in range(0, conversions, BATCH):
        count = min(BATCH, conversions - start)
        words = rng.zipf(1.3, count) % 20_000
        table = {
            "id": np.arange(start, start + count, dtype=np.uint64),
            "photo_id": ids[rng.zipf(1.3, count) % photos],
            "keyword": [f"keyword {number}" for number in words],
        }
        connection.insert("conversions", pa.table(table))
    for name in ("photos", "conversions"):
        connection.execute(f"OPTIMIZE TABLE {name} FINAL")


def named_twice(knn: str) -> str:
    """The subquery beside the join as well, so that the key of the log leaves granules out."""
    return f"""
        SELECT knn.photo_id AS photo_id, score, downloads FROM ({knn}) AS knn LEFT JOIN (
            SELECT photo_id, count() AS downloads FROM conversions
            WHERE photo_id IN (SELECT photo_id FROM ({knn})) GROUP BY photo_id
        ) AS log ON log.photo_id = knn.photo_id
        ORDER BY downloads DESC, score DESC, photo_id
    """


def as_constant(knn: str) -> str:
    """The subquery evaluated before the rest, its rows a constant of the statement."""
    return f"""
        WITH (SELECT groupArray((photo_id, score)) FROM ({knn})) AS found
        SELECT each.1 AS photo_id, each.2 AS score, downloads
        FROM (SELECT arrayJoin(found) AS each) AS knn LEFT JOIN (
            SELECT photo_id, count() AS downloads FROM conversions
            WHERE has(found.1, photo_id) GROUP BY photo_id
        ) AS log ON log.photo_id = each.1
        ORDER BY downloads DESC, score DESC, photo_id
    """


def median_ms(call: Callable[..., object], *args: object) -> float:
    call(*args)
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call(*args)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--conversions", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    options = parser.parse_args()
    query = np.full(options.dim, options.dim**-0.5, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        address = parse(Path(folder, "library"))
        connection = connect(address, create=True, wait_s=0)
        migrate(connection)
        fill(connection, options.photos, options.conversions, options.dim)
        store = Store(connection)
        print("median ms     k   search   joined   twice   constant   demand()")
        for k in (10, 100, 1000):
            search = store.statement(query, k, Filter(), indexed=False)
            texts = (
                search.sql,
                demand_sql(search.sql),
                named_twice(search.sql),
                as_constant(search.sql),
            )
            found = [median_ms(connection.table, sql, search.params) for sql in texts]
            whole = median_ms(demand, connection, search.sql, search.params)
            print(
                f"{k:15} {found[0]:8.1f} {found[1]:8.1f} {found[2]:7.1f} {found[3]:10.1f}"
                f" {whole:10.1f}"
            )
        print(f"totals() {median_ms(totals, connection):.1f} ms")
        disconnect(address)


if __name__ == "__main__":
    main()

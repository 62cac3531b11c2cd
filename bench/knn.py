"""Exact scan against the vector index: milliseconds, recall, and what building costs.

Both answer the same queries in turns on the same rows, so that whatever else the machine does
falls on both. The vectors are synthetic: unit length, in clusters of about 50.

Run: python bench/knn.py [--rows 10000 30000 50000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

import numpy as np

from vistazo.records import EncoderSpec, Float32Array, Photo
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.filters import Filter
from vistazo.store.schema import migrate
from vistazo.store.store import NewPhoto, Store

EVERY = Filter()
CHUNK = 1000


def clustered(rows: int, dim: int, seed: int) -> Float32Array:
    """(rows, dim) unit vectors; two of one cluster have a cosine of about 0.67."""
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((max(1, rows // 50), dim), dtype=np.float32)
    around = chance.standard_normal((rows, dim), dtype=np.float32) * np.float32(0.7)
    vectors = centres[chance.integers(len(centres), size=rows)] + around
    unit: Float32Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def fill(store: Store, vectors: Float32Array, start: int) -> None:
    """Insert the rows from `start` on, as ingest does: many small parts."""
    for begin in range(start, len(vectors), CHUNK):
        store.replace(
            [
                NewPhoto(Photo(f"{begin + i:011d}", f"file:///{begin + i}.jpg", 1, 1), vector, b"")
                for i, vector in enumerate(vectors[begin : begin + CHUNK])
            ]
        )


def build(store: Store, dim: int) -> float:
    """Seconds until the vector index is built."""
    started = time.perf_counter()
    store.keep_indexed(dim)
    status = store.wait_indexed(timeout_s=3600)
    if status.state != "Built":
        raise RuntimeError(status)
    return time.perf_counter() - started


def parts(connection: Connection) -> int:
    return int(
        connection.value("SELECT count() FROM system.parts WHERE table = 'photos' AND active")
    )


def by_cosine_distance(connection: Connection, queries: Float32Array, k: int) -> float:
    """Median milliseconds of an exact scan by `cosineDistance`, which needs no unit vectors."""
    sql = (
        "SELECT photo_id, cosineDistance(photo_embed, {q:Array(Float32)}) AS distance FROM photos"
        " ORDER BY distance, photo_id LIMIT {k:UInt64}"
    )
    times = []
    for query in queries:
        started = time.perf_counter()
        connection.table(sql, {"q": query.tolist(), "k": k})
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def compare(store: Store, queries: Float32Array, k: int) -> tuple[float, float, float]:
    """Median milliseconds of the exact scan and of the index, and the index's recall."""
    times: dict[bool, list[float]] = {False: [], True: []}
    shared = 0
    for query in queries:
        found = {}
        for indexed in (False, True):
            started = time.perf_counter()
            hits = store.nearest(query, k, EVERY, indexed=indexed)
            times[indexed].append((time.perf_counter() - started) * 1000)
            found[indexed] = {hit.photo_id for hit in hits}
        shared += len(found[False] & found[True])
    exact, index = (statistics.median(times[indexed]) for indexed in (False, True))
    return exact, index, shared / (k * len(queries))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 30_000, 50_000])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    sizes = sorted(options.rows)
    vectors = clustered(sizes[-1] + options.queries + 256, options.dim, seed=1)
    queries, more, vectors = np.split(vectors, [options.queries, options.queries + 256])
    with tempfile.TemporaryDirectory() as folder:
        address = parse(folder)
        connection = connect(address, create=True, wait_s=0)
        migrate(connection)
        store = Store(connection)
        store.record_encoder(EncoderSpec("bench", options.dim, ""))
        print(f"dim {options.dim}, k {options.k}, {options.queries} queries")
        print(
            "         first search     median of the queries                    256 rows later"
            "\n   rows  exact  index ms  exact  (cosine)  index ms  recall  build s"
            "  index ms  build s  parts"
        )
        done = 0
        for rows in sizes:
            store.drop_index()
            fill(store, vectors[:rows], done)
            build_s = build(store, options.dim)
            first = []
            for indexed in (False, True):
                disconnect(address)
                connection = connect(address, create=False, wait_s=0)
                store = Store(connection)
                started = time.perf_counter()
                store.nearest(queries[0], options.k, EVERY, indexed=indexed)
                first.append((time.perf_counter() - started) * 1000)
            cosine_ms = by_cosine_distance(connection, queries, options.k)
            exact_ms, index_ms, recall = compare(store, queries, options.k)
            store.replace(
                [
                    NewPhoto(Photo(f"more{i}", f"file:///more{i}.jpg", 1, 1), vector, b"")
                    for i, vector in enumerate(more)
                ]
            )
            late_ms = compare(store, queries, options.k)[1]
            again_s = build(store, options.dim)
            print(
                f"{rows:7,}  {first[0]:5.0f}  {first[1]:8.0f}"
                f"  {exact_ms:5.1f}  {cosine_ms:8.1f}  {index_ms:8.1f}"
                f"  {recall:6.4f}  {build_s:7.1f}  {late_ms:8.1f}  {again_s:7.1f}"
                f"  {parts(connection):5}",
                flush=True,
            )
            store.delete([f"more{i}" for i in range(256)])
            done = rows
        disconnect(address)


if __name__ == "__main__":
    main()

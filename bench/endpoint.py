"""The SQL endpoint against the same queries in-process: latency, streaming, and many at once.

Both sides run in turns, so that whatever else the machine does falls on both. In-process means
`clickhouse-connect` on the embedded engine, as `library.sql` uses it; over HTTP the same client
speaks to the endpoint in a process of its own. There is one engine path a process, so the two
sides have libraries of their own with the same rows.

Run: python bench/endpoint.py [--rows 20000] [--queries 200]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clickhouse_connect

DIM = 512
SETUP = (
    "CREATE TABLE t (id UInt64, v Array(Float32)) ENGINE = MergeTree ORDER BY id",
    f"INSERT INTO t SELECT number, arrayMap(i -> randCanonical(i) - 0.5, range({DIM}))"
    " FROM numbers({rows})",
)
BOUND = "SELECT id, cosineDistance(v, {q:Array(Float32)}) AS d FROM t ORDER BY d LIMIT 10"
SCAN = "SELECT number, toString(number) AS s, number / 3 AS f FROM numbers(1000000)"
VECTOR = [((7 * n) % 101 - 50) / 100 for n in range(DIM)]
INLINE = BOUND.replace("{q:Array(Float32)}", str(VECTOR))


def once(call: Callable[[], Any]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def in_turns(count: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Milliseconds of each call, `count` times, one after the other."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(count):
        for call, found in zip(calls, times, strict=True):
            found.append(once(call))
    return times


def scan(client: Any, fmt: str) -> float:
    """Rows a second of a million, read in pieces."""
    started = time.perf_counter()
    with client.raw_stream(SCAN, fmt=fmt) as stream:
        while stream.read(1 << 20):
            pass
    return 1_000_000 / (time.perf_counter() - started)


def throughput(make: Callable[[], Any], clients: int, seconds: float) -> float:
    """Queries a second of so many clients, each a process of its own over HTTP."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(clients + 1)
    counts = context.Array("q", clients)
    made = make()
    workers = [
        context.Process(target=_work, args=(made, n, ready, counts, seconds))
        for n in range(clients)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    for worker in workers:
        worker.join()
    total: int = sum(counts[:])
    return total / seconds


def _work(port: int, number: int, ready: Any, counts: Any, seconds: float) -> None:
    with clickhouse_connect.get_client(host="127.0.0.1", port=port) as client:
        client.query(BOUND, parameters={"q": VECTOR})
        ready.wait()
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            client.query(BOUND, parameters={"q": VECTOR})
            counts[number] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    runner = Path(__file__).parents[1] / "tests" / "serve_sql.py"
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, str(runner), f"{folder}/served"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            port = int(server.stdout.readline())  # type: ignore[union-attr]
            compare(f"{folder}/own", port, options)
        finally:
            server.stdin.close()  # type: ignore[union-attr]
            server.wait()


def compare(path: str, port: int, options: argparse.Namespace) -> None:
    """Print what both sides take."""
    inside = clickhouse_connect.get_client(interface="chdb", path=path)
    over = clickhouse_connect.get_client(host="127.0.0.1", port=port)
    for client in (inside, over):
        for sql in SETUP:
            client.command(sql.replace("{rows}", str(options.rows)))
        client.command("OPTIMIZE TABLE t FINAL")

    def query(client: Any, sql: str, params: Any = None) -> Callable[[], Any]:
        return lambda: client.query(sql, parameters=params)

    print(f"{options.rows:,} rows of {DIM} numbers, {options.queries} queries of 10 rows each")
    print("p50 ms                    in-process  over HTTP  more by")
    for name, sql, params in [
        ("SELECT 1", "SELECT 1", None),
        ("a bound vector", BOUND, {"q": VECTOR}),
        ("a vector in the text", INLINE, None),
    ]:
        own, http = (
            statistics.median(times)
            for times in in_turns(
                options.queries, query(inside, sql, params), query(over, sql, params)
            )
        )
        print(f"{name:24} {own:11.2f} {http:10.2f} {http - own:8.2f}", flush=True)

    print("\na million rows, M rows/s  in-process  over HTTP    ratio")
    for fmt in ("Native", "RowBinary", "TabSeparated", "JSONEachRow"):
        rates = [(scan(inside, fmt), scan(over, fmt)) for _ in range(5)]
        own, http = (statistics.median(each) for each in zip(*rates, strict=True))
        print(f"{fmt:24} {own / 1e6:11.2f} {http / 1e6:10.2f} {http / own:8.2f}", flush=True)

    ask = query(inside, BOUND, {"q": VECTOR})
    ends, alone = time.perf_counter() + options.seconds, 0
    while time.perf_counter() < ends:
        ask()
        alone += 1
    one = alone / options.seconds
    many = throughput(lambda: port, options.clients, options.seconds)
    print(
        f"\nqueries/s with a bound vector: one in-process {one:.0f}, {options.clients} clients"
        f" over HTTP {many:.0f}, ratio {many / one:.2f}"
    )


if __name__ == "__main__":
    main()

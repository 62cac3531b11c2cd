"""vistazo beside others that search vectors: latency, recall, filters, clients, memory, disk.

Each competitor runs in a process of its own, one after the other, on the same vectors, and leaves
its numbers as JSON in the work folder: a run that was stopped goes on where it was. Between its
queries each also measures a bare NumPy scan of the first 25,000 vectors, so that times of
competitors that ran at different moments can be compared.

Run: python bench/search.py [--sizes 25000 100000] [--work FOLDER] [--docs docs]
     python bench/search.py --sizes 1000000   (ours, NumPy, FAISS and LanceDB)
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import report
from ours import WATCHED_S, BySql, Ours, OverRest, fill
from rivals import Ask, Competitor, Faiss, Lance, NumPy, SqliteVec, Usearch, best, versions
from synthetic import SHAPES, SHARES, World, world

LARGE = 500_000  # from here on only these compete
AT_LARGE = ("numpy", "ours", "ours-rest", "ours-sql", "faiss-flat", "faiss-hnsw", "lance-hnsw")
NEEDS = {
    "faiss-flat": "faiss",
    "faiss-hnsw": "faiss",
    "usearch": "usearch",
    "lance-flat": "lancedb",
    "lance-hnsw": "lancedb",
    "sqlite-vec": "sqlite_vec",
}
NAMES = ("numpy", "ours", "ours-rest", "ours-sql", *NEEDS)
REFERENCE_ROWS = 25_000
PICTURE = "\n![recall over latency](performance-search.png)\n"
CHUNK = 20  # queries between two looks at the reference
SPUN_S = 0.1  # BLAS's threads keep a core busy for so long after that, waiting for more


@dataclass(frozen=True)
class Plan:
    """What a worker is asked for; a result of another plan is measured again."""

    shape: str
    rows: int
    name: str
    queries: int
    seconds: float
    resident_bytes: int
    index_up_to: int


def competitor(plan: Plan, library: Path) -> Competitor:
    """The one of this name."""
    makers: dict[str, Callable[[], Competitor]] = {
        "numpy": NumPy,
        "ours": lambda: Ours(library, plan.resident_bytes),
        "ours-rest": lambda: OverRest(library, plan.resident_bytes),
        "ours-sql": lambda: BySql(library, plan.resident_bytes, plan.index_up_to),
        "faiss-flat": lambda: Faiss(graph=False),
        "faiss-hnsw": lambda: Faiss(graph=True),
        "usearch": Usearch,
        "lance-flat": lambda: Lance(graph=False),
        "lance-hnsw": lambda: Lance(graph=True),
        "sqlite-vec": SqliteVec,
    }
    return makers[plan.name]()


def work(plan: Plan, home: Path) -> dict[str, Any]:
    """Build one competitor and measure it."""
    made = world(home, plan.shape, plan.rows, queries=plan.queries)
    folder = home / "scratch" / f"{plan.shape}-{plan.rows}-{plan.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rival = competitor(plan, home / f"{plan.shape}-{plan.rows}" / "library")
    before, started = _rss(os.getpid()), time.perf_counter()
    rival.build(made, folder)
    build_s = time.perf_counter() - started
    if plan.name.startswith("ours"):
        filled = json.loads((made.folder / "library.json").read_text())
        build_s += filled["fill_s"] - WATCHED_S
    try:
        queries = made.queries
        ask = rival.client(rival.variants[0])
        for query in queries[:CHUNK]:
            ask(query, 1000)
        own = rival.pid() == os.getpid()
        memory = _rss(rival.pid()) - (before if own else 0)
        peak = _peak(rival.pid()) - (before if own else 0)
        reference = made.vectors(REFERENCE_ROWS)
        return {
            "plan": asdict(plan),
            "build_s": build_s,
            "disk_bytes": rival.disk_bytes(),
            "memory_bytes": memory,
            "peak_bytes": peak,
            "path": getattr(rival, "path", ""),
            "copy": getattr(rival, "copy", {}),
            "versions": versions(rival.packages),
            "load": os.getloadavg()[0],
            "cores": os.cpu_count(),
            "variants": [
                _measured(rival, variant, made, reference, plan.seconds)
                for variant in rival.variants
            ],
        }
    finally:
        rival.close()
        shutil.rmtree(folder, ignore_errors=True)


def _rss(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def _peak(pid: int) -> int:
    """The most that a process has held; where the system does not tell, what it holds now."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return _rss(pid)
    line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def _measured(
    rival: Competitor, variant: str, made: World, reference: Any, seconds: float
) -> dict[str, Any]:
    ask = rival.client(variant)
    shares = SHARES if rival.filters else SHARES[:1]
    found: dict[str, Any] = {"variant": variant, "shares": {}}
    for share in shares:
        found["shares"][str(share)] = _latency(ask, share, made, reference)
    found["qps"] = {str(n): _rate(rival, variant, made, n, seconds) for n in (1, 4)}
    return found


def _latency(ask: Ask, share: int, made: World, reference: Any) -> dict[str, float]:
    """Milliseconds, recall and short answers at one filter."""
    queries, truth = made.queries, made.truth(share)
    ask(queries[0], share)
    times, beside, shared, short = [], [], 0, 0
    for at, query in enumerate(queries):
        started = time.perf_counter()
        numbers = ask(query, share)
        times.append(time.perf_counter() - started)
        shared += len(np.intersect1d(numbers, truth[at]))
        short += len(numbers) < truth.shape[1]
        if at % CHUNK == CHUNK - 1:
            for again in queries[:10]:
                started = time.perf_counter()
                best(reference @ again)
                beside.append(time.perf_counter() - started)
            time.sleep(SPUN_S)
    middle, late, last = (1000 * float(np.percentile(times, each)) for each in (50, 95, 99))
    return {
        "p50_ms": middle,
        "p95_ms": late,
        "p99_ms": last,
        "recall": shared / truth.size if truth.size else 1.0,
        "short": short / len(queries),
        "reference_ms": 1000 * float(np.median(beside or times)),
    }


def _rate(rival: Competitor, variant: str, made: World, clients: int, seconds: float) -> float:
    """Answers a second of so many threads that ask one after the other."""
    queries = made.queries
    ready = threading.Barrier(clients + 1)
    counts: list[int] = [0] * clients
    failed: list[Exception] = []

    def run(number: int) -> None:
        try:
            ask = rival.client(variant)
            ask(queries[0], 1000)
            ready.wait()
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                ask(queries[(number + counts[number]) % len(queries)], 1000)
                counts[number] += 1
        except Exception as error:
            failed.append(error)
            ready.abort()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(counts) / (time.perf_counter() - started)


def library_of(home: Path, shape: str, rows: int, queries: int) -> None:
    """Fill the library that all of ours use, unless it is there; note how long it took."""
    made = world(home, shape, rows, queries=queries)
    folder, done = made.folder / "library", made.folder / "library.json"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    fill(made, folder)
    done.write_text(json.dumps({"fill_s": time.perf_counter() - started}))


def run(plans: list[Plan], home: Path, limit_s: float) -> list[Plan]:
    """Measure what is not measured yet; the plans that failed."""
    failed = []
    for plan in plans:
        target = report.file_of(home, plan.shape, plan.rows, plan.name)
        if target.exists() and json.loads(target.read_text())["plan"] == asdict(plan):
            print(f"{plan.shape} {plan.rows:,} {plan.name}: measured before", flush=True)
            continue
        if plan.name in NEEDS and importlib.util.find_spec(NEEDS[plan.name]) is None:
            print(f'{plan.name} is left out: pip install "vistazo[bench]"', flush=True)
            continue
        started = time.perf_counter()
        command = [sys.executable, __file__, "--work", str(home)]
        try:
            if plan.name.startswith("ours"):
                subprocess.run([*command, "--fill", _text(plan)], check=True, timeout=limit_s)
            subprocess.run([*command, "--worker", _text(plan)], check=True, timeout=limit_s)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f"{plan.shape} {plan.rows:,} {plan.name} FAILED: {error}", flush=True)
            failed.append(plan)
            continue
        took = time.perf_counter() - started
        print(f"{plan.shape} {plan.rows:,} {plan.name}: {took:.0f} s", flush=True)
    return failed


def _text(plan: Plan) -> str:
    return json.dumps(asdict(plan))


def plans_of(options: argparse.Namespace) -> list[Plan]:
    """Every shape, size and competitor."""
    return [
        Plan(
            *(shape, rows, name, options.queries, options.seconds),
            *(options.resident_bytes, options.index_up_to),
        )
        for rows in options.sizes
        for shape in options.shapes
        for name in options.only
        if rows < LARGE or name in AT_LARGE
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3, help="of each measure of QPS")
    parser.add_argument("--resident-bytes", type=int, default=8_000_000_000, help="for ours")
    parser.add_argument("--index-up-to", type=int, default=200_000, help="photos, for ours by SQL")
    parser.add_argument("--limit-s", type=float, default=5400, help="for one competitor")
    parser.add_argument("--work", type=Path, help="keeps vectors and results; else nothing is kept")
    parser.add_argument("--docs", type=Path, help="write performance-search.md and .png here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.fill:
        plan = Plan(**json.loads(options.fill))
        library_of(options.work, plan.shape, plan.rows, plan.queries)
        return 0
    if options.worker:
        plan = Plan(**json.loads(options.worker))
        found = work(plan, options.work)
        target = report.file_of(options.work, plan.shape, plan.rows, plan.name)
        target.parent.mkdir(exist_ok=True)
        half = target.with_suffix(".half")
        half.write_text(json.dumps(found, indent=1))
        half.replace(target)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        home = options.work or Path(temporary)
        plans = plans_of(options)
        failed = run(plans, home, options.limit_s)
        command = "python bench/search.py " + " ".join(_shown(sys.argv[1:]))
        text = report.markdown(report.load(home, options.sizes), command.strip())
        print(text)
        if options.docs:
            (options.docs / "performance-search.md").write_text(text + PICTURE)
            report.plot(report.load(home, options.sizes), options.docs / "performance-search.png")
    return 1 if failed else 0


def _shown(given: list[str]) -> list[str]:
    """The arguments without places of this machine."""
    kept, skip = [], False
    for each in given:
        if skip or each in ("--work", "--docs"):
            skip = not skip
            continue
        kept.append(each)
    return kept


if __name__ == "__main__":
    sys.exit(main())

"""How vistazo grows: ingest rate, disk, memory and latency from a thousand photos to a million.

One library grows from size to size. Each step runs in a process of its own and leaves its numbers
as JSON in the work folder, so that a run that was stopped goes on where it was. The photos come as
Parquet with their embeddings: what embedding pictures costs does not depend on how many there are
(bench/folder.py). No vector index of the engine is built.

Run: python bench/growth.py [--sizes 1000 10000 100000 1000000] [--work FOLDER] [--docs docs]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from ours import WATCHED_S, settle
from rivals import Numbers, folder_bytes
from synthetic import K, World, name_of, world
from vistazo.config import Settings
from vistazo.encoders import registry
from vistazo.opening import open_here
from vistazo.records import Float32Array, Query

SQL = (
    "SELECT photo_id, distance(photo_embed, {q:Array(Float32)}) AS d FROM photos"
    " ORDER BY d LIMIT 10"
)
PICTURE = "\n![growth](performance-growth.png)\n"
NEVER = 1_000_000_000
WHOLE = 1000  # of 1000: no filter


def write(made: World, begin: int, end: int, target: Path) -> None:
    """The photos from `begin` to before `end` as a data set with embeddings of the encoder."""
    spec = registry.create("offline").spec
    metadata = {b"vistazo.encoder": json.dumps(asdict(spec)).encode()}
    writer = None
    for first, block in made.blocks():
        kept = block[max(0, begin - first) : max(0, end - first)]
        if not len(kept):
            continue
        numbers = range(max(begin, first), max(begin, first) + len(kept))
        table = pa.table(
            {
                "photo_id": [name_of(each) for each in numbers],
                "photo_image_url": [f"https://images.example.com/{each}.jpg" for each in numbers],
                "photo_description": [
                    f"photo {each} of the {each % 97}th kind" for each in numbers
                ],
                "photo_width": [4000] * len(kept),
                "photo_height": [3000] * len(kept),
                "photo_embed": pa.FixedSizeListArray.from_arrays(kept.ravel(), made.dim),
            }
        ).replace_schema_metadata(metadata)
        writer = writer or pq.ParquetWriter(target, table.schema)
        writer.write_table(table, row_group_size=1000)
    if writer is not None:
        writer.close()


def step(home: Path, made: World, before: int, rows: int, resident_bytes: int) -> dict[str, Any]:
    """Let the library grow to `rows` photos, and measure it."""
    file = home / "growth" / f"photos-{rows}.parquet"
    write(made, before, rows, file)
    settings = Settings(vector_index_rows=NEVER, resident_max_bytes=resident_bytes)
    queries, folder = made.queries, home / "growth" / "library"
    with open_here(folder, settings=settings) as library:
        started = time.perf_counter()
        report = library.index(f"parquet:{file}")
        ingest_s = time.perf_counter() - started
        stored = library.stats().photos
        if stored != rows:
            raise RuntimeError(f"{stored} photos instead of {rows}: {report}")
    file.unlink()
    held = psutil.Process().memory_info().rss
    return {
        "rows": rows,
        "ingest_per_s": (rows - before) / ingest_s,
        "ingest_rss_bytes": held,
        "disk_bytes": folder_bytes(folder),
        **_asked(folder, settings, queries),
    }


def _asked(folder: Path, settings: Settings, queries: Float32Array) -> dict[str, Any]:
    """Latency, and memory of a fresh process: this one still holds what indexing took."""
    command = [sys.executable, __file__, "--ask", str(folder)]
    given = {"queries": queries.tolist(), "resident_bytes": settings.resident_max_bytes}
    done = subprocess.run(
        command, input=json.dumps(given), check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ask(folder: Path) -> dict[str, Any]:
    """What `_asked` runs."""
    given = json.load(sys.stdin)
    queries = np.array(given["queries"], np.float32)
    settings = Settings(vector_index_rows=NEVER, resident_max_bytes=given["resident_bytes"])
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    with open_here(folder, settings=settings) as library:

        def find(query: Float32Array, share: int) -> Numbers:
            found = library.find(Query(vector=query, k=K))
            return np.array([int(each.photo_id) for each in found])

        find(queries[0], WHOLE)
        first_s = time.perf_counter() - started
        started = time.perf_counter()
        settle(psutil.Process(), find, queries[0])
        ready_s = max(0.0, time.perf_counter() - started - WATCHED_S)
        finding, by_sql = [], []
        for query in queries:
            started = time.perf_counter()
            find(query, WHOLE)
            finding.append(time.perf_counter() - started)
        for query in queries[:50]:
            started = time.perf_counter()
            library.sql(SQL, {"q": query.tolist()})
            by_sql.append(time.perf_counter() - started)
        path = library.paging.find(Query(vector=queries[0], k=K), 0).path
        return {
            "open_and_first_s": first_s,
            "ready_s": ready_s,
            "memory_bytes": psutil.Process().memory_info().rss - before,
            "find_p50_ms": 1000 * float(np.median(finding)),
            "sql_p50_ms": 1000 * float(np.median(by_sql)),
            "path": path,
            "load": os.getloadavg()[0],
        }


def slope(found: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """(a, b) of the power law a * photos ** b that fits best; (nan, nan) for fewer than two."""
    if len(found) < 2:
        return float("nan"), float("nan")
    rows = np.log([each["rows"] for each in found])
    power, level = np.polyfit(rows, np.log([max(1e-9, each[name]) for each in found]), 1)
    return float(np.exp(level)), float(power)


def per_photo(found: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """(bytes without any photo, bytes of each) by least squares; (nan, nan) for fewer than two."""
    if len(found) < 2:
        return float("nan"), float("nan")
    each, base = np.polyfit([e["rows"] for e in found], [e[name] for e in found], 1)
    return float(base), float(each)


def markdown(found: list[dict[str, Any]], command: str) -> str:
    """A table, and the fits."""
    lines = [
        "# Growth",
        "",
        f"Written by `{command}`.",
        "",
        "| photos | ingest, photos/s | disk MB | memory MB | open and first search s"
        " | ready s | search p50 ms | way | SQL, every row, p50 ms | load |",
        "|---|" + "---|" * 9,
    ]
    for each in found:
        lines.append(
            f"| {each['rows']:,} | {each['ingest_per_s']:,.0f} | {each['disk_bytes'] / 1e6:,.0f}"
            f" | {each['memory_bytes'] / 1e6:,.0f} | {each['open_and_first_s']:.2f}"
            f" | {each['ready_s']:.1f} | {each['find_p50_ms']:.2f} | {each['path']}"
            f" | {each['sql_p50_ms']:.1f} | {each['load']:.1f} |"
        )
    if len(found) > 1:
        disk, memory = per_photo(found, "disk_bytes"), per_photo(found, "memory_bytes")
        (_, search), (_, sql) = slope(found, "find_p50_ms"), slope(found, "sql_p50_ms")
        lines += [
            "",
            f"A photo takes {disk[1]:,.0f} bytes of disk and {memory[1]:,.0f} of memory (beside"
            f" {memory[0] / 1e6:,.0f} MB without any). Search grows with photos to the power of"
            f" {search:.2f}, SQL over every row with {sql:.2f}.",
        ]
    return "\n".join(lines) + "\n"


def plot(found: list[dict[str, Any]], target: Path) -> None:
    """Four fields over the number of photos, both axes logarithmic, with the fitted lines."""
    import matplotlib.pyplot as plt

    shown = {
        "ingest, photos/s": ("ingest_per_s", 1.0),
        "disk, MB": ("disk_bytes", 1e6),
        "memory, MB": ("memory_bytes", 1e6),
        "search p50, ms": ("find_p50_ms", 1.0),
    }
    figure, fields = plt.subplots(1, len(shown), figsize=(16, 3.6))
    rows = np.array([each["rows"] for each in found])
    for field, (title, (name, unit)) in zip(fields, shown.items(), strict=True):
        field.loglog(rows, [each[name] / unit for each in found], "o")
        if len(found) > 1:
            level, power = slope(found, name)
            field.loglog(rows, level * rows**power / unit, "-", label=f"photos to {power:.2f}")
            field.legend()
        field.set_title(title)
        field.set_xlabel("photos")
        field.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def run(home: Path, sizes: list[int], queries: int, resident_bytes: int) -> list[dict[str, Any]]:
    """Measure what is not measured yet; the library must have grown by the same sizes."""
    made = world(home, "clustered", sizes[-1], queries=queries)
    place = home / "growth"
    found: list[dict[str, Any]] = []
    plan = {"sizes": sizes, "queries": queries, "resident_bytes": resident_bytes}
    if not (place / "plan.json").exists() or json.loads((place / "plan.json").read_text()) != plan:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "plan.json").write_text(json.dumps(plan))
    for before, rows in zip([0, *sizes], sizes, strict=False):
        kept = place / f"{rows}.json"
        if not kept.exists():
            given = {"before": before, "rows": rows, "world": str(made.folder)}
            command = [sys.executable, __file__, "--work", str(home), "--step", json.dumps(given)]
            command += ["--sizes", *map(str, sizes), "--queries", str(queries)]
            subprocess.run([*command, "--resident-bytes", str(resident_bytes)], check=True)
        found.append(json.loads(kept.read_text()))
        print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--resident-bytes", type=int, default=8_000_000_000)
    parser.add_argument("--work", type=Path, help="keeps vectors, library, results; else nothing")
    parser.add_argument("--docs", type=Path, help="write performance-growth.md and .png here")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = sorted(options.sizes)
    if options.ask:
        print(json.dumps(ask(options.ask)))
        return
    if options.step:
        given = json.loads(options.step)
        made = world(options.work, "clustered", sizes[-1], queries=options.queries)
        measured = step(options.work, made, given["before"], given["rows"], options.resident_bytes)
        kept = options.work / "growth" / f"{given['rows']}.json"
        kept.with_suffix(".half").write_text(json.dumps(measured))
        kept.with_suffix(".half").replace(kept)
        return
    with tempfile.TemporaryDirectory() as temporary:
        found = run(options.work or Path(temporary), sizes, options.queries, options.resident_bytes)
    text = markdown(found, f"python bench/growth.py --sizes {' '.join(map(str, sizes))}")
    print(text)
    if options.docs:
        (options.docs / "performance-growth.md").write_text(text + PICTURE)
        plot(found, options.docs / "performance-growth.png")


if __name__ == "__main__":
    main()

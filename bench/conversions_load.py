"""Loading conversions: seconds, and the peak memory of a process of its own.

Run: python bench/conversions_load.py [--rows 1000000]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEADER = "converted_at\tconversion_type\tkeyword\tphoto_id\tanonymous_user_id\tconversion_country\n"


def write_log(path: Path, rows: int, *, seed: int) -> None:
    """A made-up log in Unsplash's form, about 75 bytes a line; photos and words as skewed."""
    chance = random.Random(seed)
    photos = [f"{chance.getrandbits(64):016x}"[:11] for _ in range(25_000)]
    words = [f"keyword {number}" for number in range(50_000)]
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(HEADER)
        for number in range(rows):
            second = number % 86_400
            clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000"
            photo = photos[min(int(chance.paretovariate(0.5)) - 1, 24_999)]
            word = words[min(int(chance.paretovariate(0.5)) - 1, 49_999)]
            out.write(
                f"2024-01-{number % 28 + 1:02d} {clock}\tdownload\t{word}\t{photo}"
                f"\t{chance.getrandbits(64):016x}\t{chance.choice(('IN', 'MX', 'US', 'DE'))}\n"
            )


def measure(library: Path, log: Path | None) -> None:
    """Load in this process and print what it took."""
    from vistazo.analytics.load import load_conversions, repair_loads
    from vistazo.store.connect import connect, disconnect, parse
    from vistazo.store.schema import migrate

    connection = connect(parse(library), create=True, wait_s=0)
    migrate(connection)
    started = time.perf_counter()
    repair_loads(connection)
    repaired = time.perf_counter() - started
    report = load_conversions(connection, log) if log else None
    disconnect(parse(library))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found: dict[str, object] = {"peak_mb": round(peak_mb), "repair_ms": round(repaired * 1000, 1)}
    if report is not None:
        found |= {
            "state": report.state,
            "rows": report.rows,
            "replaced": report.replaced,
            "seconds": round(report.seconds, 2),
        }
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", nargs="*", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], options.measure[1] if len(options.measure) > 1 else None)
        return
    with tempfile.TemporaryDirectory() as folder:
        log, library = Path(folder, "conversions.tsv000"), Path(folder, "library")

        def run(label: str, *paths: Path) -> None:
            command = [sys.executable, __file__, "--measure", str(library), *map(str, paths)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(f"{label:10} {out.strip()}")

        write_log(log, options.rows, seed=1)
        print(f"{options.rows:,} rows, {log.stat().st_size / 1e6:.0f} MB")
        run("open only")
        run("load", log)
        run("unchanged", log)
        write_log(log, options.rows, seed=2)
        run("replace", log)
        run("open only")


if __name__ == "__main__":
    main()

"""`vistazo search` from the shell, with a server and without, beside commands that do less.

Every round runs each command once, one after the other, so that whatever else the machine does
falls on all of them. The library holds synthetic photos with the offline encoder's name; the server
has loaded its encoder. Wall clock, and the processor time of the command itself, which others who
use the machine disturb least. The second table is what one search without a server spends it on.

Run: python bench/cli.py [--photos 25000] [--rounds 10]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ours import fill
from synthetic import world

PYTHON = sys.executable
VISTAZO = [PYTHON, "-m", "vistazo.cli.main"]
SEARCH = [*VISTAZO, "search", "a dog on a beach", "-k", "10", "--db"]

# What `vistazo search` does, one step after the other, each with its wall clock and processor time.
STEPS = """
import json, sys, time
found = {}
def step(name):
    global wall, used
    found[name] = (time.perf_counter() - wall, time.process_time() - used)
    wall, used = time.perf_counter(), time.process_time()
wall, used = time.perf_counter(), time.process_time()
import vistazo.cli.main
step("import the commands")
import vistazo.library
step("import the library")
from vistazo.opening import open_here
library = open_here(sys.argv[1])
step("open")
vector = library.embed("a dog on a beach")
step("text to vector")
library.find(vistazo.Query(vector=vector))
step("find and fetch rows")
library.close()
step("close")
print(json.dumps(found))
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds of wall clock, and of the processor in the process and those it waited for."""
    started, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, capture_output=True)
    took, after = time.perf_counter() - started, os.times()
    used = after.children_user - before.children_user
    return took, used + after.children_system - before.children_system


@contextlib.contextmanager
def serving(library: str) -> Iterator[None]:
    command = [*VISTAZO, "serve", "--db", library, "--no-sql", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not any(line.startswith("to stop") for line in process.stdout):
                raise RuntimeError("the server did not start")
            yield
        finally:
            process.terminate()


def steps(library: str, rounds: int) -> None:
    """Print the median of each step of a search without a server."""
    runs = []
    for _ in range(rounds):
        done = subprocess.run(
            [PYTHON, "-c", STEPS, library], check=True, capture_output=True, text=True
        )
        runs.append(json.loads(done.stdout))
    print(f"\n{'one search without a server':<34} wall clock   processor, ms")
    for name in runs[0]:
        wall, used = (1000 * statistics.median(run[name][at] for run in runs) for at in (0, 1))
        print(f"{name:<34} {wall:10.0f} {used:11.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        served, alone = f"{home}/served", f"{home}/alone"
        photos = world(Path(home), "clustered", options.photos, queries=1)
        for library in (served, alone):
            fill(photos, Path(library))
        commands = {
            "python -c pass": [PYTHON, "-c", "pass"],
            "python -c 'import vistazo'": [PYTHON, "-c", "import vistazo"],
            "vistazo --version": [*VISTAZO, "--version"],
            "vistazo search, with a server": [*SEARCH, served],
            "vistazo search, without": [*SEARCH, alone],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        with serving(served):
            measured(commands["vistazo search, with a server"])
            for _ in range(options.rounds):
                for name, command in commands.items():
                    taken[name].append(measured(command))
        print(f"{options.photos:,} photos, load {os.getloadavg()[0]:.1f}")
        for name, each in taken.items():
            walls = [wall for wall, _ in each]
            used = statistics.median(used for _, used in each)
            print(
                f"{name:<30} median {statistics.median(walls):.3f} s"
                f"  ({min(walls):.3f} to {max(walls):.3f}), processor {used:.3f} s"
            )
        steps(alone, options.rounds)


if __name__ == "__main__":
    main()

"""`vistazo search` from the shell, with a server and without, beside commands that do less.

Every round runs each command once, one after the other, so that whatever else the machine does
falls on all of them. The library is that of the sample pictures; the server has loaded its encoder.

Run: python bench/cli.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample"
PYTHON = sys.executable
VISTAZO = [PYTHON, "-m", "vistazo.cli.main"]
SEARCH = [*VISTAZO, "search", "a dog on a beach", "-k", "10", "--db"]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        served, alone = f"{home}/served", f"{home}/alone"
        for library in (served, alone):
            index = [*VISTAZO, "index", str(SAMPLE), "--db", library]
            subprocess.run(index, check=True, capture_output=True, env=os.environ)
        commands = {
            "python -c pass": [PYTHON, "-c", "pass"],
            "python -c 'import vistazo'": [PYTHON, "-c", "import vistazo"],
            "vistazo --version": [*VISTAZO, "--version"],
            "vistazo search, with a server": [*SEARCH, served],
            "vistazo search, without": [*SEARCH, alone],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        with serving(served):
            seconds(commands["vistazo search, with a server"])
            for _ in range(rounds):
                for name, command in commands.items():
                    taken[name].append(seconds(command))
    medians = {name: statistics.median(each) for name, each in taken.items()}
    for name, each in taken.items():
        print(f"{name:<30} median {medians[name]:.3f} s  ({min(each):.3f} to {max(each):.3f})")
    with_server = medians["vistazo search, with a server"]
    print(f"without a server it takes {medians['vistazo search, without'] / with_server:.1f} times")


if __name__ == "__main__":
    main()

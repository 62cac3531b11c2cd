"""`vistazo serve` as a process of its own, and what it prints when it is ready."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.cli import PROGRAM

LAST_LINE = "to stop"
HANG_S = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running one.

    Attributes:
        said: what it printed, by the word that each line starts with.
    """

    process: subprocess.Popen[str]
    said: dict[str, str]

    @property
    def web(self) -> str:
        return self.said["photos"].removesuffix("/images/PHOTO_ID")

    @property
    def sql_port(self) -> int:
        return int(self.said["SQL"].split()[0].rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(HANG_S)


@contextlib.contextmanager
def serving(*arguments: str, cwd: Path) -> Iterator[Server]:
    """Run `vistazo serve`, with nothing of the caller's settings, until the block ends."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    process = subprocess.Popen(
        [*PROGRAM, "serve", *arguments],
        cwd=cwd,
        env=clean | {"HOME": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process, _until_ready(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    assert process.stderr is not None
    said: dict[str, str] = {}
    for line in process.stdout:
        label, _, text = line.rstrip("\n").partition("  ")
        said[label] = text.strip()
        if line.startswith(LAST_LINE):
            return {name: text for name, text in said.items() if not name.startswith(LAST_LINE)}
    raise AssertionError(process.stderr.read())

"""One endpoint in its own process, for clients that nobody here wrote."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

RUNNER = Path(__file__).parents[2] / "serve_sql.py"


@dataclass(frozen=True)
class Server:
    """Where an endpoint listens."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(folder: Path, *arguments: str, before: tuple[str, ...] = ()) -> Iterator[Server]:
    """An endpoint over a library of its own, until the block ends."""
    command = [sys.executable, str(RUNNER), *before, str(folder), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        assert line.strip().isdigit(), line
        try:
            yield Server(int(line), process.pid)
        finally:
            process.stdin.close()
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("endpoint") / "library") as found:
        yield found


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An endpoint without a guard: for what the protocol does with statements the guard refuses."""
    with serving(tmp_path_factory.mktemp("plain") / "engine", before=("--plain",)) as found:
        yield found


@pytest.fixture
def plain_http(plain: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=plain.url, timeout=60) as client:
        yield client


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client

"""Node's `@clickhouse/client`, tested by its own program beside."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Server

SOURCES = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed as the lock file says, outside the repository."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.test.mjs"):
        shutil.copy(SOURCES / name, folder / name)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True
    )
    return folder


def test_the_node_client(server: Server, project: Path) -> None:
    done = subprocess.run(
        ["node", "--test", "client.test.mjs"],
        cwd=project,
        env={**os.environ, "CLICKHOUSE_URL": server.url},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout
    assert "skipped 0" in done.stdout


def test_the_lock_file_names_no_registry() -> None:
    assert "http" not in (SOURCES / "package-lock.json").read_text("utf-8")

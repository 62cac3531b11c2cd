"""On CI a skipped test fails the run, in one process and in several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0)])
def test_a_skip_on_ci(tmp_path: Path, processes: str, ci: str, code: int) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n\n\ndef test_passes():\n    pass\n\n\n"
        "def test_hides():\n    pytest.skip('nobody looks')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, "-n", processes, "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == code, found.stdout
    assert ("test_hides" in found.stdout) == (ci == "true")

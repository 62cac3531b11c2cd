"""The program as its users run it: a process of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = [sys.executable, "-m", "vistazo.cli.main"]


def run(
    *arguments: str | bytes,
    db: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    through: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run one command, maybe through another program, with nothing of the caller's settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    clean |= {"VISTAZO_WAIT_S": "0.5", "HOME": str(cwd or Path.cwd()), **(env or {})}
    if db is not None:
        clean["VISTAZO_DB"] = str(db)
    return subprocess.run(
        [*through, *PROGRAM, *arguments],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        cwd=cwd,
        env=clean,
        input=stdin,
        timeout=120,
    )


def on_terminal(*arguments: str, cwd: Path, env: Mapping[str, str]) -> str:
    """Run one command on a pseudo-terminal; what a reader of its screen gets."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        env=os.environ | env,
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal is an error
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert process.wait() == 0
    return seen.decode()


def error_of(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what went wrong."""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: "), result.stderr
    assert lines[0].isprintable()
    assert result.stdout == ""
    return lines[0].removeprefix("error: ")

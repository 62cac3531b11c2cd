"""The program as its users run it: a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    clean = _clean(cwd) | dict(env or {})
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


@contextlib.contextmanager
def in_one_process(cwd: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Give what runs commands like `run`, but all in a single process, which is much faster."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("one_process.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=_clean(cwd),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answered = process.stdin, process.stdout

    def run_there(*arguments: str) -> subprocess.CompletedProcess[str]:
        print(json.dumps(arguments), file=asked, flush=True)
        answer = answered.readline()
        assert answer, f"the process ended at: vistazo {' '.join(arguments)}"
        return subprocess.CompletedProcess(arguments, *json.loads(answer))

    with process:
        yield run_there
        asked.close()
        assert process.wait(30) == 0


def _clean(cwd: Path | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    return clean | {"VISTAZO_WAIT_S": "0.5", "HOME": str(cwd or Path.cwd())}


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

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vistazo.errors import LibraryBusy, LibraryInvalid
from vistazo.store.lock import OWNER_FILE, acquire

HOLD = """
import sys, time
from pathlib import Path
from vistazo.store.lock import acquire

held = acquire(Path(sys.argv[1]), 0)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
held.release()
print("released", flush=True)
time.sleep(60)
"""

Holder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """Starts a process that holds the library in `tmp_path / "a"` for so many seconds."""
    script = tmp_path / "hold it.py"
    script.write_text(HOLD)
    (tmp_path / "a").mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(seconds: float, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(script), str(tmp_path / "a"), str(seconds), *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("wait_s", [0.0, 0.5])
def test_a_second_process_is_told_who_holds_it(
    holder: Holder, tmp_path: Path, wait_s: float
) -> None:
    process = holder(60, "two words")
    started = time.monotonic()
    with pytest.raises(LibraryBusy) as caught:
        acquire(tmp_path / "a", wait_s)
    assert wait_s <= time.monotonic() - started < wait_s + 1
    assert str(caught.value) == (
        f"the library {tmp_path / 'a'} is held by process {process.pid}"
        f" ('hold it.py' {tmp_path / 'a'} 60 'two words');"
        " wait until it has finished; to share a library run: vistazo serve"
    )


def test_it_gets_in_when_the_first_lets_go_in_time(holder: Holder, tmp_path: Path) -> None:
    process = holder(0.5)
    held = acquire(tmp_path / "a", 10)
    assert process.poll() is None  # it has let go, not ended
    owner = json.loads((tmp_path / "a" / OWNER_FILE).read_text())
    assert owner["pid"] == os.getpid()
    held.release()


def test_killing_the_owner_frees_it(holder: Holder, tmp_path: Path) -> None:
    process = holder(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    acquire(tmp_path / "a", 1).release()


def test_it_is_exclusive_within_a_process_too(tmp_path: Path) -> None:
    held = acquire(tmp_path, 0)
    with pytest.raises(LibraryBusy, match=f"process {os.getpid()} "):
        acquire(tmp_path, 0)
    held.release()
    acquire(tmp_path, 0).release()


def test_a_short_signature_replaces_a_long_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/vistazo", "x" * 5000])
    acquire(tmp_path, 0).release()
    monkeypatch.setattr(sys, "argv", ["vistazo", "a\udcff\nb"])
    held = acquire(tmp_path, 0)
    owner = json.loads((tmp_path / OWNER_FILE).read_text())
    assert owner == {"pid": os.getpid(), "command": "vistazo 'a\\udcff\\nb'"}
    held.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\0", b'{"pid": 1}', b"7"])
def test_an_owner_who_left_no_name(tmp_path: Path, content: bytes) -> None:
    held = acquire(tmp_path, 0)
    (tmp_path / OWNER_FILE).write_bytes(content)
    with pytest.raises(LibraryBusy, match="is held by another process; wait"):
        acquire(tmp_path, 0)
    held.release()


@pytest.mark.parametrize("folder", [Path("/proc/self"), Path("/no/such/folder")])
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    with pytest.raises(LibraryInvalid, match=f"the library {folder} cannot be written: "):
        acquire(folder, 0)

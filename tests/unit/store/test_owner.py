"""The file by which a library's server is found."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from vistazo.store import lock
from vistazo.store.owner import SERVER_FILE, Serving, announce, server_of, withdraw

SERVING = Serving("http://127.0.0.1:8000", "s3cret", 1, "http://127.0.0.1:8123")


def test_it_is_found_while_the_library_is_held(tmp_path: Path) -> None:
    assert server_of(tmp_path) is None
    held = lock.acquire(tmp_path, 0)
    announce(tmp_path, SERVING)
    assert server_of(tmp_path) == SERVING
    assert stat.S_IMODE((tmp_path / SERVER_FILE).stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {SERVER_FILE, lock.OWNER_FILE}
    held.release()
    assert server_of(tmp_path) is None  # as after a kill


def test_looking_does_not_take_the_lock(tmp_path: Path) -> None:
    lock.acquire(tmp_path, 0).release()
    announce(tmp_path, SERVING)
    assert server_of(tmp_path) is None
    lock.acquire(tmp_path, 0).release()


def test_only_its_own_is_taken_away(tmp_path: Path) -> None:
    announce(tmp_path, SERVING)
    withdraw(tmp_path, replace(SERVING, pid=2))
    assert (tmp_path / SERVER_FILE).exists()
    withdraw(tmp_path, SERVING)
    assert not (tmp_path / SERVER_FILE).exists()
    withdraw(tmp_path, SERVING)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"url": 1, "token": "a", "pid": 1, "sql_url": ""}', "\xff"]
)
def test_what_is_no_such_file(tmp_path: Path, text: str) -> None:
    held = lock.acquire(tmp_path, 0)
    (tmp_path / SERVER_FILE).write_bytes(text.encode("latin-1"))
    (tmp_path / SERVER_FILE).chmod(0o600)
    assert server_of(tmp_path) is None
    held.release()


def test_one_that_others_may_read_or_a_link_is_not_believed(tmp_path: Path) -> None:
    held = lock.acquire(tmp_path, 0)
    announce(tmp_path, SERVING)
    (tmp_path / SERVER_FILE).chmod(0o644)
    assert server_of(tmp_path) is None
    (tmp_path / SERVER_FILE).chmod(0o600)
    (tmp_path / SERVER_FILE).rename(tmp_path / "elsewhere")
    (tmp_path / SERVER_FILE).symlink_to(tmp_path / "elsewhere")
    assert server_of(tmp_path) is None
    held.release()

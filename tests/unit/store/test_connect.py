from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from vistazo.errors import (
    LibraryBusy,
    LibraryInvalid,
    LibraryNotFound,
    StoreError,
    Unsupported,
)
from vistazo.store import embedded as module
from vistazo.store.connect import Address, Connection, connect, disconnect, engine_version, parse
from vistazo.store.embedded import engine_at


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    left = list(module._open)
    while module._open:
        disconnect(Address(next(iter(module._open))))
    assert left == []


def opened(path: Path, *, create: bool = True) -> Connection:
    return connect(parse(path), create=create, wait_s=0)


def run(script: str, *arguments: object) -> str:
    """What a Python process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


# What is given


def test_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ana")
    assert parse("fotos") == Address(tmp_path / "fotos")
    assert parse(Path("fotos")) == Address(tmp_path / "fotos")
    assert parse("/a b/ñ?#%20") == Address(Path("/a b/ñ?#%20"))
    assert parse("~") == Address(Path("/home/ana"))
    assert parse("~/fotos") == Address(Path("/home/ana/fotos"))
    assert parse("a~b") == Address(tmp_path / "a~b")


@pytest.mark.parametrize("scheme", ["chdb", "CHDB"])
def test_a_dsn(scheme: str) -> None:
    assert parse(f"{scheme}:///a/b") == Address(Path("/a/b"))
    assert parse(f"{scheme}:///a%20b/%C3%B1%3F%23%25") == Address(Path("/a b/ñ?#%"))


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_path(text: str) -> None:
    with pytest.raises(
        LibraryInvalid, match="the library's path is empty; give a folder with --db"
    ):
        parse(text)


@pytest.mark.parametrize(
    "text", ["http://host:8123", "postgres://user:pw@host/db", "HTTPS://host", "hf://x"]
)
def test_another_kind_of_address_is_not_supported(text: str) -> None:
    with pytest.raises(Unsupported, match="is not supported by this version") as caught:
        parse(text)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["chdb://", "chdb:///", "chdb://relative/folder", "chdb:///a?b=1", "chdb:///a#b"]
)
def test_a_dsn_that_names_no_folder(text: str) -> None:
    with pytest.raises(LibraryInvalid, match="chdb:///absolute/folder"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\0b", r"a\\x00b cannot be a path"),
        ("chdb:///a%00b", "cannot be a path"),
        ("~no-such-user-at-all/x", "no such user"),
    ],
)
def test_what_cannot_be_a_path(text: str, said: str) -> None:
    with pytest.raises(LibraryInvalid, match=said):
        parse(text)


# What is there


def test_nothing_is_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="no library at .* Run: vistazo index FOLDER"):
        opened(tmp_path / "none", create=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LibraryNotFound, match="no library at"):
        opened(tmp_path / "empty", create=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_file_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    for create in (True, False):
        with pytest.raises(LibraryInvalid, match=r"photo\.jpg is a file"):
            opened(tmp_path / "photo.jpg", create=create)
    assert (tmp_path / "photo.jpg").read_bytes() == b"x"


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    for create in (True, False):
        with pytest.raises(LibraryInvalid, match="holds other files"):
            opened(tmp_path, create=create)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("there", ["lost+found", "owner.lock"])
def test_an_almost_empty_folder_is_taken(tmp_path: Path, there: str) -> None:
    (tmp_path / there).touch()
    assert opened(tmp_path).value("SELECT 1") == 1
    disconnect(parse(tmp_path))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "library", Path("/proc/library"), tmp_path / ("x" * 300)):
        with pytest.raises(LibraryInvalid, match=r"cannot be used: .*; give another --db"):
            opened(path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(LibraryInvalid, match="cannot be written: Read-only file system"):
        opened(tmp_path)


def test_a_damaged_engine_lets_go_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "store").write_text("no folder")
    for _ in range(2):
        with pytest.raises(StoreError, match="the database failed"):
            opened(tmp_path / "library")


# One engine for each process


def test_rows_are_still_there_after_closing(tmp_path: Path) -> None:
    first = opened(tmp_path / "a")
    first.execute("CREATE TABLE t (x String) ENGINE = MergeTree ORDER BY x")
    first.execute("INSERT INTO t SELECT {x:String}", {"x": "ñ\n\0"})
    disconnect(parse(tmp_path / "a"))
    again = opened(tmp_path / "a", create=False)
    assert again is not first
    assert again.rows("SELECT x FROM t") == [{"x": "ñ\n\0"}]
    disconnect(parse(tmp_path / "a"))


def test_the_same_path_is_shared_until_the_last_lets_go(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    first = opened(tmp_path / "a")
    others = [
        opened(tmp_path / "link", create=False),
        connect(parse(f"chdb://{tmp_path}/a"), create=False, wait_s=0),
        opened(tmp_path / "x" / ".." / "a", create=False),
    ]
    assert all(other is first for other in others)
    for _ in others:
        disconnect(parse(tmp_path / "link"))
        assert first.value("SELECT 1") == 1
    disconnect(parse(tmp_path / "a"))
    with pytest.raises(StoreError, match="the database failed"):
        first.value("SELECT 1")


def test_a_second_path_waits_for_the_first_to_be_closed(tmp_path: Path) -> None:
    opened(tmp_path / "a")
    with pytest.raises(LibraryBusy, match=r"has the library .*/a open .* close\(\) it first"):
        opened(tmp_path / "b")
    assert not (tmp_path / "b").exists()
    disconnect(parse(tmp_path / "a"))
    assert opened(tmp_path / "b").value("SELECT 2") == 2
    disconnect(parse(tmp_path / "b"))


def test_the_engines_version(tmp_path: Path) -> None:
    assert engine_version(tmp_path / "engine").split(".")[0].isdigit()


def test_values_are_bound_in_every_kind(tmp_path: Path) -> None:
    import numpy as np

    connection = opened(tmp_path / "a")
    array = np.array([0.5, -1.5], dtype=np.float32)
    assert connection.value("SELECT {q:Array(Float32)}", {"q": array}) == [0.5, -1.5]
    assert connection.value("SELECT {n:UInt64}", {"n": np.uint64(2**64 - 1)}) == 2**64 - 1
    assert connection.value("SELECT {s:String}", {"s": "a\udcff"}) == "a\\udcff"
    assert connection.value("SELECT {s:Array(String)}", {"s": ("'", "\udcff")}) == ["'", "\\udcff"]
    assert connection.value("SELECT length({s:Array(String)})", {"s": []}) == 0
    disconnect(parse(tmp_path / "a"))


# Other processes


def test_another_process_is_told_who_holds_the_library(tmp_path: Path) -> None:
    opened(tmp_path / "a")
    said = run(
        """
        import sys
        from vistazo.errors import LibraryBusy
        from vistazo.store.connect import connect, parse
        try:
            connect(parse(sys.argv[1]), create=False, wait_s=0)
        except LibraryBusy as error:
            print(error)
        """,
        tmp_path / "a",
    )
    assert f"is held by process {os.getpid()} (" in said
    disconnect(parse(tmp_path / "a"))


def test_a_forked_child_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    """In the child the engine would hang, even at closing."""
    said = run(
        """
        import os, sys
        from vistazo.errors import LibraryBusy, StoreError
        from vistazo.store.connect import connect, disconnect, parse

        path, other = parse(sys.argv[1] + "/a"), parse(sys.argv[1] + "/b")
        connection = connect(path, create=True, wait_s=0)
        connection.execute("CREATE TABLE t (x String) ENGINE = MergeTree ORDER BY x")
        child = os.fork()
        if child == 0:
            for refused in (
                lambda: connection.value("SELECT 1"),
                lambda: connect(path, create=False, wait_s=0),
                lambda: connect(other, create=True, wait_s=0),
            ):
                try:
                    refused()
                except StoreError as error:
                    print("fork" in str(error), "'spawn'" in str(error))
            disconnect(path)
            try:
                connect(path, create=False, wait_s=0)
            except LibraryBusy as error:
                print(f"process {os.getppid()} " in str(error))
            sys.stdout.flush()
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        connection.execute("INSERT INTO t SELECT 'after'")
        print(connection.value("SELECT x FROM t"))
        disconnect(path)
        """,
        tmp_path,
    )
    assert said.split("\n") == ["True True"] * 3 + ["True", "7", "after", ""]


def test_a_child_that_outlives_its_parent_does_not_keep_the_library(tmp_path: Path) -> None:
    """The lock goes with the parent's closing, though the child has inherited its descriptor."""
    said = run(
        """
        import os, subprocess, sys, time
        from vistazo.store.connect import connect, disconnect, parse

        path = parse(sys.argv[1] + "/a")
        connect(path, create=True, wait_s=0)
        child = os.fork()
        if child == 0:
            os.close(1)
            os.close(2)
            time.sleep(30)
            os._exit(0)
        disconnect(path)
        open_it = (
            "import sys; from vistazo.store.connect import *; "
            "print(connect(parse(sys.argv[1] + '/a'), create=False, wait_s=0).value('SELECT 5'))"
        )
        print(subprocess.run([sys.executable, "-c", open_it, sys.argv[1]]).returncode)
        os.kill(child, 9)
        os.waitpid(child, 0)
        """,
        tmp_path,
    )
    assert said == "5\n0\n"


def test_a_second_connection_by_another_name_of_the_folder(tmp_path: Path) -> None:
    address = parse(tmp_path / "library")
    first = connect(address, create=True, wait_s=0)
    (tmp_path / "link").symlink_to("library")
    second = engine_at(tmp_path / "link" / "store")
    first.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    assert second.value("EXISTS TABLE t") == 1
    second.close()
    disconnect(address)

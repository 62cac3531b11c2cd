"""Embedded libraries: folders that one process owns, shared by all that open them in it."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from vistazo.errors import LibraryBusy, LibraryInvalid, LibraryNotFound
from vistazo.records import printable
from vistazo.store import lock
from vistazo.store.connection import Connection, forked
from vistazo.store.dialects.chdb import Chdb
from vistazo.store.dsn import Address
from vistazo.store.engine_errors import mapped
from vistazo.store.owner import SERVER_FILE

DATA = "store"  # the engine's own files, inside the library's folder

# Vector indexes are built after bulk loading, not at each insert: at every insert they would be
# built again for each small part.
# Deletes write patches where the table allows it (see schema.py).
_SESSION = {
    "materialize_skip_indexes_on_insert": 0,
    "lightweight_delete_mode": "lightweight_update",
    # Else an index takes its k rows first, and a WHERE leaves few of them, or none.
    "vector_search_filter_strategy": "prefilter",
}

# One process can open one path of the engine at a time; several libraries on it share it.
_open: dict[Path, _Shared] = {}
_open_guard = threading.Lock()


@dataclass
class _Shared:
    connection: Connection
    lock: lock.OwnerLock
    made: bool
    users: int = 1


def open_folder(address: Address, *, create: bool, wait_s: float) -> Connection:
    """Open the library's engine, or share the one this process has open already.

    Raises:
        LibraryNotFound: there is none and `create` is False.
        LibraryInvalid: the path is a file, or a folder of something else.
        LibraryBusy: another process, or another library in this process.
        StoreError: the process is the fork of one that has a library open.
    """
    folder = Path(os.path.realpath(address.folder))
    with _open_guard:
        if any(shared.connection.inherited for shared in _open.values()):
            raise forked()
        if shared := _open.get(folder):
            shared.users += 1
            return shared.connection
        if _open:
            raise LibraryBusy(
                f"this process has the library {printable(str(next(iter(_open))))} open and the"
                " engine opens one at a time: close() it first"
            )
        _check(folder, create=create)
        held = lock.acquire(folder, wait_s)
        made = not (folder / DATA).exists()
        try:
            connection = engine_at(folder / DATA)
        except BaseException:
            if made:
                shutil.rmtree(folder / DATA, ignore_errors=True)
            held.release()
            raise
        _open[folder] = _Shared(connection, held, made)
        return connection


def close_folder(address: Address, *, half_made: bool = False) -> None:
    """Give back a connection; the last one out closes the engine and lets others in.

    Args:
        half_made: the tables could not be made; where `open_folder` made the engine's files they go,
            for the engine never opens again on a table's definition that was cut short.
    """
    folder = Path(os.path.realpath(address.folder))
    with _open_guard:
        shared = _open[folder]
        shared.users -= 1
        if shared.users == 0:
            del _open[folder]
            shared.connection.close()
            if half_made and shared.made:
                shutil.rmtree(folder / DATA, ignore_errors=True)
            shared.lock.release()


def engine_version(folder: Path) -> str:
    """The engine's version, found by opening it on an empty folder."""
    connection = engine_at(folder)
    try:
        return str(connection.value("SELECT version()"))
    finally:
        connection.close()


def _check(folder: Path, *, create: bool) -> None:
    shown = printable(str(folder))
    try:
        _check_readable(folder, shown, create=create)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise mapped(error) from error
        raise LibraryInvalid(
            f"the folder {shown} cannot be used: {error.strerror}; give another --db"
        ) from error


def _check_readable(folder: Path, shown: str, *, create: bool) -> None:
    if folder.is_dir():
        entries = {entry.name for entry in folder.iterdir()}
        if DATA not in entries and entries - {lock.OWNER_FILE, SERVER_FILE, "lost+found"}:
            raise LibraryInvalid(
                f"{shown} holds other files and is no vistazo library; give an empty or new folder"
            )
        if DATA not in entries and not create:
            raise LibraryNotFound(f"there is no library at {shown}. Run: vistazo index FOLDER")
        return
    if folder.exists():
        raise LibraryInvalid(f"{shown} is a file, and a library is a folder; give another --db")
    if not create:
        raise LibraryNotFound(f"there is no library at {shown}. Run: vistazo index FOLDER")
    folder.mkdir(parents=True)


def engine_at(path: Path) -> Connection:
    """Another connection to an engine of this process, or the first one, which opens it.

    Args:
        path: the engine's own files.
    Raises:
        StoreError: the engine cannot open.
    """
    import clickhouse_connect

    try:
        client = clickhouse_connect.get_client(
            interface="chdb", path=os.path.realpath(path), database="default", settings=_SESSION
        )
    except Exception as error:
        raise mapped(error) from error
    return Connection(client, Chdb())

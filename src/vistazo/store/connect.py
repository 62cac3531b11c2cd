"""From a path or DSN to a connection, wherever the library lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vistazo.store.connection import Connection
from vistazo.store.dsn import Address, Server, parse
from vistazo.store.embedded import DATA, close_folder, engine_at, engine_version, open_folder
from vistazo.store.engine_errors import mapped
from vistazo.store.server import close_server, open_server

__all__ = [
    "Address",
    "Connection",
    "Server",
    "beside",
    "connect",
    "disconnect",
    "engine_version",
    "mapped",
    "parse",
]


def connect(address: Address | Server, *, create: bool, wait_s: float) -> Connection:
    """Open the library's database, or share what this process has open already.

    Args:
        wait_s: how long to wait for another process to let go of it.
    Raises:
        LibraryNotFound: there is none and `create` is False.
        LibraryInvalid: the path is a file, or a folder of something else.
        LibraryBusy: another process, or another library in this process.
        StoreError: the server cannot be used, or the process is the fork of one that has a
            library open.
    """
    if isinstance(address, Server):
        return open_server(address, create=create, wait_s=wait_s)
    return open_folder(address, create=create, wait_s=wait_s)


@contextmanager
def beside(address: Address | Server, connection: Connection) -> Iterator[Connection]:
    """A connection whose long statements do not hold up those of an open one."""
    if isinstance(address, Server):
        yield connection  # sends statements side by side anyway
        return
    other = engine_at(address.folder / DATA)
    try:
        yield other
    finally:
        other.close()


def disconnect(address: Address | Server, *, half_made: bool = False) -> None:
    """Give back a connection; the last one out closes it.

    Args:
        half_made: the tables could not be made; of a folder that `connect` made nothing stays.
    """
    if isinstance(address, Server):
        close_server(address)
    else:
        close_folder(address, half_made=half_made)

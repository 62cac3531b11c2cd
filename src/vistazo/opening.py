"""`vistazo.open`: a library by its name, opened here or through the server that holds it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from vistazo.config import Settings
from vistazo.errors import LibraryBusy, ServerError, Unsupported
from vistazo.records import printable
from vistazo.remote import address as servers
from vistazo.store.dsn import Server, parse
from vistazo.store.lock import owner_pid
from vistazo.store.owner import server_of

if TYPE_CHECKING:
    from pathlib import Path

    from vistazo.encoders.base import Encoder
    from vistazo.facade import Facade
    from vistazo.library import Library
    from vistazo.remote.library import RemoteLibrary

_LOOK_S = 0.1
_PATIENCE_S = 5.0  # a server that indexes on every core is slow to answer


def open(
    path_or_dsn: str | os.PathLike[str] | None = None,
    *,
    encoder: str | Encoder | None = None,
    create: bool = True,
    settings: Settings | None = None,
    token: str | None = None,
) -> Facade:
    """Open a library, or make one; while `vistazo serve` holds it, through that server.

    Args:
        path_or_dsn: a folder, the address of a `vistazo serve`, `http://host:8000`, or a DSN such
            as `clickhouse://user@host:8123/database`; None takes VISTAZO_DB, vistazo.toml or the
            user's data directory.
        encoder: a name, or an object of your own; None takes the library's own, for a new library
            the setting `encoder`.
        create: make the library where there is none.
        settings: None reads the environment and vistazo.toml.
        token: of the server at an address; None takes VISTAZO_TOKEN.
    Returns:
        A `Library`, or a `RemoteLibrary` with the same methods.
    Raises:
        LibraryNotFound, LibraryInvalid, LibraryBusy, LibraryNewer: it cannot be opened.
        StoreError: the database server cannot be reached, or refuses.
        ServerError, AccessDenied: the server at this address cannot be used.
    """
    settings = settings or Settings.load()
    name = os.fspath(settings.library_path() if path_or_dsn is None else path_or_dsn)
    served = _served(name, settings, encoder, token)
    if served is not None:
        return served
    try:
        return open_here(name, encoder=encoder, create=create, settings=settings)
    except LibraryBusy:
        # While we waited, its holder may have become a server that answers.
        served = _served(name, settings, encoder, token)
        if served is None:
            raise
        return served


def open_here(
    path_or_dsn: str | os.PathLike[str] | None = None,
    *,
    encoder: str | Encoder | None = None,
    create: bool = True,
    settings: Settings | None = None,
) -> Library:
    """Open a library in this process, which no other may have open then; see `open`.

    Raises:
        Unsupported: the address of a server.
    """
    from vistazo.library import Library

    settings = settings or Settings.load()
    name = os.fspath(settings.library_path() if path_or_dsn is None else path_or_dsn)
    if servers.is_url(name):
        raise Unsupported(f"{printable(name)} is a server; this needs the library's folder")
    address = parse(name, user=settings.db_user, password=settings.db_password)
    return Library(address, settings, encoder=encoder, create=create)


def is_served(settings: Settings) -> bool:
    """Whether the library of the settings is behind a server, and so are the files it reads."""
    name = settings.library_path()
    if servers.is_url(name):
        return True
    folder = _folder(name)
    return folder is not None and _announced(folder) is not None


def _served(
    name: str, settings: Settings, encoder: str | Encoder | None, token: str | None
) -> RemoteLibrary | None:
    if servers.is_url(name):
        from vistazo.remote.library import RemoteLibrary

        return RemoteLibrary(servers.parse(name, token or settings.token), encoder=encoder)
    folder = _folder(name)
    if folder is None:
        return None
    deadline = time.monotonic() + settings.wait_s
    while (address := _announced(folder)) is not None:
        from vistazo.remote.library import RemoteLibrary  # it costs time, and most have no server

        try:
            return RemoteLibrary(
                address, encoder=encoder, patience_s=max(settings.wait_s, _PATIENCE_S)
            )
        except ServerError as error:
            if time.monotonic() >= deadline:
                raise LibraryBusy(
                    f"the library {printable(str(folder))} is held by process {owner_pid(folder)},"
                    f" which serves it and does not answer: {error}"
                ) from error
        time.sleep(_LOOK_S)
    return None


def _folder(name: str) -> Path | None:
    """Where a library lies on this machine; None for one on a database server."""
    address = parse(name)
    return None if isinstance(address, Server) else address.folder


def _announced(folder: Path) -> servers.ServerAddress | None:
    """Where the server of a library is; None without one, or when it is this process."""
    found = server_of(folder)
    # Whoever has the lock now may be another than the server that was killed and left its file.
    if found is None or found.pid == os.getpid() or owner_pid(folder) not in (None, found.pid):
        return None
    return replace(servers.parse(found.url), token=found.token)

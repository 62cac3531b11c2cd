"""One library for a whole module, emptied before each test: opening the engine takes a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import vistazo
from vistazo.ingest.journal import Journal
from vistazo.library import Library
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.store import Store

_TABLES = ("photos", "thumbnails", "failures", "runs", "encoders", "changes")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with vistazo.open(tmp_path_factory.mktemp("module") / "library") as library:
        yield library


@pytest.fixture
def library(opened: Library) -> Library:
    """An empty library."""
    for table in _TABLES:
        opened.sql(f"TRUNCATE TABLE {table}", write=True)
    return opened


@pytest.fixture
def connection(library: Library) -> Iterator[Connection]:
    """The library's connection, for the parts below the facade."""
    address = parse(library.path)
    yield connect(address, create=False, wait_s=0)
    disconnect(address)


@pytest.fixture
def store(connection: Connection) -> Store:
    return Store(connection)


@pytest.fixture
def journal(connection: Connection) -> Journal:
    return Journal(connection)

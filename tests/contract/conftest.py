"""The engines that a library can live in; every test of this folder runs on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from vistazo.records import EncoderSpec
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.schema import migrate
from vistazo.store.store import Store

DIM = 32


@contextmanager
def chdb(folder: Path) -> Iterator[Connection]:
    address = parse(folder / "library")
    yield connect(address, create=True, wait_s=0)
    disconnect(address)


# Name -> a connection to an engine without tables.
BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Connection]]] = {"chdb": chdb}


@pytest.fixture(scope="module", params=list(BACKENDS))
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with BACKENDS[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def store(connection: Connection) -> Store:
    """No photo, no vector index, and an encoder of `DIM` dimensions."""
    emptied = Store(connection)
    emptied.drop_index()
    for table in ("photos", "thumbnails"):
        connection.execute(f"TRUNCATE TABLE {table}")
    emptied.record_encoder(EncoderSpec("some", DIM, "c0ffee"))
    return emptied

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vistazo.store import schema
from vistazo.store.connect import Connection, connect, disconnect, parse


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """An empty library's engine, open for one module: opening takes a second."""
    address = parse(tmp_path_factory.mktemp("library"))
    opened = connect(address, create=True, wait_s=0)
    schema.migrate(opened)
    yield opened
    disconnect(address)

from __future__ import annotations

import pytest

from vistazo.store.connect import Connection


@pytest.fixture
def connection(connection: Connection) -> Connection:
    """The module's tables, emptied before every test."""
    for table in ("photos", "conversions", "loads", "keywords", "collections", "colors"):
        connection.execute(f"TRUNCATE TABLE {table}")
    return connection

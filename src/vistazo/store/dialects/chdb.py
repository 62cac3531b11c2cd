"""chDB: ClickHouse inside this process."""

from __future__ import annotations

from vistazo.store.dialects.base import Dialect


class Chdb(Dialect):
    """Same SQL as the server; one process owns the files."""

    name = "chdb"

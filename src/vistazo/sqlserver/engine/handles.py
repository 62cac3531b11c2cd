"""The engine's side: one handle of chDB, and what can be done with it. All of it blocks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from vistazo.sqlserver.http.exceptions import of_engine

# A server does not take `1 + 1` for a statement; chDB does unless told.
_AS_A_SERVER = {"implicit_select": "0"}


@dataclass(slots=True)
class Summary:
    """What a statement read and wrote, as X-ClickHouse-Summary names it."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    total_rows_to_read: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    def header(self) -> str:
        """The header's JSON; numbers are text there."""
        return json.dumps({name: str(getattr(self, name)) for name in self.__slots__})

    def add(self, result: Any) -> None:
        """Take in one result of the engine."""
        self.read_rows += result.storage_rows_read()
        self.read_bytes += result.storage_bytes_read()
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        self.result_rows = result.rows_read()
        self.result_bytes = result.bytes_read()
        self.elapsed_ns += int(result.elapsed() * 1e9)


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name as SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Handle:
    """One connection to the engine, with settings and a database of its own.

    Making one takes a tenth of a millisecond, so that every request gets a new one.

    Args:
        store: the engine's files; the path as the process's first connection names it.
        readonly: refuse every write in the engine itself; it cannot be undone.
        settings: for every statement.
    """

    def __init__(self, store: Path, *, readonly: bool, settings: Mapping[str, str]) -> None:
        try:
            self._connection = chdb.connect(os.path.realpath(store))
        except RuntimeError as error:
            raise of_engine(str(error)) from error
        self._database = "default"
        try:
            # Readers may still change the settings of their own queries, but not `readonly`.
            self.set({**_AS_A_SERVER, **settings, **({"readonly": "2"} if readonly else {})})
        except BaseException:
            self.close()
            raise

    def query(self, sql: str, fmt: str, params: Mapping[str, str] | None = None) -> Any:
        """Run one statement to its end.

        Raises:
            StoreError: with the engine's whole text and its code.
        """
        try:
            return self._connection.query(sql, fmt, params=dict(params or {}))
        except RuntimeError as error:
            raise of_engine(str(error)) from error

    def begin_insert(self, head: str, fmt: str, params: Mapping[str, str]) -> Inserting:
        """Begin an INSERT whose data will come in pieces.

        Args:
            head: the statement without FORMAT and data.
        """
        for name, value in params.items():
            self.query(f"SET param_{name} = {quoted(value)}", "Null")
        try:
            return Inserting(self._connection.send_insert(head, fmt))
        except RuntimeError as error:
            raise of_engine(str(error)) from error

    def set(self, settings: Mapping[str, str]) -> None:
        """Change settings for all that follows."""
        if settings:
            pairs = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
            self.query(f"SET {pairs}", "Null")

    def use(self, database: str) -> None:
        """Change the database of names without one."""
        if database != self._database:
            self.query(f"USE {identifier(database)}", "Null")
            self._database = database

    def close(self) -> None:
        """Give it back to the engine."""
        self._connection.close()


class Inserting:
    """An INSERT under way."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def append(self, data: bytes) -> None:
        """Hand over a piece of the data."""
        try:
            self._inner.append(data)
        except RuntimeError as error:
            raise of_engine(str(error)) from error

    def finish(self, summary: Summary) -> None:
        """Write what was handed over."""
        try:
            done = self._inner.finish()
        except RuntimeError as error:
            raise of_engine(str(error)) from error
        summary.written_rows += done.rows_written
        summary.written_bytes += done.bytes_written
        summary.read_rows += done.rows_written
        summary.read_bytes += done.bytes_written
        summary.elapsed_ns += int(done.elapsed * 1e9)

    def cancel(self) -> None:
        """Drop what was not written yet."""
        self._inner.cancel()

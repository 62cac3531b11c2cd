"""One open database: its client, its dialect, and what callers may do with them."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from vistazo.errors import StoreError, VistazoError
from vistazo.store.dialects.base import Dialect
from vistazo.store.engine_errors import mapped

if TYPE_CHECKING:
    import pyarrow as pa

    from vistazo.store.lease import Lease

Params = Mapping[str, Any]


class Connection:
    """A client and its dialect.

    Methods are safe to call from several threads. After a fork the child's queries would hang
    inside the engine, so they are refused.

    Args:
        lease: what keeps other processes from writing at the same time; None where one process
            owns the database.
    """

    def __init__(self, client: Any, dialect: Dialect, lease: Lease | None = None) -> None:
        self._client = client
        self._pid = os.getpid()
        self._lease = lease
        self.dialect = dialect
        # Held by whoever changes many rows in several statements: one run of ingest at a time.
        self.writing = threading.Lock()
        self._switching = threading.Lock()
        self._epoch = 0
        # Rises after anything but an insert: what is known of indexes and deleted rows is then old.
        self.changes = 0
        # Rises after whatever may have changed rows, inserts too.
        self.writes = 0

    @property
    def shared(self) -> bool:
        """Whether other processes may use the same tables at the same time."""
        return self._lease is not None

    def sole_writer(self, purpose: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Keep other processes from loading and indexing meanwhile; see `lease` for how well.

        Raises:
            LibraryBusy: another process does so, on entering.
        """
        if self._lease is None:
            return contextlib.nullcontext()
        return self._lease.held(self, purpose, wait=wait)

    @contextlib.contextmanager
    def switching(self) -> Iterator[None]:
        """Make the vectors another encoder's inside the block; `settled` tells it to others."""
        with self._switching:
            try:
                yield
            finally:
                self._epoch += 1

    def settled(self) -> int:
        """A number that rises when the vectors become another encoder's; waits for that to end."""
        with self._switching:
            return self._epoch

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement whose result does not matter."""
        bound = _bound(params)
        try:
            if self.shared:
                # Unlike `command` this sends long values in the body, for an address has its limits.
                self._guarded(lambda: self._client.raw_query(sql, parameters=bound))
            else:
                self._guarded(lambda: self._client.command(sql, parameters=bound))
        finally:
            self.writes += 1
        if not sql.lstrip()[:6].upper().startswith("INSERT"):
            self.note_change()

    def note_change(self) -> None:
        """Say that definitions may have changed, or rows gone, by whatever way."""
        self.changes += 1
        self.writes += 1

    def delete(self, table: str, where: str, params: Params | None = None) -> None:
        """Delete the rows of a table that match; `where` holds no subquery."""
        self.execute(self.dialect.delete(table, where), params)

    def delete_listed(self, table: str, key: str, values: Sequence[Any]) -> None:
        """Delete the rows whose key is among the values.

        Args:
            key: a String column, or several as `(a, b)` with tuples as values.
        """
        if not values:
            return
        width = len(values[0]) if isinstance(values[0], tuple) else 1
        kind = f"Tuple({', '.join(['String'] * width)})" if key.startswith("(") else "String"
        most = self.dialect.capabilities.values_in_a_change or len(values)
        for start in range(0, len(values), most):
            listed = {"listed": list(values[start : start + most])}
            self.delete(table, f"{key} IN {{listed:Array({kind})}}", listed)

    def delete_matching(self, table: str, key: str, where: str) -> None:
        """Delete the rows that match, if there are any; `where` may hold subqueries.

        Args:
            key: a String column, or several expressions as `(a, b)`. Where a DELETE may not look
                at other rows, those go that share it with a match.
        """
        if not self.dialect.capabilities.subqueries_in_deletes:
            found = self.rows(f"SELECT DISTINCT {key} AS key FROM {table} WHERE {where}")
            keys = [row["key"] for row in found]
            several = key.startswith("(")
            self.delete_listed(table, key, [tuple(k.values()) for k in keys] if several else keys)
        elif self.value(f"SELECT count() FROM {table} WHERE {where}"):
            self.delete(table, where)

    def table(
        self, sql: str, params: Params | None = None, settings: Mapping[str, object] | None = None
    ) -> pa.Table:
        """Run a query; its result as Arrow, strings as strings.

        Raises:
            InvalidSQL: the text or a parameter is wrong.
            StoreError: the engine failed.
        """
        return self._guarded(
            lambda: self._client.query_arrow(
                sql, parameters=_bound(params), settings=dict(settings or {}), use_strings=True
            )
        )

    def rows(self, sql: str, params: Params | None = None) -> list[dict[str, Any]]:
        """Run a query that only reads; its rows as dictionaries."""
        try:
            table = self.table(sql, params)
        except StoreError as error:
            # Met once, beside a re-embedding, and not explained: an answer that Arrow cannot read.
            import pyarrow as pa

            if not isinstance(error.__cause__, pa.ArrowInvalid):
                raise
            table = self.table(sql, params)
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def value(self, sql: str, params: Params | None = None) -> Any:
        """Run a query; the first column of its first row, None without rows."""
        columns = self.table(sql, params).columns
        return columns[0][0].as_py() if columns and len(columns[0]) else None

    def insert(self, table: str, data: pa.Table) -> None:
        """Add rows in one atomic block; columns left out take their defaults."""
        if not data.num_rows:
            return
        # The driver sends a block again when the server hung up without an answer: by the token
        # the server knows a block that it has already.
        settings = None
        if self._lease is not None:
            self._lease.check()
            settings = {"insert_deduplicate": 1, "insert_deduplication_token": uuid.uuid4().hex}
        try:
            self._guarded(lambda: self._client.insert_arrow(table, data, settings=settings))
        finally:
            self.writes += 1

    @property
    def inherited(self) -> bool:
        """Whether this process got the connection by a fork."""
        return os.getpid() != self._pid

    def close(self) -> None:
        """Close the client; in a forked child, where that would hang, only forget it."""
        if not self.inherited:
            self._client.close()

    def _guarded(self, call: Any) -> Any:
        if self.inherited:
            raise forked()
        try:
            return call()
        except VistazoError:
            raise
        except Exception as error:
            raise mapped(error) from error


def forked() -> StoreError:
    """The refusal of a connection that came by a fork."""
    return StoreError(
        "a library was open when this process was forked, and the engine cannot answer in the"
        " child; use the 'spawn' start method, or open the library only after forking"
    )


def _bound(params: Params | None) -> dict[str, Any]:
    return {name: _plain(value) for name, value in (params or {}).items()}


def _plain(value: Any) -> Any:
    # The driver fails on NumPy arrays (engine error 130): give it lists. It also fails on stray
    # bytes of a file's name: give it the escapes they are stored as.
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        return [_plain(each) for each in value]
    return value

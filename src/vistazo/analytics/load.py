"""Loading files into the tables beside the photos, each content once.

`loads` says which file refers to which load of which table: one row for each file, and files of
the same content share a load. It is the truth: rows whose `load_id` no row of `loads` names belong
to a load that was stopped or to a state of a file that has been replaced, and go. A load therefore
counts from the moment its row in `loads` is written, which is one insert; a process killed before
leaves what was there, a process killed after leaves what is new, and `repair_loads` clears away the
rest. Rows that users INSERT by SQL have the empty `load_id` and are never touched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.analytics.tables import CONVERSIONS, TABLES, Table
from vistazo.errors import LibraryBusy, SourceError, StoreError, VistazoError
from vistazo.records import LoadReport, printable, uri_of, url_of
from vistazo.sources.base import SideFile
from vistazo.store.connection import Connection

if TYPE_CHECKING:
    from vistazo.analytics.reader import TableFile

# A process holds one database, so one load at a time; a repair must not take the rows of a load
# that is running in another thread for those of one that was stopped.
_running = threading.Lock()

_SUPERSEDED = (
    "(subject, file, loaded_at) NOT IN"
    " (SELECT subject, file, max(loaded_at) FROM loads GROUP BY subject, file)"
)


@dataclass(frozen=True, slots=True)
class _Load:
    """A content of a table that is in the library."""

    load_id: str
    rows: int
    rejected: int


def load_conversions(
    connection: Connection,
    path: str | os.PathLike[str],
    *,
    on_progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Bring a conversions file into the library; `load_table` with the table `conversions`."""
    return load_table(connection, CONVERSIONS, path, on_progress=on_progress)


def load_tables(
    connection: Connection, files: Mapping[str, Sequence[SideFile]]
) -> dict[str, LoadReport]:
    """Bring the files of a data set into their tables.

    Args:
        files: by the name of a table, in `TABLES`.
    Returns:
        Reports by the file's name.
    Raises:
        SourceError: a file cannot be read; the others have been loaded all the same.
    """
    reports: dict[str, LoadReport] = {}
    failed: list[SourceError] = []
    for name, beside in files.items():
        for file in beside:
            try:
                reports[file.path.name] = load_table(
                    connection, TABLES[name], file.path, origin=file.origin
                )
            except SourceError as error:
                failed.append(error)
    if failed:
        raise failed[0]
    return reports


def load_table(
    connection: Connection,
    table: Table,
    path: str | os.PathLike[str],
    *,
    origin: str = "",
    on_progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Bring a file into a table; does nothing when its content is there.

    What a file held before is replaced: the new rows are written first, the old ones taken out
    after, so that for a moment the disk holds both. A file with the content of another one that
    was loaded is noted as such and not counted twice.

    Args:
        connection: an open one, with migrated tables.
        path: TSV, CSV or Parquet as `analytics/reader.py` tells; text may be compressed by gzip,
            bzip2, zstd or lz4.
        origin: what the file is known by in `loads`; empty takes its URL.
        on_progress: told how many rows have been written so far, some times a second.

    Returns:
        What is now in the library from this file. `unknown_photos` is counted anew even if
        nothing else was to do, since photos may have come meanwhile.

    Raises:
        SourceError: the file cannot be read as rows of the table; the library is as before.
        StorageFull: the disk is full; the library is as before.
        LibraryBusy: another process is indexing or loading; only on a server.
    """
    from vistazo.analytics.reader import TableFile  # slow to import, and opening needs it not

    started = time.monotonic()
    url = origin or url_of(os.path.realpath(path))
    purpose = f"loading {printable(os.fspath(path))}"
    with _running, TableFile(path, table) as file, connection.sole_writer(purpose):
        digest = file.digest()
        _repair(connection)
        load = _present(connection, table, digest)
        fresh = load is None
        if load is None:
            load = _write(connection, file, digest, on_progress)
        replaced = _refer(connection, table, url, digest, load)
        return LoadReport(
            rows=load.rows,
            rejected=load.rejected,
            unknown_photos=_unknown_photos(connection, table, load.load_id),
            replaced=replaced,
            state="loaded" if fresh else "unchanged",
            seconds=time.monotonic() - started,
        )


def repair_loads(connection: Connection) -> None:
    """Take out what a load that was killed has left; `Library` calls this when it opens.

    Costs some milliseconds when there is nothing to do. Leaves everything alone while a load is
    running in this process.
    """
    if _running.acquire(blocking=False):
        try:
            if not connection.shared:
                _repair(connection)
            elif _unclean(connection):
                # Another process may be loading, or this user may only read: then it is not ours.
                with (
                    contextlib.suppress(LibraryBusy, StoreError),
                    connection.sole_writer("repairing loads", wait=False),
                ):
                    _repair(connection)
        finally:
            _running.release()


def _repair(connection: Connection) -> None:
    connection.delete_matching("loads", "(subject, file, toString(loaded_at))", _SUPERSEDED)
    for table in TABLES.values():
        if stopped := _stopped(connection, table):
            _delete(connection, table, stopped)


def _unclean(connection: Connection) -> bool:
    superseded = connection.value(f"SELECT count() FROM loads WHERE {_SUPERSEDED}")
    return bool(superseded) or any(_stopped(connection, table) for table in TABLES.values())


def _stopped(connection: Connection, table: Table) -> list[str]:
    """Loads of the table that never came to their end, or are running elsewhere."""
    rows = connection.rows(
        f"SELECT DISTINCT load_id FROM {table.name} WHERE load_id != ''"
        " AND load_id NOT IN (SELECT load_id FROM loads WHERE subject = {subject:String})",
        {"subject": table.name},
    )
    return [row["load_id"] for row in rows]


def _delete(connection: Connection, table: Table, load_ids: list[str]) -> None:
    connection.delete_listed(table.name, "load_id", load_ids)


def _present(connection: Connection, table: Table, digest: str) -> _Load | None:
    rows = connection.rows(
        "SELECT load_id, rows, rejected FROM loads"
        " WHERE digest = {digest:String} AND subject = {subject:String} LIMIT 1",
        {"digest": digest, "subject": table.name},
    )
    if not rows:
        return None
    load = _Load(**rows[0])
    bound = {"id": load.load_id}
    if load.rows and not connection.value(
        f"SELECT count() FROM {table.name} WHERE load_id = {{id:String}}", bound
    ):
        # Somebody has emptied the table by SQL, so that the record is of no rows.
        connection.delete("loads", "load_id = {id:String}", bound)
        return None
    return load


def _write(
    connection: Connection,
    file: TableFile,
    digest: str,
    on_progress: Callable[[int], None] | None,
) -> _Load:
    load_id, written, numbered = secrets.token_hex(8), 0, 0
    try:
        for batch in file.batches():
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            if file.table is CONVERSIONS:
                columns.setdefault("id", pa.array(_ids(digest, numbered, batch.num_rows)))
            else:
                columns.pop("id", None)
            columns["load_id"] = pa.array([load_id]).take(
                pa.array(np.zeros(batch.num_rows, np.int8))
            )
            connection.insert(file.table.name, pa.table(columns))
            numbered += batch.num_rows
            written += batch.num_rows
            if on_progress is not None:
                on_progress(written)
        file.check_unchanged()
    except BaseException:
        # On a full disk even deleting may fail: the next load or opening does it then.
        with contextlib.suppress(VistazoError):
            _delete(connection, file.table, [load_id])
        raise
    return _Load(load_id, written, file.rejected)


def _refer(connection: Connection, table: Table, url: str, digest: str, load: _Load) -> int:
    """Note that a file's content is this load; how many rows its earlier content had."""
    before = connection.rows(
        "SELECT load_id, rows, (SELECT count() FROM loads AS other"
        " WHERE other.load_id = mine.load_id AND other.file != {file:String}) AS shared"
        " FROM loads AS mine WHERE file = {file:String} AND subject = {subject:String}",
        {"file": url, "subject": table.name},
    )
    if before and before[0]["load_id"] == load.load_id:
        return 0
    # The latest row of a file holds, whatever the clock says.
    connection.execute(
        "INSERT INTO loads (load_id, subject, file, digest, rows, rejected, loaded_at)"
        " SELECT {load_id:String}, {subject:String}, {file:String}, {digest:String},"
        " {rows:UInt64}, {rejected:UInt64},"
        " greatest(now64(3), max(loaded_at) + toIntervalMillisecond(1))"
        " FROM loads",
        {
            "load_id": load.load_id,
            "subject": table.name,
            "file": url,
            "digest": digest,
            "rows": load.rows,
            "rejected": load.rejected,
        },
    )
    _forget_moved(connection, url, load.load_id)
    _repair(connection)
    return before[0]["rows"] if before and not before[0]["shared"] else 0


def _forget_moved(connection: Connection, url: str, load_id: str) -> None:
    # A file that was renamed must not keep its old content alive under its old name.
    rows = connection.rows(
        "SELECT file FROM loads WHERE load_id = {id:String} AND file != {file:String}"
        " AND startsWith(file, 'file:')",
        {"id": load_id, "file": url},
    )
    gone = [row["file"] for row in rows if not Path(uri_of(row["file"])).exists()]
    if gone:
        connection.delete(
            "loads",
            "load_id = {id:String} AND file IN {files:Array(String)}",
            {"id": load_id, "files": gone},
        )


def _unknown_photos(connection: Connection, table: Table, load_id: str) -> int:
    return int(
        connection.value(
            f"SELECT count() FROM {table.name} WHERE load_id = {{id:String}}"
            " AND photo_id NOT IN (SELECT photo_id FROM photos)",
            {"id": load_id},
        )
    )


def _ids(digest: str, first: int, count: int) -> NDArray[np.uint64]:
    """Ids that depend on the content and the row's place: splitmix64, no two rows alike."""
    rows = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    z = rows * np.uint64(0x9E3779B97F4A7C15) + np.uint64(int(digest[:16], 16))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed

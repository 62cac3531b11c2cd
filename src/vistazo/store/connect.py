"""From a path or DSN to a connection: the client, its dialect, and errors mapped once."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from vistazo.errors import (
    InvalidSQL,
    LibraryBusy,
    LibraryInvalid,
    LibraryNotFound,
    StorageFull,
    StoreError,
    Unsupported,
    VistazoError,
)
from vistazo.records import printable
from vistazo.store import lock
from vistazo.store.dialects.base import Dialect
from vistazo.store.dialects.chdb import Chdb
from vistazo.store.owner import SERVER_FILE

if TYPE_CHECKING:
    import pyarrow as pa

Params = Mapping[str, Any]

_DATA = "store"  # the engine's own files, inside the library's folder

# Vector indexes are built after bulk loading, not at each insert: at every insert they would be
# built again for each small part.
# Deletes write patches where the table allows it (see schema.py).
_SESSION = {
    "materialize_skip_indexes_on_insert": 0,
    "lightweight_delete_mode": "lightweight_update",
}

# The engine's codes for what the author of the SQL can mend.
_AUTHOR_ERRORS = frozenset(
    # CANNOT_PARSE_TEXT, THERE_IS_NO_COLUMN, NOT_FOUND_COLUMN_IN_BLOCK, NO_SUCH_COLUMN_IN_TABLE,
    # NUMBER_OF_COLUMNS_DOESNT_MATCH, CANNOT_PARSE_ESCAPE_SEQUENCE, CANNOT_PARSE_QUOTED_STRING,
    # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    {6, 8, 10, 16, 20, 25, 26, 27}
    # TOO_MANY_ and TOO_FEW_ARGUMENTS_FOR_FUNCTION, BAD_ARGUMENTS, CANNOT_PARSE_DATE,
    # CANNOT_PARSE_DATETIME, NUMBER_OF_ARGUMENTS_DOESNT_MATCH, ILLEGAL_TYPE_OF_ARGUMENT,
    # ILLEGAL_COLUMN
    | {34, 35, 36, 38, 41, 42, 43, 44}
    # UNKNOWN_FUNCTION, UNKNOWN_IDENTIFIER, UNKNOWN_TYPE, EMPTY_LIST_OF_COLUMNS_QUERIED,
    # TYPE_MISMATCH, TABLE_ALREADY_EXISTS, ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER, UNKNOWN_TABLE,
    # SYNTAX_ERROR, UNKNOWN_AGGREGATE_FUNCTION
    | {46, 47, 50, 51, 53, 57, 59, 60, 62, 63}
    # ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE, CANNOT_PARSE_NUMBER, UNKNOWN_FORMAT,
    # INCORRECT_QUERY, UNKNOWN_DATABASE, UNKNOWN_SETTING, INCORRECT_DATA (a vector of another
    # length than the index's), INCORRECT_RESULT_OF_SCALAR_SUBQUERY, CANNOT_READ_ARRAY_FROM_TEXT
    | {69, 70, 72, 73, 80, 81, 115, 117, 125, 130}
    # ILLEGAL_DIVISION, READONLY, CYCLIC_ALIASES, MULTIPLE_EXPRESSIONS_FOR_ALIAS,
    # ILLEGAL_AGGREGATION, SIZES_OF_ARRAYS_DONT_MATCH
    | {153, 164, 174, 179, 184, 190}
    # ALIAS_REQUIRED, AMBIGUOUS_IDENTIFIER, NOT_AN_AGGREGATE,
    # UNION_ALL_RESULT_STRUCTURES_MISMATCH, INDEX_NOT_USED, FUNCTION_CANNOT_HAVE_PARAMETERS
    | {206, 207, 215, 258, 277, 309}
    # AMBIGUOUS_COLUMN_NAME, NO_COMMON_TYPE, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO,
    # INVALID_JOIN_ON_EXPRESSION, CANNOT_COMPILE_REGEXP, INVALID_LIMIT_EXPRESSION
    | {352, 386, 395, 403, 427, 440}
    # UNKNOWN_QUERY_PARAMETER, BAD_QUERY_PARAMETER, VIOLATED_CONSTRAINT (`vector_len`),
    # INVALID_SETTING_VALUE, INTERSECT_OR_EXCEPT_RESULT_STRUCTURES_MISMATCH,
    # FUNCTION_ALREADY_EXISTS, CANNOT_EXTRACT_TABLE_STRUCTURE, INVALID_IDENTIFIER
    | {456, 457, 469, 471, 596, 609, 636, 703}
)
_DISK_FULL = frozenset({243})  # NOT_ENOUGH_SPACE


class Connection:
    """A client and its dialect; the only place where the driver's errors become ours.

    Methods are safe to call from several threads. After a fork the child's queries would hang
    inside the engine, so they are refused.
    """

    def __init__(self, client: Any, dialect: Dialect) -> None:
        self._client = client
        self._pid = os.getpid()
        self.dialect = dialect
        # Held by whoever changes many rows in several statements: one run of ingest at a time.
        self.writing = threading.Lock()

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Run a statement whose result does not matter."""
        self._guarded(lambda: self._client.command(sql, parameters=_bound(params)))

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
        """Run a query; its rows as dictionaries."""
        found: list[dict[str, Any]] = self.table(sql, params).to_pylist()
        return found

    def value(self, sql: str, params: Params | None = None) -> Any:
        """Run a query; the first column of its first row, None without rows."""
        columns = self.table(sql, params).columns
        return columns[0][0].as_py() if columns and len(columns[0]) else None

    def insert(self, table: str, data: pa.Table) -> None:
        """Add rows in one atomic block; columns left out take their defaults."""
        if data.num_rows:
            self._guarded(lambda: self._client.insert_arrow(table, data))

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
            raise _forked()
        try:
            return call()
        except VistazoError:
            raise
        except Exception as error:
            raise mapped(error) from error


def _forked() -> StoreError:
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


def mapped(error: Exception) -> VistazoError:
    """The vistazo error for anything the driver raises."""
    from clickhouse_connect.driver import exceptions as driver

    code = int(getattr(error, "code", 0) or 0)
    text = _first_sentence(str(error)) or type(error).__name__
    # Before the disk: the engine's text quotes the statement, which may hold any words.
    if code in _AUTHOR_ERRORS:
        return InvalidSQL(text, engine_code=code)
    if (
        code in _DISK_FULL
        or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
        or re.search("No space left on device|Disk quota exceeded", str(error))
    ):
        return StorageFull(
            "the disk under the library is full: free some space and run the same command again",
            engine_code=code,
        )
    # Without a code it is the driver that refuses: the values to bind (the author's), or, from
    # another exception, the engine that does not open, or a use of it after its end (ours).
    ours = isinstance(error, driver.StreamClosedError) or error.__cause__ or "closed" in text
    if isinstance(error, driver.ProgrammingError) and not code and not ours:
        return InvalidSQL(text)
    return StoreError(f"the database failed: {text}", engine_code=code)


def _first_sentence(text: str) -> str:
    text = " ".join(text.split())
    text = re.sub(r"^(?:Code: \d+\. |DB::\w*Exception: )+", "", text)
    # The name of the error and the engine's version, in brackets at the end.
    text = re.sub(r"(?:[.\s]*\((?:version (?:[^()]|\([^()]*\))*|[A-Z][A-Z0-9_]+)\))+$", "", text)
    # What could have stood there instead, and the statement once more.
    text = re.split(r"\. Expected one of:|[.:?] In (?:scope|query) |: while executing ", text)[0]
    # The driver's own ending of the statement.
    early = "the SQL ends too early, or has a FORMAT, which is chosen for it"
    text = re.sub(r"failed at position \d+ \((?:FORMAT|Arrow)\).*", early, text)
    text = re.sub(r" FORMAT Arrow\b", "", text)
    text = re.sub(r"\.+ ([A-Z])", lambda begin: f"; {begin[1].lower()}", text)
    return printable(text[:500]).rstrip(". :")


# One process can open one path of the engine at a time; several libraries on it share it.
_open: dict[Path, _Shared] = {}
_open_guard = threading.Lock()


@dataclass
class _Shared:
    connection: Connection
    lock: lock.OwnerLock
    made: bool
    users: int = 1


@dataclass(frozen=True, slots=True)
class Address:
    """Where a library lives: the folder of an embedded one."""

    folder: Path


def parse(path_or_dsn: str | os.PathLike[str]) -> Address:
    """Read a path or a `chdb:///absolute/path` DSN.

    Raises:
        Unsupported: a DSN of a server.
        LibraryInvalid: an empty path, or one that cannot be.
    """
    text = os.fspath(path_or_dsn)
    if not text.strip():
        raise LibraryInvalid("the library's path is empty; give a folder with --db or VISTAZO_DB")
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", text, re.IGNORECASE)
    if scheme is None:
        path = text
    elif scheme[1].lower() != "chdb":
        raise Unsupported(
            f"{scheme[1]}:// is not supported by this version; give a folder or chdb:///folder"
        )
    else:
        address = urlsplit(text)
        path = unquote(address.path, errors="surrogateescape")
        if address.netloc or len(path) < 2 or address.query or address.fragment:
            raise LibraryInvalid(
                f"{printable(text)} names no folder of this machine; write it as"
                " chdb:///absolute/folder, with %3F and %23 for ? and #"
            )
    if "\0" in path:
        raise LibraryInvalid(f"{printable(text)} cannot be a path; give another --db")
    try:
        return Address(Path(path).expanduser().absolute())
    except RuntimeError as error:
        raise LibraryInvalid(f"{printable(text)}: there is no such user's home folder") from error


def connect(address: Address, *, create: bool, wait_s: float) -> Connection:
    """Open the library's engine, or share the one this process has open already.

    Raises:
        LibraryNotFound: there is none and `create` is False.
        LibraryInvalid: the path is a file, or a folder of something else.
        LibraryBusy: another process, or another library in this process.
        StoreError: the process is the fork of one that has a library open.
    """
    folder = Path(os.path.realpath(address.folder))
    with _open_guard:
        if any(shared.connection.inherited for shared in _open.values()):
            raise _forked()
        if shared := _open.get(folder):
            shared.users += 1
            return shared.connection
        if _open:
            raise LibraryBusy(
                f"this process has the library {printable(str(next(iter(_open))))} open and the"
                " engine opens one at a time: close() it first"
            )
        _check(folder, create=create)
        held = lock.acquire(folder, wait_s)
        made = not (folder / _DATA).exists()
        try:
            connection = _chdb(folder / _DATA)
        except BaseException:
            if made:
                shutil.rmtree(folder / _DATA, ignore_errors=True)
            held.release()
            raise
        _open[folder] = _Shared(connection, held, made)
        return connection


def disconnect(address: Address, *, half_made: bool = False) -> None:
    """Give back a connection; the last one out closes the engine and lets others in.

    Args:
        half_made: the tables could not be made; where `connect` made the engine's files they go,
            for the engine never opens again on a table's definition that was cut short.
    """
    folder = Path(os.path.realpath(address.folder))
    with _open_guard:
        shared = _open[folder]
        shared.users -= 1
        if shared.users == 0:
            del _open[folder]
            shared.connection.close()
            if half_made and shared.made:
                shutil.rmtree(folder / _DATA, ignore_errors=True)
            shared.lock.release()


def engine_version(folder: Path) -> str:
    """The engine's version, found by opening it on an empty folder."""
    connection = _chdb(folder)
    try:
        return str(connection.value("SELECT version()"))
    finally:
        connection.close()


def _check(folder: Path, *, create: bool) -> None:
    shown = printable(str(folder))
    try:
        _check_readable(folder, shown, create=create)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise mapped(error) from error
        raise LibraryInvalid(
            f"the folder {shown} cannot be used: {error.strerror}; give another --db"
        ) from error


def _check_readable(folder: Path, shown: str, *, create: bool) -> None:
    if folder.is_dir():
        entries = {entry.name for entry in folder.iterdir()}
        if _DATA not in entries and entries - {lock.OWNER_FILE, SERVER_FILE, "lost+found"}:
            raise LibraryInvalid(
                f"{shown} holds other files and is no vistazo library; give an empty or new folder"
            )
        if _DATA not in entries and not create:
            raise LibraryNotFound(f"there is no library at {shown}. Run: vistazo index FOLDER")
        return
    if folder.exists():
        raise LibraryInvalid(f"{shown} is a file, and a library is a folder; give another --db")
    if not create:
        raise LibraryNotFound(f"there is no library at {shown}. Run: vistazo index FOLDER")
    folder.mkdir(parents=True)


def _chdb(path: Path) -> Connection:
    import clickhouse_connect

    try:
        client = clickhouse_connect.get_client(
            interface="chdb", path=str(path), database="default", settings=_SESSION
        )
    except Exception as error:
        raise mapped(error) from error
    return Connection(client, Chdb())

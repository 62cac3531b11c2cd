from __future__ import annotations

import errno
import inspect

import pytest
from clickhouse_connect.driver import exceptions as driver

from vistazo.errors import InvalidSQL, StorageFull, StoreError, VistazoError
from vistazo.store.connect import Connection
from vistazo.store.engine_errors import AUTHOR_ERRORS, mapped

# Every exception of the driver, as it comes without an engine's code.
WITHOUT_CODE: dict[type[BaseException], type[VistazoError]] = {
    driver.ClickHouseError: StoreError,
    driver.Warning: StoreError,
    driver.Error: StoreError,
    driver.InterfaceError: StoreError,
    driver.DatabaseError: StoreError,
    driver.DataError: StoreError,
    driver.OperationalError: StoreError,
    driver.IntegrityError: StoreError,
    driver.InternalError: StoreError,
    driver.ProgrammingError: InvalidSQL,  # values that cannot be bound
    driver.NotSupportedError: StoreError,
    driver.StreamClosedError: StoreError,
    driver.StreamCompleteException: StoreError,
    driver.StreamFailureError: StoreError,
}
DISK_FULL = "the disk under the library is full: free some space and run the same command again"


def is_one_printable_sentence(error: VistazoError) -> bool:
    text = str(error)
    return (
        bool(text)
        and text.isprintable()
        and not text.endswith((".", ":", ")"))
        and ". " not in text
    )


def test_every_exception_of_the_driver_is_known_here() -> None:
    there = {
        item
        for _, item in inspect.getmembers(driver, inspect.isclass)
        if issubclass(item, BaseException) and item.__module__ == driver.__name__
    }
    assert there == set(WITHOUT_CODE)


@pytest.mark.parametrize(("kind", "expected"), WITHOUT_CODE.items())
def test_the_drivers_exceptions(kind: type[Exception], expected: type[VistazoError]) -> None:
    error = kind() if kind is driver.StreamClosedError else kind("something. (VERY_WRONG)\n")
    found = mapped(error)
    assert type(found) is expected
    assert is_one_printable_sentence(found)
    assert getattr(found, "engine_code", None) == 0


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (
            driver.DatabaseError("Code: 62. DB::Exception: Bad.\n (SYNTAX_ERROR)", code=62),
            InvalidSQL,
            "Bad",
        ),
        (driver.StreamFailureError("Code: 60. DB::Exception: No t", code=60), InvalidSQL, "No t"),
        (
            driver.DatabaseError("Code: 241. DB::Exception: Too much. (MEMORY)", code=241),
            StoreError,
            "the database failed: Too much",
        ),
        (driver.DatabaseError("Code: 243. No.", code=243), StorageFull, DISK_FULL),
        (
            driver.DatabaseError("Cannot write: errno: 28, strerror: No space left on device"),
            StorageFull,
            DISK_FULL,
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), StorageFull, DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageFull, DISK_FULL),
        (OSError(errno.EIO, "I/O"), StoreError, "the database failed: [Errno 5] I/O"),
        (
            driver.ProgrammingError("The client has been closed"),
            StoreError,
            "the database failed: The client has been closed",
        ),
        (ValueError(), StoreError, "the database failed: ValueError"),
    ],
)
def test_other_errors(error: Exception, expected: type[VistazoError], message: str) -> None:
    found = mapped(error)
    assert type(found) is expected
    assert str(found) == message


def test_the_statements_own_words_are_not_taken_for_a_full_disk() -> None:
    error = driver.DatabaseError("Syntax error near 'No space left on device'", code=62)
    assert type(mapped(error)) is InvalidSQL


def test_an_engine_that_does_not_open_is_not_the_authors_fault() -> None:
    error = driver.ProgrammingError("Unable to open the chdb engine at '/x': no")
    error.__cause__ = RuntimeError("no")
    assert type(mapped(error)) is StoreError


@pytest.mark.parametrize(
    ("sql", "code", "message"),
    [
        ("SELEC 1", 62, "Syntax error: failed at position 7 (1) (line 1, col 7): 1"),
        (
            "SELECT 1 WHERE",
            62,
            "Syntax error: the SQL ends too early, or has a FORMAT, which is chosen for it",
        ),
        ("SELECT 1 FROM nothing_like_it", 60, "Unknown table expression identifier"),
        (
            "SELECT phto_id FROM photos",
            47,
            "Unknown expression identifier `phto_id`; maybe you meant: ['photo_id']",
        ),
        (
            "SELECT photo_id + 1 FROM photos",
            43,
            "Illegal types String and UInt8 of arguments of function plus",
        ),
        ("SELECT {x:String}", 456, "Substitution `x` is not set"),
        ("SELECT toUInt8('a')", 6, "Cannot parse string 'a' as UInt8"),
        ("SELECT 1 SETTINGS nope = 1", 115, "Unknown setting 'nope'"),
        ("SELECT nofunction(1)", 46, "Function with name `nofunction` does not exist"),
        ("SELECT intDiv(1, 0)", 153, "Division by zero"),
        ("SELECT\n\n+'\n' + \n) 1 +", 62, "Syntax error"),
    ],
)
def test_the_engines_refusals_are_the_authors(
    connection: Connection, sql: str, code: int, message: str
) -> None:
    with pytest.raises(InvalidSQL) as caught:
        connection.rows(sql)
    assert caught.value.engine_code == code
    assert str(caught.value).startswith(message)
    assert is_one_printable_sentence(caught.value)
    assert caught.value.__cause__ is not None


def test_a_vector_of_another_length_is_refused(connection: Connection) -> None:
    connection.execute("ALTER TABLE photos ADD CONSTRAINT vector_len CHECK length(photo_embed) = 4")
    with pytest.raises(InvalidSQL, match="vector_len") as caught:
        connection.execute("INSERT INTO photos (photo_id, photo_embed) SELECT 'a', [1, 2]")
    assert caught.value.engine_code == 469


def test_a_value_that_does_not_fit_its_placeholder(connection: Connection) -> None:
    with pytest.raises(InvalidSQL) as caught:
        connection.value("SELECT {n:UInt8}", {"n": "many"})
    assert caught.value.engine_code == 457


def test_the_authors_errors_have_names_in_the_engine(connection: Connection) -> None:
    names = connection.rows(
        "SELECT code, errorCodeToName(code) AS name FROM (SELECT arrayJoin({codes:Array(Int32)})"
        " AS code)",
        {"codes": sorted(AUTHOR_ERRORS)},
    )
    assert {row["code"] for row in names if row["name"]} == set(AUTHOR_ERRORS)
    assert not {"CORRUPTED_DATA", "CANNOT_READ_ALL_DATA", "NOT_ENOUGH_SPACE"} & {
        row["name"] for row in names
    }

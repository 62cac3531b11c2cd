"""Bounds of one query: a caller tightens them, and a runaway query ends while others are answered."""

import threading
from collections.abc import Iterator

import pytest

from vistazo.errors import InvalidSQL, VistazoError
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connection import Connection
from vistazo.store.embedded import engine_at

LIMITS = Limits(max_execution_time=2, max_memory_usage=200_000_000, max_result_rows=1000)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, Connection]]:
    """Two connections to one engine, as two requests have them."""
    folder = tmp_path_factory.mktemp("engine") / "store"
    one, other = engine_at(folder), engine_at(folder)
    yield one, other
    other.close()
    one.close()


@pytest.fixture(scope="module")
def guard(two: tuple[Connection, Connection]) -> Guard:
    return Guard.over(two[0], LIMITS)


def test_callers_tighten_and_never_loosen() -> None:
    assert LIMITS.settings()["max_execution_time"] == "2"
    assert LIMITS.settings({"max_execution_time": "1"})["max_execution_time"] == "1"
    for loose in ("3", "0", "-1", "1e9", "DEFAULT", "", "nan", "inf", "٣", "1_0"):
        given = LIMITS.settings({"max_execution_time": loose})
        assert given["max_execution_time"] == "2", loose
    assert LIMITS.settings({"max_rows_to_read": "5"})["max_rows_to_read"] == "5"


@pytest.mark.parametrize(
    "name",
    ["readonly", "allow_ddl", "format_schema", "MAX_THREADS", "param_x", "", "s3_x", "dialect"],
)
def test_guarding_settings_are_refused(name: str) -> None:
    with pytest.raises(InvalidSQL, match="cannot be given"):
        LIMITS.settings({name: "1"})


def test_a_loose_bound_in_the_text_is_refused_and_a_tight_one_passes(guard: Guard) -> None:
    guard.check("SELECT 1 SETTINGS max_execution_time = 0.5", may_write=False, settings={})
    with pytest.raises(InvalidSQL, match="from 1 to 2 here"):
        guard.check("SELECT 1 SETTINGS max_execution_time = 3", may_write=False, settings={})


def test_too_long_and_too_large_texts_are_refused(guard: Guard) -> None:
    for sql in (
        "SELECT " + "x" * 1_000_000,
        "SELECT " + "lower('a')," * 50_000 + "1",
        "(" * 10_000,
    ):
        with pytest.raises(InvalidSQL):
            guard.check(sql, may_write=False, settings={})


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1", "imeout"),
        ("SELECT length(groupArray(number)) FROM numbers(1000000000)", "memory"),
        ("SELECT number FROM numbers(5000)", "rows"),
    ],
    ids=["time", "memory", "rows"],
)
def test_a_runaway_query_ends_and_short_ones_are_answered(
    two: tuple[Connection, Connection], sql: str, told: str
) -> None:
    one, other = two
    guard = Guard.over(other, LIMITS)
    checked = guard.check(sql, may_write=False, settings={})
    caught: list[VistazoError] = []

    def run() -> None:
        try:
            one.table(checked.text, settings=checked.settings)
        except VistazoError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    answers = 0
    while thread.is_alive():
        # Another text each time, so that the parser is asked as well.
        short = guard.check(f"SELECT {answers} AS n", may_write=False, settings={})
        assert other.value(short.text) == answers
        answers += thread.is_alive()
    thread.join()
    assert [told in str(error) for error in caught] == [True]
    if told == "imeout":
        assert answers > 3

"""Rows in the text of an INSERT: none is lost, and none computes what nobody has judged."""

import pytest

from vistazo.errors import InvalidSQL, StoreError
from vistazo.sqlserver.guard import inserts
from vistazo.sqlserver.guard.checks import Checked, Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connect import Connection


@pytest.fixture(scope="module")
def guard(connection: Connection) -> Guard:
    return Guard.over(connection, Limits())


def check(guard: Guard, sql: str) -> Checked:
    return guard.check(sql, may_write=True, settings={})


def test_rows_after_values_stay_as_they_were(guard: Guard) -> None:
    checked = check(guard, "insert into t (a,b) values (1, 'it''s ; -- x'), (-2.5e3, NULL)")
    assert checked.text == "INSERT INTO t (a, b) FORMAT Values"
    assert checked.data == "(1, 'it''s ; -- x'), (-2.5e3, NULL)"
    assert checked.settings["input_format_values_interpret_expressions"] == "0"


def test_rows_of_a_format_need_no_quotes_closed(guard: Guard) -> None:
    checked = check(guard, 'INSERT INTO t FORMAT JSONEachRow\n{"a": "it\'s"}')
    assert (checked.format, checked.data) == ("JSONEachRow", '{"a": "it\'s"}')


def test_expressions_are_judged_and_printed_by_the_engine(
    guard: Guard, connection: Connection
) -> None:
    connection.execute("CREATE TABLE computed (a String, b UInt8) ENGINE = Memory")
    try:
        checked = check(
            guard, "INSERT INTO computed VALUES (concat('a', 'b'), 1 + 1), (lower('C'), 3);"
        )
        assert checked.data is None
        assert checked.text == (
            "INSERT INTO computed VALUES (concat('a', 'b'), 1 + 1), (lower('C'), 3)"
        )
        connection.execute(checked.text)
        assert connection.rows("SELECT * FROM computed ORDER BY b") == [
            {"a": "ab", "b": 2},
            {"a": "c", "b": 3},
        ]
        one = check(guard, "INSERT INTO computed (a) VALUES (upper('x'))")
        assert one.text == "INSERT INTO computed (a) VALUES (upper('x'))"
    finally:
        connection.execute("DROP TABLE computed")


@pytest.mark.parametrize(
    "rows",
    [
        "(file('/etc/hostname'))",
        "(1), (file('/etc/hostname'))",
        "((SELECT count() FROM system.users))",
        "(arrayMap(file, ['/etc/hostname']))",
        "(1), DROP",
        "(1)); DROP TABLE photos",
        "(1 SETTINGS readonly = 0)",
    ],
)
def test_hostile_rows_are_refused(guard: Guard, rows: str) -> None:
    with pytest.raises(InvalidSQL):
        check(guard, f"INSERT INTO t VALUES {rows}")


def test_the_engine_computes_nothing_in_rows_that_passed(
    guard: Guard, connection: Connection
) -> None:
    """What arrives as a body is not judged: the setting keeps the engine from evaluating it."""
    connection.execute("CREATE TABLE bodies (a String) ENGINE = Memory")
    try:
        checked = check(guard, "INSERT INTO bodies FORMAT Values")
        given = ", ".join(
            f"{name} = {value}" for name, value in checked.settings.items() if "values" in name
        )
        body = "(file('/etc/hostname'))"
        with pytest.raises(StoreError, match="disabled"):
            connection.execute(f"INSERT INTO bodies SETTINGS {given} VALUES {body}")
    finally:
        connection.execute("DROP TABLE bodies")


def test_many_expressions_are_not_evaluated(guard: Guard) -> None:
    with pytest.raises(InvalidSQL, match="JSONEachRow"):
        check(guard, "INSERT INTO t VALUES " + ", ".join(["(lower('A'))"] * 30_000))


def test_other_statements_have_no_rows() -> None:
    for sql in ("SELECT 1 FORMAT JSON", "INSERT INTO t SELECT 1 FORMAT JSON", "", "'"):
        assert inserts.split(sql) is None
    assert inserts.split("INSERT INTO values VALUES (1)") == inserts.Inline(
        "INSERT INTO values FORMAT Values", "(1)", True, 19
    )

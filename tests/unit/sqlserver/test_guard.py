"""Who may run what: two corpora, and the rules that a list of statements does not show."""

import pytest

from sqlguard import statements
from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import allowed
from vistazo.sqlserver.guard.canonical import canonical, catalog
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connect import Connection

HOSTILE = statements("hostile")
LEGITIMATE = statements("legitimate")
WRITES = statements("writes")


@pytest.fixture(scope="module")
def guard(connection: Connection) -> Guard:
    return Guard.over(connection, Limits())


def code(guard: Guard, sql: str, **how: object) -> int:
    """The code a statement is refused with."""
    with pytest.raises(InvalidSQL) as caught:
        guard.check(sql, **({"may_write": False, "settings": {}} | how))  # type: ignore[arg-type]
    return caught.value.engine_code


def test_corpora_are_large() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 500
    assert len(LEGITIMATE) >= 120


@pytest.mark.parametrize("may_write", [False, True], ids=["reader", "writer"])
def test_hostile_statements_are_refused(guard: Guard, may_write: bool) -> None:
    passed = []
    for sql in HOSTILE:
        try:
            passed.append((sql, guard.check(sql, may_write=may_write, settings={})))
        except InvalidSQL as error:
            assert error.engine_code, sql
            assert str(error), sql
    assert passed == []


@pytest.mark.parametrize("may_write", [False, True], ids=["reader", "writer"])
def test_legitimate_statements_pass_and_stay_as_they_are(guard: Guard, may_write: bool) -> None:
    for sql in LEGITIMATE:
        checked = guard.check(sql, may_write=may_write, settings={})
        assert not checked.writes, sql
        assert checked.table is None
        again = guard.check(checked.text, may_write=may_write, settings={})
        assert again.text == checked.text


def test_columns_keep_their_names(connection: Connection, guard: Guard) -> None:
    """The engine prints a statement anew without giving unnamed columns other names."""
    compared = 0
    for sql in LEGITIMATE:
        checked = guard.check(sql, may_write=False, settings={})
        if checked.kind != "select" or checked.format or "{" in sql or sql.endswith(";"):
            continue
        try:
            expected = connection.table(sql).schema
        except InvalidSQL:
            continue  # reads well, and has a type wrong
        assert connection.table(checked.text).schema == expected, sql
        compared += 1
    assert compared > 100


def test_only_writers_write(guard: Guard) -> None:
    for sql in WRITES:
        assert guard.check(sql, may_write=True, settings={}).writes, sql
        assert code(guard, sql) == 164, sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1; DROP TABLE photos", 62),
        ("SELEC 1 FROM", 62),
        ("DROP TABLE photos", 164),
        ("SYSTEM SHUTDOWN", 497),
        ("SELECT file('/etc/hostname')", 497),
        ("SELECT no_such(1)", 46),
        ("SELECT 1 SETTINGS readonly = 0", 452),
        ("SELECT 1 FORMAT Template", 73),
        ("SELECT * FROM other.t", 81),
    ],
)
def test_codes_are_the_real_servers(guard: Guard, sql: str, expected: int) -> None:
    assert code(guard, sql) == expected


def test_a_refusal_names_the_construct_and_what_to_do(guard: Guard) -> None:
    with pytest.raises(InvalidSQL, match=r"the function file\(\) is not allowed here; leave it"):
        guard.check("SELECT file('x')", may_write=False, settings={})
    with pytest.raises(InvalidSQL, match="DROP of vistazo's own table photos"):
        guard.check("DROP TABLE photos", may_write=True, settings={})


def test_every_function_of_the_engine_is_judged_by_its_own_name(connection: Connection) -> None:
    """No function that is kept out shares a name with anything that may stand before a bracket."""
    names = catalog(connection)
    kept_out = {name for name in names.functions if not allowed.is_function(name)}
    assert {"file", "dictget", "sleep", "hostname", "getserverport", "aigenerate"} <= kept_out
    others = allowed.TABLE_FUNCTIONS | allowed.TYPES | allowed.CODECS | allowed.INDEX_TYPES
    words = {word.lower() for word in allowed.BEFORE_BRACKET}
    engines = {engine.lower() for engine in allowed.ENGINES}
    assert kept_out & (others | words | engines) == set()
    sources = names.table_functions - allowed.TABLE_FUNCTIONS
    # `format` is told apart by its first argument.
    assert {n for n in sources if allowed.is_function(n)} | (sources & (others | words)) == {
        "format"
    }


def test_lists_name_what_the_engine_has(connection: Connection) -> None:
    functions = {
        row["name"].lower() for row in connection.rows("SELECT name FROM system.functions")
    }
    assert allowed._functions() <= functions
    settings = {row["name"] for row in connection.rows("SELECT name FROM system.settings")}
    assert allowed._settings()[0] <= settings
    formats = {row["name"].lower() for row in connection.rows("SELECT name FROM system.formats")}
    assert formats >= allowed._FORMATS


@pytest.mark.parametrize("name", ["sum", "sumIf", "uniqStateArray", "COUNT", "quantilesExactIf"])
def test_aggregates_take_combinators(name: str) -> None:
    assert allowed.is_function(name)


@pytest.mark.parametrize("name", ["fileIf", "dictGetOrNull", "joinGetOrNull", "If", "State", ""])
def test_combinators_alone_are_no_functions(name: str) -> None:
    assert not allowed.is_function(name) or name == "If"


def test_functions_that_people_made_are_looked_into(connection: Connection, guard: Guard) -> None:
    connection.execute("CREATE FUNCTION plain_made AS x -> x + 1")
    connection.execute("CREATE FUNCTION reads_made AS x -> file(x)")
    connection.execute("CREATE FUNCTION hides_made AS x -> reads_made(x)")
    try:
        assert guard.check("SELECT plain_made(1)", may_write=False, settings={}).kind == "select"
        assert code(guard, "SELECT reads_made('/etc/hostname')") == 497
        assert code(guard, "SELECT hides_made('/etc/hostname')") == 497
        assert code(guard, "SELECT * APPLY hides_made FROM (SELECT '/etc/hostname')") == 497
        assert code(guard, "SELECT PLAIN_MADE(1)") == 46
    finally:
        for name in ("plain_made", "reads_made", "hides_made"):
            connection.execute(f"DROP FUNCTION {name}")


def test_views_take_parameters(connection: Connection, guard: Guard) -> None:
    connection.execute("CREATE VIEW wide AS SELECT photo_id FROM photos WHERE width > {w:UInt32}")
    try:
        sql = "SELECT * FROM wide(w = 3)"
        assert connection.rows(guard.check(sql, may_write=False, settings={}).text) == []
        assert code(guard, "SELECT * FROM wider(w = 3)") == 46
        assert code(guard, "SELECT * FROM wide(w = length(file('/etc/hostname')))") == 497
    finally:
        connection.execute("DROP VIEW wide")


def test_names_given_as_parameters_are_put_in_before_the_check(guard: Guard) -> None:
    sql = "SELECT {c:Identifier} FROM {d:Identifier}.{t : Identifier} WHERE 'x' = {v:String}"
    given = {"c": "a`b", "d": "default", "t": "photos", "v": "file('x')"}
    text = guard.check(sql, may_write=False, settings={}, params=given).text
    assert text == "SELECT `a\\`b` FROM default.photos WHERE 'x' = {v:String}"
    assert code(guard, sql, params=given | {"d": "system", "t": "users"}) == 497
    assert code(guard, sql, params={"c": "a"}) == 456
    hidden = "SELECT arrayMap({f:Identifier}, ['/etc/hostname'])"
    assert code(guard, hidden, params={"f": "file"}) == 497
    assert code(guard, "SELECT {c:Identifier}", params={"c": "a\0b"}) == 457
    drop = "DROP TABLE {t:Identifier}"
    assert code(guard, drop, may_write=True, params={"t": "photos"}) == 497
    assert guard.check(drop, may_write=True, settings={}, params={"t": "x"}).tables == ("x",)


def test_the_database_is_ours(guard: Guard) -> None:
    assert code(guard, "SELECT * FROM users", database="system") == 81
    assert guard.check("SELECT 1", may_write=False, settings={}, database="INFORMATION_SCHEMA")
    assert code(guard, "DROP TABLE t", may_write=True, database="information_schema") == 81


def test_our_own_statements_may_touch_a_little_more(guard: Guard) -> None:
    insert = "INSERT INTO vector_indices SELECT 1"
    assert code(guard, insert, may_write=True) == 497
    assert guard.check(insert, may_write=True, settings={}, internal=True).table
    assert guard.check(
        "SELECT * FROM system.detached_parts", may_write=False, settings={}, internal=True
    )
    kill = "KILL MUTATION WHERE database = 'default' AND table = 't' AND NOT is_done SYNC"
    assert code(guard, kill, may_write=True) == 497
    assert code(guard, kill, may_write=False, internal=True) == 164
    assert guard.check(kill, may_write=True, settings={}, internal=True).kind == "kill"
    for sql in (
        "KILL QUERY WHERE 1",
        "DROP TABLE vector_indices",
        "ALTER TABLE photos DROP COLUMN width",
        "SELECT file('x')",
    ):
        assert code(guard, sql, may_write=True, internal=True) == 497


def test_kinds_and_tables(guard: Guard) -> None:
    def seen(sql: str) -> tuple[str, str | None]:
        checked = guard.check(sql, may_write=True, settings={})
        return checked.kind, checked.table

    assert seen("SELECT 1") == ("select", None)
    assert seen("INSERT INTO photos FORMAT JSONEachRow") == ("insert", "default.photos")
    assert seen("DELETE FROM default.colors WHERE 1") == ("delete", "default.colors")
    assert seen("CREATE FUNCTION f AS x -> x") == ("create", None)
    assert seen("CREATE TABLE `t t` (a Int8) ENGINE = Memory") == ("create", "default.t t")
    assert guard.check("DROP TABLE a, b", may_write=True, settings={}).tables == ("a", "b")


def test_settings_of_a_set_statement_are_told(guard: Guard) -> None:
    checked = guard.check(
        "SET max_threads = 2, join_use_nulls = true", may_write=False, settings={}
    )
    assert checked.kind == "set"
    assert checked.sets == {"max_threads": "2", "join_use_nulls": "true"}


def test_the_format_in_the_text_is_told(guard: Guard) -> None:
    def seen(sql: str) -> str | None:
        return guard.check(sql, may_write=True, settings={}).format

    assert seen("SELECT 1 format JSONCompact") == "JSONCompact"
    assert seen("SELECT 1 FORMAT Null") == "Null"
    assert seen("SELECT 1 AS format FROM photos") is None
    assert seen("INSERT INTO t (a) FORMAT CSV") == "CSV"


def test_verdicts_are_kept_by_the_exact_text(connection: Connection) -> None:
    asked: list[str] = []
    parse = canonical(connection)

    def counted(sql: str) -> str:
        asked.append(sql)
        return parse(sql)

    guard = Guard(counted, Limits(), catalog(connection))
    sqls: list[tuple[str, bool]] = [("SELECT 1", False)] * 3 + [("SELECT  1", False)]
    for sql, may_write in sqls:
        guard.check(sql, may_write=may_write, settings={})
    assert asked == ["SELECT 1", "SELECT  1"]
    # Settings are judged each time, and a writer's verdict is not a reader's.
    assert code(guard, "SELECT 1", settings={"readonly": "0"}) == 452
    guard.check("DROP TABLE t", may_write=True, settings={})
    assert code(guard, "DROP TABLE t") == 164


def test_without_a_catalogue_nothing_made_is_called(connection: Connection) -> None:
    guard = Guard(canonical(connection), Limits())
    assert guard.check("SELECT lower('A')", may_write=False, settings={}).kind == "select"
    assert code(guard, "SELECT somebodys(1)") == 46

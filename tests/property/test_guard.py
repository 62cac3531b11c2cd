"""However a hostile statement is dressed it is refused, and a harmless one answers as it did."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlguard import statements
from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connect import Connection
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import tokens


def _is_read_whole(sql: str) -> bool:
    try:
        return bool(tokens(sql))
    except InvalidSQL:
        return False


HOSTILE = [sql for sql in statements("hostile") if _is_read_whole(sql) and len(sql) < 500]
QUERIES = [sql for sql in HOSTILE if sql.startswith(("SELECT ", "WITH "))]
HARMLESS = [sql for sql in statements("legitimate") if "{" not in sql]

GAPS = [" ", "\n", "\t", " /* ; */ ", "/*/* '*/*/", " -- '\n", "\u00a0", "\u3000", "\ufeff", "\r\n"]
GAPS += ["\u2028", " # (\n", " // )\n", "\u200b", "\f", "\v"]
NESTS = [
    "SELECT * FROM ({})",
    "SELECT (SELECT * FROM ({}))",
    "WITH a AS ({}) SELECT * FROM a",
    "EXPLAIN {}",
    "EXPLAIN SYNTAX {}",
    "SELECT 1 UNION ALL {}",
    "SELECT * FROM view({})",
    "SELECT 1 WHERE 1 IN ({})",
    "SELECT count() FROM numbers(1) AS n CROSS JOIN ({}) AS m",
    "SELECT arrayMap(x -> (SELECT count() FROM ({})), [1])",
    "CREATE VIEW v AS {}",
    "CREATE TABLE t ENGINE = Memory AS {}",
    "INSERT INTO t {}",
    "DESCRIBE ({})",
    "ALTER TABLE t DELETE WHERE a IN ({})",
]

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def guard(connection: Connection) -> Guard:
    return Guard.over(connection, Limits())


def dressed(sql: str, random: random.Random) -> str:
    """The same statement in other letters and with other gaps."""
    found = tokens(sql)
    pieces: list[str] = []
    for at, token in enumerate(found):
        text = token.text
        called = at + 1 < len(found) and found[at + 1].is_op("(")
        keyword = token.kind == "word" and text.isupper() and len(text) > 1
        if (keyword or (called and token.kind == "word")) and text not in OWN_TABLES:
            text = "".join(random.choice((c.upper(), c.lower())) for c in text)
        pieces.append(text)
        if token.end < (found[at + 1].start if at + 1 < len(found) else token.end):
            pieces += random.choices(GAPS, k=random.randint(1, 3))
        elif random.random() < 0.3 and token.kind != "op":
            pieces.append(random.choice(GAPS))
    return "".join(pieces)


@quick
@given(st.sampled_from(HOSTILE), st.randoms(use_true_random=False), st.booleans())
def test_dressed_hostile_statements_are_refused(
    guard: Guard, sql: str, random: random.Random, may_write: bool
) -> None:
    with pytest.raises(InvalidSQL):
        guard.check(dressed(sql, random), may_write=may_write, settings={})


@quick
@given(
    st.sampled_from(QUERIES),
    st.lists(st.sampled_from(NESTS), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_nested_hostile_queries_are_refused(
    guard: Guard, sql: str, nests: list[str], random: random.Random
) -> None:
    for nest in nests:
        sql = nest.format(sql)
    with pytest.raises(InvalidSQL):
        guard.check(
            dressed(sql, random) if _is_read_whole(sql) else sql, may_write=True, settings={}
        )


EXPRESSIONS = st.recursive(
    st.one_of(
        st.integers(-1000, 1000).map(str),
        st.sampled_from(
            ["'a'", "'file(''x'')'", "NULL", "true", "[1, 2, 3]", "(1, 'b')", "number"]
        ),
        st.text("ab'\\/*-;\"`$({é\n", max_size=8).map(
            lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        ),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"if(1, {two[0]}, {two[1]})"),
        inner.map(lambda one: f"toString({one})"),
        inner.map(lambda one: f"(CASE WHEN isNull({one}) THEN 0 ELSE 1 END)"),
        inner.map(lambda one: f"length(toString({one}))::UInt8"),
        st.tuples(inner, inner).map(lambda two: f"[toString({two[0]}), toString({two[1]})][1]"),
        inner.map(lambda one: f"arrayMap(x -> x || '/*', [toString({one})])"),
    ),
    max_leaves=6,
)


@quick
@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_a_harmless_query_answers_as_without_the_guard(
    guard: Guard, connection: Connection, columns: list[str], random: random.Random
) -> None:
    listed = ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns))
    sql = dressed(f"SELECT {listed} FROM numbers(3) ORDER BY number LIMIT 2", random)
    try:
        expected = connection.rows(sql)
    except InvalidSQL:
        expected = None  # of two types without a common one
    checked = guard.check(sql, may_write=False, settings={})
    if expected is None:
        with pytest.raises(InvalidSQL):
            connection.rows(checked.text)
    else:
        assert connection.rows(checked.text) == expected
    assert guard.check(checked.text, may_write=False, settings={}).text == checked.text


WORDS = sorted({token.text for sql in HARMLESS + HOSTILE for token in tokens(sql)})


@quick
@given(
    st.one_of(
        st.text(max_size=60),
        st.text("SELECT'\"`$/*-#(){}[];:.,\\\0 a1\n", max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join),
        st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    ),
    st.booleans(),
)
def test_nothing_but_invalid_sql_is_raised(guard: Guard, sql: str, may_write: bool) -> None:
    try:
        checked = guard.check(sql, may_write=may_write, settings={}, params={"t": sql})
    except InvalidSQL as error:
        assert error.engine_code
    else:
        assert guard.check(checked.text, may_write=may_write, settings={}).text == checked.text

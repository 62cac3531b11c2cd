from __future__ import annotations

import pytest

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.scopes import Scope, Scopes, Source
from vistazo.store.sqltext import tokens


def read(sql: str) -> Scopes:
    return Scopes(tokens(sql))


def shown(source: Source) -> str:
    name = ".".join(source.path) or f"({len(source.query)})"
    return f"{name} {source.alias}".strip()


def text(scopes: Scopes, scope: Scope, word: str) -> str:
    first, last = scope.clause(word) or (0, 0)
    return " ".join(token.text for token in scopes.found[first:last])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", []),
        ("SELECT 1 FROM t", ["t"]),
        ("SELECT 1 FROM db.t AS a FINAL WHERE 1", ["db.t a"]),
        ("FROM t x SELECT 1", ["t x"]),
        ('SELECT 1 FROM "a b"."c" `d e`, u', ["a b.c d e", "u"]),
        ("SELECT 1 FROM t LEFT JOIN u AS b ON t.a = b.a JOIN (SELECT 2) c USING (a)",
         ["t", "u b", "(1) c"]),
        ("SELECT 1 FROM (SELECT 1 UNION ALL SELECT 2) ORDER BY 1", ["(2)"]),
        ("SELECT 1 FROM (t JOIN u ON 1)", ["t", "u"]),
        ("SELECT 1 FROM numbers(3) AS n, t", ["t"]),
        ("SELECT 1 FROM t ARRAY JOIN a AS b", ["t"]),
        ("SELECT trim(BOTH ' ' FROM x), t.from FROM t", ["t"]),
        ("INSERT INTO u SELECT 1 FROM t", ["t"]),
        ("CREATE VIEW v AS SELECT 1 FROM t", ["t"]),
        ("SELECT * EXCEPT (a) FROM t", ["t"]),
        ("DELETE FROM t WHERE a IN (SELECT b FROM u)", ["t"]),
    ],
)  # fmt: skip
def test_what_a_select_reads(sql: str, expected: list[str]) -> None:
    assert [shown(source) for source in read(sql).top[0].sources] == expected


def test_clauses_end_where_the_next_begins() -> None:
    scopes = read("WITH 1 AS a SELECT a, limit FROM t PREWHERE p WHERE w (SELECT 2 FROM u WHERE z)"
                  " ORDER BY o, (o2) LIMIT 3 BY b LIMIT 4 SETTINGS s = 1")  # fmt: skip
    (top,) = scopes.top
    words = ("WITH", "FROM", "PREWHERE", "ORDER", "SETTINGS")
    assert [text(scopes, top, word) for word in words] == [
        "1 AS a", "t", "p", "BY o , ( o2 )", "s = 1"]  # fmt: skip
    assert len(scopes.all) == 2


def test_names_of_with_are_seen_inside() -> None:
    scopes = read("WITH x AS (SELECT 1 FROM t) SELECT (SELECT 2 FROM x) UNION ALL SELECT 3 FROM x")
    assert len(scopes.top) == 2
    inner = next(s for s in scopes.all if s.parent is scopes.top[0] and shown(s.sources[0]) == "x")
    for scope in (inner, scopes.top[1]):
        (named,) = scope.named("x")
        assert [shown(source) for source in named.sources] == ["t"]
        assert scope.named("y") == ()


@pytest.mark.parametrize("sql", ["", "(", ")", "SELECT (", "FROM", "SELECT 1 FROM", "[)", "JOIN ("])
def test_half_statements_do_no_harm(sql: str) -> None:
    assert len(read(sql).top) == 1


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InvalidSQL, match="too deep") as caught:
        read("(SELECT " * 200)
    assert caught.value.engine_code == 306

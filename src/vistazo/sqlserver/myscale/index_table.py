"""`system.vector_indices`, wherever a statement reads it: its rows, in the table's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.ddl import plain
from vistazo.sqlserver.myscale.indices import IndexRow, quoted
from vistazo.sqlserver.myscale.scopes import NO_ALIAS
from vistazo.store.sqltext import Token

COLUMNS = {
    "database": "String",
    "table": "String",
    "name": "String",
    "type": "String",
    "expr": "String",
    "total_parts": "Int64",
    "parts_with_vector_index": "Int64",
    "small_parts": "Int64",
    "status": "String",
    "host_name": "String",
    "latest_failed_part": "String",
    "latest_fail_reason": "String",
}
_TABLES = ("vector_indices", "vector_index_segments")
_READS = ("SELECT", "WITH", "FROM", "DESCRIBE", "DESC", "EXPLAIN", "INSERT")
_BEFORE = ("FROM", "JOIN", "TABLE", "DESCRIBE", "DESC", "EXISTS", "VIEW")
_NOT_IMPLEMENTED = 48


def edits(
    found: Sequence[Token], database: str, rows: Callable[[], list[IndexRow]]
) -> list[tuple[int, int, str]]:
    """Places in the text (start, end) and what shall stand there instead.

    Raises:
        InvalidSQL: the table is not just read.
    """
    made: list[tuple[int, int, str]] = []
    subquery = ""
    for n, token in enumerate(found):
        if token.kind not in ("word", "quoted") or plain(token) not in _TABLES:
            continue
        dotted = n >= 1 and found[n - 1].is_op(".")
        whole = dotted and n >= 2 and plain(found[n - 2]) == "system"
        if not whole and (dotted or database != "system"):
            continue
        start = n - 2 if whole else n
        after = found[n + 1] if n + 1 < len(found) else None
        if whole and after is not None and after.is_op("."):
            made.append((found[start].start, token.end, "vector_indices"))
            continue
        before = found[start - 1] if start else None
        if before is None or not (before.is_word(*_BEFORE) or before.is_op(",")):
            continue
        if found[0].is_word("EXISTS") and plain(token) == _TABLES[0]:
            return [(found[0].start, token.end, "SELECT 1 AS result")]
        if plain(token) != _TABLES[0] or not (found[0].is_word(*_READS) or found[0].is_op("(")):
            raise InvalidSQL(
                f"system.{plain(token)} cannot be expressed here: system.vector_indices can be"
                " read by SELECT and DESCRIBE",
                engine_code=_NOT_IMPLEMENTED,
            )
        subquery = subquery or _subquery(rows())
        described = before.is_word("TABLE", "DESCRIBE", "DESC")
        alias = "" if described or _is_alias(after) else " AS vector_indices"
        made.append((found[start].start, token.end, subquery + alias))
    return made


def _subquery(rows: list[IndexRow]) -> str:
    """Rows as a subquery without any table."""
    types = ", ".join(COLUMNS.values())
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    named = ", ".join(f"_vector_index.{n} AS {name}" for n, name in enumerate(COLUMNS, start=1))
    return (
        f"(SELECT {named} FROM (SELECT"
        f" arrayJoin(CAST([{values}], 'Array(Tuple({types}))')) AS _vector_index))"
    )


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else quoted(value)


def _is_alias(after: Token | None) -> bool:
    if after is None or after.kind not in ("word", "quoted"):
        return False
    return after.is_word("AS") or not after.is_word(*NO_ALIAS)

"""Statements that define: which tables they touch, and the forms of them that are let through."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import allowed
from vistazo.sqlserver.guard.canonical import refused
from vistazo.sqlserver.guard.shapes import named
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import Token

# What may follow a table's name, its columns, and the target of a materialized view.
_PARTS = (
    *("(", "ENGINE", "AS", "EMPTY", "POPULATE", "TO", "COMMENT", "ORDER", "PARTITION"),
    *("PRIMARY", "SAMPLE", "SETTINGS", "TTL"),
)
_COMMANDS = frozenset(
    f"{verb} {thing}"
    for verb, things in {
        "ADD": "COLUMN INDEX PROJECTION CONSTRAINT STATISTICS",
        "APPLY": "DELETED PATCHES",
        "CLEAR": "COLUMN INDEX PROJECTION STATISTICS",
        "COMMENT": "COLUMN",
        "DROP": "COLUMN INDEX PROJECTION CONSTRAINT STATISTICS PARTITION PART",
        "MATERIALIZE": "COLUMN INDEX PROJECTION STATISTICS TTL",
        "MODIFY": "COLUMN ORDER TTL SETTING COMMENT SAMPLE STATISTICS",
        "REMOVE": "TTL SAMPLE",
        "RENAME": "COLUMN",
        "RESET": "SETTING",
    }.items()
    for thing in things.split()
)


def target(found: Sequence[Token], at: int) -> tuple[str, int]:
    """The table named at this place, and the index after its name.

    Raises:
        InvalidSQL: it is in another database, or not a plain name.
    """
    names: list[str] = []
    while at < len(found) and found[at].kind in ("word", "quoted"):
        names.append(named(found[at]))
        at += 1
        if len(names) == 2 or at >= len(found) or not found[at].is_op("."):
            break
        at += 1
    if not names or (at < len(found) and found[at].is_op(".")):
        raise refused("a statement without a table's plain name", "name the table", 62)
    if len(names) == 2 and names[0] != allowed.DATABASE:
        raise refused(f"writing to the database {names[0]}", "write to default", 81)
    return names[-1], at


def after_if(found: Sequence[Token], at: int) -> int:
    """The index after `IF EXISTS`, `IF NOT EXISTS` and `IF EMPTY`, where they stand."""
    while at < len(found) and found[at].is_word("IF"):
        at += 1
        while at < len(found) and found[at].is_word("NOT", "EXISTS", "EMPTY"):
            at += 1
    return at


def end(found: Sequence[Token], at: int, *words: str) -> None:
    """Refuse whatever else follows than these words and settings."""
    while at < len(found) and found[at].is_word(*words):
        at += 1
    if at < len(found) and not found[at].is_word("SETTINGS"):
        raise refused(f"{found[0].text.upper()} .. {found[at].text}", "leave it out")


def create(found: Sequence[Token]) -> tuple[tuple[str, ...], frozenset[int]]:
    """The tables a CREATE makes or feeds, and the indices of their names."""
    at = 3 if len(found) > 2 and found[1].is_word("OR") and found[2].is_word("REPLACE") else 1
    kind = ""
    while at < len(found) and found[at].is_word("TABLE", "VIEW", "MATERIALIZED", "FUNCTION"):
        kind = f"{kind} {found[at].text.upper()}".strip()
        at += 1
        if kind != "MATERIALIZED":
            break
    at = after_if(found, at)
    if kind == "FUNCTION":
        return _function(found, at), frozenset()
    if kind not in ("TABLE", "VIEW", "MATERIALIZED VIEW"):
        shown = found[1].text if len(found) > 1 else ""
        raise refused(f"CREATE {shown}", "tables, views and functions can be created")
    table, at = target(found, at)
    tables, declared = [table], {at - 1}
    while at < len(found):
        token = found[at]
        if not (token.is_op("(") or token.is_word(*_PARTS)):
            raise refused(f"CREATE {kind} .. {token.text}", "leave it out")
        if token.is_op("("):
            at = _closing(found, at) + 1
        elif token.is_word("TO"):
            fed, at = target(found, at + 1)
            tables.append(fed)
            declared.add(at - 1)
        elif token.is_word("EMPTY", "POPULATE"):
            at += 1
        else:
            break
    for a, b in pairwise(found):
        if (a.is_word("DEFINER") and b.is_op("=")) or (a.is_word("SQL") and b.is_word("SECURITY")):
            raise refused("SQL SECURITY", "leave it out")
    if kind == "TABLE":
        _check_copied(found, at)
    elif kind == "MATERIALIZED VIEW":
        _check_fed_by(found)
    return tuple(tables), frozenset(declared)


def alter(found: Sequence[Token]) -> tuple[tuple[str, ...], frozenset[int]]:
    """The table an ALTER changes, and the index of its name."""
    if len(found) < 3 or not found[1].is_word("TABLE"):
        shown = found[1].text if len(found) > 1 else ""
        raise refused(f"ALTER {shown}", "tables can be altered")
    table, at = target(found, after_if(found, 2))
    declared = frozenset({at - 1})
    while at < len(found) and found[at].is_op("("):
        _check_command(found, at + 1)
        at = _closing(found, at) + 1
        if at < len(found) and found[at].is_op(","):
            at += 1
    end(found, at)
    return (table,), declared


def drop(found: Sequence[Token]) -> tuple[str, ...]:
    """The tables a DROP takes away."""
    if len(found) > 1 and found[1].is_word("FUNCTION"):
        at = after_if(found, 2)
        if at + 1 != len(found):
            raise refused("this DROP FUNCTION", "write DROP FUNCTION name")
        _check_function(named(found[at]))
        return ()
    if len(found) < 3 or not found[1].is_word("TABLE", "VIEW"):
        shown = found[1].text if len(found) > 1 else ""
        raise refused(f"DROP {shown}", "tables, views and functions can be dropped")
    table, at = target(found, after_if(found, 2))
    tables = [table]
    while at < len(found) and found[at].is_op(","):
        table, at = target(found, at + 1)
        tables.append(table)
    end(found, at, "SYNC")
    return tuple(tables)


def pairs(found: Sequence[Token], what: str, between: str) -> tuple[str, ...]:
    """The tables of `RENAME TABLE a TO b, ..` and `EXCHANGE TABLES a AND b`."""
    if len(found) < 5 or not found[1].is_word(what):
        raise refused(f"this {found[0].text.upper()}", f"write {found[0].text.upper()} {what} ..")
    tables: list[str] = []
    at = 1
    while at < len(found):
        one, at = target(found, after_if(found, at + 1))
        if at >= len(found) or not found[at].is_word(between):
            raise refused(f"this {found[0].text.upper()}", f"write a {between} b", 62)
        other, at = target(found, at + 1)
        tables += [one, other]
        if at < len(found) and not found[at].is_op(","):
            end(found, at)
            break
    return tuple(tables)


def _function(found: Sequence[Token], at: int) -> tuple[str, ...]:
    if at + 2 >= len(found) or not found[at + 1].is_word("AS"):
        raise refused("this CREATE FUNCTION", "write CREATE FUNCTION name AS (x) -> ..")
    _check_function(named(found[at]))
    return ()


def _check_function(name: str) -> None:
    if name.lower() in allowed.OWN_FUNCTIONS:
        raise refused(f"another {name}()", "it is vistazo's own; give yours another name")


def _check_copied(found: Sequence[Token], at: int) -> None:
    """`CREATE TABLE a AS b` takes b's engine with its columns."""
    depth = 0
    for n in range(at, len(found)):
        token = found[n]
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_word("AS"):
            after = found[n + 1] if n + 1 < len(found) else None
            if after is not None and after.kind in ("word", "quoted"):
                is_call = n + 2 < len(found) and found[n + 2].is_op("(")
                if not is_call and not after.is_word("SELECT", "WITH"):
                    target(found, n + 1)
            return


def _check_fed_by(found: Sequence[Token]) -> None:
    """A view on a table runs at every insert into it, and can make them fail."""
    for n, token in enumerate(found[:-1]):
        if token.is_word("FROM", "JOIN") and found[n + 1].kind in ("word", "quoted"):
            names = [named(found[n + 1])]
            if n + 3 < len(found) and found[n + 2].is_op("."):
                names.append(named(found[n + 3]))
            if names[-1] in OWN_TABLES:
                raise refused(
                    f"a materialized view of vistazo's own table {names[-1]}", "make a plain view"
                )


def _check_command(found: Sequence[Token], at: int) -> None:
    words = [token.text.upper() for token in found[at : at + 2]]
    if not (words[:1] in (["UPDATE"], ["DELETE"]) or " ".join(words) in _COMMANDS):
        raise refused(f"ALTER TABLE .. {' '.join(words)}", "insert and select the rows instead")


def _closing(found: Sequence[Token], at: int) -> int:
    depth = 0
    for n in range(at, len(found)):
        depth += found[n].is_op("(") - found[n].is_op(")")
        if depth == 0:
            return n
    raise InvalidSQL("a bracket of the SQL is never closed", engine_code=62)

"""Shapes of a few tokens in canonical text that mean something of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import allowed
from vistazo.sqlserver.guard.canonical import refused
from vistazo.store.sqltext import Token, decoded, scan, tokens

# Numbers in brackets call nothing, and a vector is a thousand tokens. No quote is among them, so
# that the brackets of a text stay inside it.
_NUMBERS = re.compile(r"([\[(])[-+0-9., e]{60,}([\])])")
_MOST = 60_000  # tokens, a second's worth at most
_TOO_BIG_AST = 168
# After `SETTINGS` or `FORMAT` as a name; no setting and no format is called so.
CLAUSES = frozenset(
    {"AND", "ANY", "ARRAY", "AS", "ASC", "ASOF", "BETWEEN", "CROSS", "DESC", "EXCEPT", "FINAL"}
    | {"FROM", "FULL", "GLOBAL", "GROUP", "HAVING", "ILIKE", "IN", "INNER", "INTERSECT", "IS"}
    | {"JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "OFFSET", "ON", "OR", "ORDER", "PASTE", "PREWHERE"}
    | {"QUALIFY", "RIGHT", "SEMI", "ANTI", "UNION", "USING", "WHERE", "WINDOW", "WITH", "FORMAT"}
    | {"SETTINGS", "SAMPLE", "OVER", "INTO"}
)
# These read `a UInt8, b UInt8` as a definition, where a column may be computed: by anything.
STRUCTURED = frozenset({"values", "generaterandom", "null"})
_COMPUTED = frozenset(
    {"ALIAS", "CODEC", "COMMENT", "DEFAULT", "EPHEMERAL", "MATERIALIZED", "SELECT", "TTL"}
)


def named(token: Token) -> str:
    """The name a token stands for, in quotes or bare."""
    return token.text[1:-1] if token.kind == "quoted" else token.text


def is_format_clause(found: Sequence[Token], at: int) -> bool:
    """Whether a FORMAT clause begins here."""
    if not found[at].is_word("FORMAT") or at + 1 == len(found):
        return False
    after = found[at + 1]
    return after.kind in ("word", "quoted") and after.text.upper() not in CLAUSES


def read(text: str) -> list[Token]:
    """Tokens of a canonical text; of a long list of numbers only its brackets."""
    text = _NUMBERS.sub(r"\g<1>0\2", text)
    if next(islice(scan(text), _MOST, None), None) is not None:
        raise InvalidSQL(
            f"the SQL has more than {_MOST} parts; bind long lists as parameters",
            engine_code=_TOO_BIG_AST,
        )
    return tokens(text)


def body(found: Sequence[Token]) -> Sequence[Token]:
    """What a `CREATE FUNCTION name AS` text computes."""
    start = next((n for n, token in enumerate(found) if token.is_word("AS")), len(found))
    return found[start + 1 :]


def is_column_list(found: Sequence[Token], at: int) -> bool:
    """Whether `WITH t(a, b) AS (` begins here, which names the columns of a query."""
    if at == 0 or not (found[at - 1].is_word("WITH", "RECURSIVE") or found[at - 1].is_op(",")):
        return False
    end = at + 2
    while end < len(found) and (found[end].kind in ("word", "quoted") or found[end].is_op(",")):
        end += 1
    rest = found[end : end + 4]
    return (
        len(rest) == 4
        and rest[0].is_op(")")
        and rest[1].is_word("AS")
        and rest[2].is_op("(")
        and rest[3].is_word("SELECT", "WITH")
    )


def check_structure(found: Sequence[Token], at: int) -> None:
    """The first argument of a table function may name columns and types, and nothing computed."""
    depth = 0
    while at < len(found) and not (depth == 0 and (found[at].is_op(",") or found[at].is_op(")"))):
        token = found[at]
        depth += token.is_op("(") + token.is_op("[") - token.is_op(")") - token.is_op("]")
        inner = tokens(decoded(token)) if token.kind == "string" else [token]
        for n, part in enumerate(inner):
            calls = n + 1 < len(inner) and inner[n + 1].is_op("(")
            if token.kind != "string":
                calls = at + 1 < len(found) and found[at + 1].is_op("(") and part.kind != "op"
            computed = part.kind == "word" and part.text.upper() in _COMPUTED
            named_type = part.kind == "word" and part.text.lower() in allowed.TYPES
            is_call = calls and part.kind in ("word", "quoted") and not named_type
            if computed or is_call or part.kind == "param":
                raise refused(
                    f"{part.text} in a structure", "write names and types, as in 'a UInt8'"
                )
        at += 1


def check_pattern(found: Sequence[Token], at: int) -> None:
    """`format('{}', x)` makes a text; the table function of that name computes what it reads."""
    first = found[at] if at < len(found) else None
    ends = at + 1 < len(found) and (found[at + 1].is_op(",") or found[at + 1].is_op(")"))
    if first is None or first.kind != "string" or "{" not in first.text or not ends:
        raise refused("format() without a pattern as its first text", "use concat()")

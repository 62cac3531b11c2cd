"""Rows that stand in the text of an INSERT: where they begin, and expressions among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard.canonical import refused
from vistazo.store.sqltext import Token, scan, tokens

# Rows of literals, which the engine reads without evaluating anything.
_LITERALS = re.compile(
    r"(?:[\s\d(),\[\]{}:.+;-]++|'(?:[^'\\]++|\\.|'')*+'"
    r"|(?<![A-Za-z_])(?:NULL|TRUE|FALSE|DEFAULT|NAN|INF)(?![A-Za-z_(])|(?<=[\d.])[eE](?=[-+\d]))*+",
    re.IGNORECASE | re.DOTALL,
)
_MOST_EXPRESSIONS = 1 << 18  # characters


@dataclass(frozen=True, slots=True)
class Inline:
    """An INSERT whose rows follow in the same text.

    Attributes:
        head: the statement up to its rows, ending in FORMAT.
        data: the rows, in the form that `head` names.
        is_values: whether they follow VALUES.
        start: where FORMAT or VALUES stands in the text.
    """

    head: str
    data: str
    is_values: bool
    start: int


def split(sql: str) -> Inline | None:
    """Part an INSERT from the rows that follow; None without any, or for another statement."""
    depth, seen, previous = 0, 0, Token("op", "", 0)
    at = -1
    try:
        for token in scan(sql):
            if at >= 0:
                if token.kind not in ("word", "quoted"):
                    return None
                return Inline(sql[: token.end], sql[token.end :].lstrip(" \t\r\n"), False, at)
            if seen == 0 and not token.is_word("INSERT"):
                return None
            seen += 1
            depth += token.is_op("(") - token.is_op(")")
            name = previous.is_op(".") or previous.is_word("INTO", "TABLE", "INSERT")
            if depth == 0 and seen > 2 and not name:
                if token.is_word("SELECT", "WITH", "FROM"):
                    return None
                if token.is_word("VALUES"):
                    head = sql[: token.start] + "FORMAT Values"
                    return Inline(head, sql[token.end :].strip(), True, token.start)
                if token.is_word("FORMAT"):
                    at = token.start
            previous = token
    except InvalidSQL:
        return None  # the engine's parser says what is wrong
    return None


def is_literal(data: str) -> bool:
    """Whether rows after VALUES hold nothing to compute."""
    return _LITERALS.fullmatch(data) is not None


def expressions(data: str, parse: Callable[[str], str]) -> str:
    """Rows with expressions, in the engine's own spelling.

    Args:
        parse: SQL to its canonical form.
    Returns:
        `(1, now()), (2, now())`, to be checked and put after VALUES.
    """
    if len(data) > _MOST_EXPRESSIONS:
        raise InvalidSQL(
            "so many rows after VALUES are not evaluated; write plain values, or send the rows as"
            " JSONEachRow, CSV or Native",
            engine_code=62,
        )
    found = [token for token in tokens(data) if not token.is_op(";")]
    pieces: list[str] = []
    depth = 0
    for token in found:
        if depth == 0 and not (token.is_op("(") or token.is_op(",")):
            raise refused(f"{token.text} between the rows of VALUES", "write (..), (..)", 62)
        if token.is_op("(") and depth == 0:
            pieces.append("tuple")
        if token.is_word("DEFAULT"):
            raise refused("DEFAULT beside expressions", "leave the column out of the INSERT", 62)
        depth += token.is_op("(") - token.is_op(")")
        pieces.append(token.text)
    text = parse("SELECT " + " ".join(pieces))
    rows: list[str] = []
    start = depth = 0
    parsed = tokens(text)
    if not parsed or not parsed[0].is_word("SELECT"):
        raise refused("these rows of VALUES", "write (..), (..)", 62)
    for token in parsed[1:]:
        if depth == 0:
            if token.is_op("("):
                start = token.start
            elif not (token.is_word("TUPLE") or token.is_op(",")):
                raise refused("these rows of VALUES", "write (..), (..)", 62)
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_op(")"):
            rows.append(text[start : token.end])
    return ", ".join(rows)

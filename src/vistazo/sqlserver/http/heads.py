"""Where an INSERT's text ends and its data begins, and which format a statement names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vistazo.store.sqltext import tokens

_GAP = rb"(?:\s+|(?:--|//|\#[ !])[^\n]*|/\*.*?\*/)"
_PIECE = re.compile(
    _GAP + rb"""|'(?>(?:[^'\\]+|\\.|'')*)'|"(?>(?:[^"\\]+|\\.|"")*)"|`(?>(?:[^`\\]+|\\.|``)*)`"""
    rb"|(?P<tag>\$\w*\$).*?(?P=tag)|(?P<word>[A-Za-z_]\w*)|(?P<op>[()])|.",
    re.DOTALL,
)
_NAME = re.compile(rb"(?:" + _GAP + rb")*(\w+)")
_TAIL = re.compile(r"\sFORMAT (`?)([A-Za-z]\w*)\1$")  # a keyword's name comes in quotes
_TAIL_SETTINGS = re.compile(r"\sFORMAT (`?)[A-Za-z]\w*\1 SETTINGS ")

_NAMES = ("word", "quoted")


@dataclass(frozen=True, slots=True)
class InsertHead:
    """An INSERT that brings data.

    Attributes:
        text: `INSERT INTO t (a, b) SETTINGS .. FORMAT name`, without the data.
        fmt: the data's format.
        data_at: how many bytes of the request come before the data.
    """

    text: str
    fmt: str
    data_at: int


def insert_head(sql: bytes) -> InsertHead | None:
    """Read the head of an INSERT, None where the text is anything else.

    The data may be cut off, and need be no text. An INSERT from a SELECT has none.
    """
    depth = 0
    seen_into = False
    first = True
    for piece in _PIECE.finditer(sql):
        if piece["op"]:
            depth += 1 if piece["op"] == b"(" else -1
        word = piece["word"]
        if word is None:
            continue
        keyword = word.upper()
        if first and keyword != b"INSERT":
            return None
        first = False
        if depth:
            continue
        if keyword == b"INTO":
            seen_into = True
        elif keyword in (b"SELECT", b"WITH", b"WATCH", b"INFILE") and seen_into:
            return None
        elif keyword == b"VALUES" and seen_into:
            # A table may be called so: it is the keyword when it is not the word after INTO.
            if _is_name(sql[: piece.start()]):
                continue
            text = sql[: piece.start()].decode("utf-8", "replace")
            return InsertHead(f"{text.rstrip()} FORMAT Values", "Values", piece.end())
        elif keyword == b"FORMAT" and seen_into and not _is_name(sql[: piece.start()]):
            name = _NAME.match(sql, piece.end())
            if name is None:
                return None
            fmt = name[1].decode("ascii", "replace")
            if fmt.upper() == "VALUES":
                fmt = "Values"
            text = sql[: name.end()].decode("utf-8", "replace")
            return InsertHead(text, fmt, _after_name(sql, name.end()))
    return None


def _is_name(before: bytes) -> bool:
    last = re.search(rb"(\S+)\s*$", before)
    return (last is not None and last[1].upper() in (b"INTO", b"TABLE")) or before.endswith(b".")


def _after_name(sql: bytes, at: int) -> int:
    # "Data starts after the first newline, if there was one, or after all the whitespace".
    gap = re.compile(rb"[ \t\f]*;?[ \t\f]*\r?\n?").match(sql, at)
    return gap.end() if gap else at


def without_format(text: str) -> tuple[str, str | None]:
    """A statement without its FORMAT, and that format.

    Args:
        text: as the engine's formatter writes it, so that keywords are in upper case.
    """
    # Nothing in quotes can end so: its quote would come after.
    if found := _TAIL.search(text):
        return text[: found.start()], found[2]
    if not _TAIL_SETTINGS.search(text):
        return text, None
    found_tokens = tokens(text)
    depth = 0
    for at, token in enumerate(found_tokens[:-1]):
        depth += token.is_op("(") - token.is_op(")")
        following = found_tokens[at + 1]
        if depth == 0 and token.text == "FORMAT" and following.kind in _NAMES:
            after = found_tokens[at + 2] if at + 2 < len(found_tokens) else None
            if after is not None and after.is_word("SETTINGS"):
                name = following.text.strip("`")
                return text[: token.start] + text[following.end :].lstrip(), name
    return text, None

"""ClickHouse's SQL text as tokens with their exact places, so that it can be judged and rewritten.

The rules are those of ClickHouse's own lexer, tried out on chDB 26.9: block comments nest, `//` and
`# ` start comments as `--` does, `‘..’` and `$tag$..$tag$` are texts, `“..”` and a few invisible
characters are what they look like. Whitespace and comments are the gaps between tokens; whatever is
no token of the language becomes an `op` of one character, for the engine to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vistazo.errors import InvalidSQL

Kind = Literal["word", "quoted", "string", "binary", "number", "param", "op"]

# What the engine skips, which is neither Python's nor Unicode's idea of whitespace.
_SPACES = " \t\n\r\f\v\u0085\u00a0\u180e\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_GAP = re.compile(rf"[{_SPACES}]+|(?:--|//|\#[ !])[^\n]*")
_BLOCK = re.compile(r"/\*|\*/")
# Atomic groups: an unclosed text must not be read as a shorter closed one.
_TOKEN = re.compile(
    r"""
      (?P<binary>[xX]'[0-9a-fA-F]*'|[bB]'[01]*')
    | (?P<string>'(?>(?:[^'\\]+|\\.|'')*)'|‘[^’]*’|(?P<tag>\$\w*\$).*?(?P=tag))
    | (?P<quoted>"(?>(?:[^"\\]+|\\.|"")*)"|`(?>(?:[^`\\]+|\\.|``)*)`|“[^”]*”)
    | (?P<word>(?:[A-Za-z_]|\$\w)[\w$]*)
    | (?P<op>->|::|\|\||<=>|[<>=!]=|<>|!~|@@|[^'"`‘“])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_DIGITS = r"[0-9](?:_?[0-9])*"
_HEX = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_EXPONENT = rf"(?=.)(?:[+-](?=.))?(?:{_DIGITS})?"
_NUMBER = re.compile(
    rf"0[xX]{_HEX}(?:\.(?:{_HEX})?)?(?:[pP]{_EXPONENT})?|0[bB][01](?:_?[0-9])*"
    rf"|{_DIGITS}(?:\.(?:{_DIGITS})?)?(?:[eE]{_EXPONENT})?|\.{_DIGITS}(?:[eE]{_EXPONENT})?",
    re.DOTALL,
)
_MEMBER = re.compile(_DIGITS)  # in `tuple.1.2` no number holds a dot
_WORD_TAIL = re.compile(r"\w+", re.ASCII)

_ESCAPE = re.compile(r"''|\\x([0-9a-fA-F]{2})?|\\(.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {
    "v": "\v",
    "0": "\0",
    "N": "",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL that means something.

    Attributes:
        kind: `word` (keyword or bare name), `quoted` (name in quotes), `string`, `binary`
            (x'4142'), `number`, `param` ({name:Type}) or `op`.
        text: as written.
        start: index of its first character; `end` of the one after its last.
    """

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Index after the last character."""
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether this is one of the (upper case) words, bare, in whatever case."""
        return self.kind == "word" and self.text.upper() in words

    def is_op(self, text: str) -> bool:
        """Whether this is that operator or bracket."""
        return self.kind == "op" and self.text == text


def tokens(sql: str) -> list[Token]:
    """Read SQL text.

    Returns:
        The tokens in order; between them are only whitespace and comments.
    Raises:
        InvalidSQL: a quote or comment is never closed, or a character is half a surrogate pair.
    """
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise InvalidSQL(
            f"the SQL holds a character that is not valid Unicode, at {error.start + 1}"
        ) from error
    return _with_params(sql, list(scan(sql)))


def head(sql: str, *stops: str) -> list[Token]:
    """The tokens up to and with the first of these (upper case) words outside brackets.

    What follows may be no SQL at all, as an INSERT's data, and is not read.
    """
    found: list[Token] = []
    depth = 0
    for token in scan(sql):
        found.append(token)
        if token.kind == "op":
            depth += (token.text in "([{") - (token.text in ")]}")
        elif depth == 0 and token.is_word(*stops):
            break
    return found


def decoded(token: Token) -> str:
    """The text that a `string` token stands for.

    Raises:
        InvalidSQL: `\\x` without two hexadecimal digits.
    """
    if token.text.startswith("$"):
        tag = token.text[: token.text.index("$", 1) + 1]
        return token.text[len(tag) : -len(tag)]
    if token.text.startswith("‘"):
        return token.text[1:-1]

    def character(match: re.Match[str]) -> str:
        if match[0] == "''":
            return "'"
        if match[1] is not None:
            byte = int(match[1], 16)
            return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
        if match[2] is None:
            raise InvalidSQL(
                f"\\x needs two hexadecimal digits, at character {token.start + 2 + match.start()}"
            )
        plain = match[2] in "\\'\"`/=" or match[2] < " " or match[2] == "\x7f"
        return _ESCAPED.get(match[2], match[2] if plain else match[0])

    text = _ESCAPE.sub(character, token.text[1:-1])
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def placeholder(token: Token) -> tuple[str, str]:
    """Name and type of a `param` token: `{ q : Array(Float32) }` is ("q", "Array(Float32)")."""
    inner = list(scan(token.text))
    return inner[1].text, token.text[inner[3].start : inner[-2].end]


def scan(sql: str) -> Iterator[Token]:
    """Read SQL text token by token, {name:Type} in its parts; stops where the reader does."""
    at, previous = 0, Token("op", "", 0)
    while at < len(sql):
        if gap := _GAP.match(sql, at):
            at = gap.end()
            continue
        if sql.startswith("/*", at):
            at = _after_comment(sql, at)
            continue
        previous = _number(sql, at, previous) or _other(sql, at)
        yield previous
        at = previous.end


def _number(sql: str, at: int, previous: Token) -> Token | None:
    if sql[at] == "." and (
        previous.kind in ("word", "quoted", "number") or previous.text in (")", "]")
    ):
        return None
    match = (_MEMBER if previous.is_op(".") else _NUMBER).match(sql, at)
    if match is None:
        return None
    tail = _WORD_TAIL.match(sql, match.end())
    text = match[0] + (tail[0] if tail else "")
    # `3a` is a name, `3.5a` nothing at all.
    return Token("word" if tail and _WORD_TAIL.fullmatch(text) else "number", text, at)


def _other(sql: str, at: int) -> Token:
    match = _TOKEN.match(sql, at)
    if match is None:
        raise InvalidSQL(f"the quote {sql[at]} at character {at + 1} of the SQL is never closed")
    for kind in ("binary", "string", "quoted", "word", "op"):
        if match[kind] is not None:
            break
    return Token(kind, match[0], at)


def _after_comment(sql: str, at: int) -> int:
    depth = 0
    for mark in _BLOCK.finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise InvalidSQL(f"the comment /* at character {at + 1} of the SQL is never closed")


def _with_params(sql: str, found: list[Token]) -> list[Token]:
    """Join the tokens of each {name:Type} to one; quotes inside may hold braces."""
    joined: list[Token] = []
    at = 0
    last = max((n for n, token in enumerate(found) if token.is_op("}")), default=-1)
    while at < len(found):
        token = found[at]
        if at >= last or not token.is_op("{"):
            joined.append(token)
            at += 1
            continue
        kinds = [(t.kind, t.text if t.kind == "op" else "") for t in found[at : at + 4]]
        if kinds == [("op", "{"), ("word", ""), ("op", ":"), ("word", "")]:
            close = next((n for n in range(at, len(found)) if found[n].is_op("}")), None)
            if close is not None:
                token = Token("param", sql[token.start : found[close].end], token.start)
                at = close
        joined.append(token)
        at += 1
    return joined

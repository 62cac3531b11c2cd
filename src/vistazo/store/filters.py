"""The `where` grammar: a small safe filter language, compiled to SQL with bound values.

    expression = term { "or" term }
    term       = factor { "and" factor }
    factor     = "not" factor | "(" expression ")" | "has" "(" field ")" | comparison
    comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) value
               | field [ "not" ] "in" "(" value { "," value } ")"
    field      = a name of FIELDS | "attributes" "." name | "attributes" "[" string "]"
    value      = number | 'text' | "text" | word

`~` means contains, whatever the case. A date may be partial: `taken = 2019-05` is that month.
`category = animals` includes `animals/birds`. In quotes, `\\` keeps the next character and a
doubled quote is one.

What is not known of a photo: a text (or attribute) is then empty, so `camera != Canon` keeps photos
of an unknown camera. A number or date is then nothing that can be compared: neither `taken = 2019`
nor `taken != 2019`, nor `not` in front of either, keeps the photo; `not has(taken)` does.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vistazo.errors import InvalidFilter
from vistazo.records import printable

Kind = Literal["text", "capitals", "number", "date", "path", "words"]
_TEXTS = ("text", "capitals", "path")
# Words of a captions table, and those of the table `keywords` that data sets bring.
_KEYWORDS = "arrayMap(word -> lowerUTF8(trimBoth(word)), splitByChar(',', attributes['keywords']))"
# Unsplash's column for the country has a name of its own.
_COUNTRY = "attributes['country']", "attributes['photo_location_country']"

# field -> (SQL expression, kind)
FIELDS: dict[str, tuple[str, Kind]] = {
    "photo_id": ("photo_id", "text"),
    "file": ("file_stem", "text"),
    "source": ("source", "text"),
    "format": ("format", "capitals"),
    "width": ("width", "number"),
    "height": ("height", "number"),
    "size_bytes": ("size_bytes", "number"),
    "taken": ("taken_at", "date"),
    "year": ("toYear(taken_at)", "number"),
    "month": ("toMonth(taken_at)", "number"),
    "camera": ("camera", "text"),
    "latitude": ("latitude", "number"),
    "longitude": ("longitude", "number"),
    "place": ("place", "text"),
    "photographer": ("photographer", "text"),
    "description": ("description", "text"),
    "category": ("attributes['category']", "path"),
    "country": (f"if({_COUNTRY[0]} != '', {_COUNTRY[0]}, {_COUNTRY[1]})", "text"),
    "keyword": (_KEYWORDS, "words"),
}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    | (?P<op><=|>=|!=|<>|==|!~|[=<>~(),\[\]])
    | (?P<word>[^\s'"=<>!~(),\[\]]+)
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">"} | {
    ">=": ">=",
    "~": "~",
    "!~": "!~",
}
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{2})(?::(\d{2})(?::(\d{2})(?:\.\d+)?)?)?)?)?)?",
    re.ASCII,
)
_MAX_LENGTH = 10_000
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter: an SQL condition over `photos` and the values it binds."""

    sql: str = ""
    params: dict[str, Any] | None = None

    def excluding(self, *photo_ids: str) -> Filter:
        """The same filter, without some photos."""
        if len(photo_ids) == 1:
            apart, bound = "photo_id != {not_id:String}", {"not_id": photo_ids[0]}
        else:
            apart = "photo_id NOT IN {not_ids:Array(String)}"
            bound = {"not_ids": list(photo_ids)}  # type: ignore[dict-item]
        sql = f"({self.sql}) AND {apart}" if self.sql else apart
        return Filter(sql, {**(self.params or {}), **bound})

    def among(self, photo_ids: Sequence[str]) -> Filter:
        """The same filter, only of some photos."""
        among = "photo_id IN {among_ids:Array(String)}"
        sql = f"({self.sql}) AND {among}" if self.sql else among
        return Filter(sql, {**(self.params or {}), "among_ids": list(photo_ids)})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def compile_filter(where: str) -> Filter:
    """Compile a `where` expression; an empty one keeps every photo.

    Raises:
        InvalidFilter: it does not parse, names an unknown field or compares with a value of
            the wrong kind; `position` is the offending character's index.
    """
    if not where.strip():
        return Filter()
    if len(where) > _MAX_LENGTH:
        raise InvalidFilter(f"the filter is longer than {_MAX_LENGTH:,} characters; shorten it")
    parser = _Parser(where)
    return Filter(parser.parse(), parser.params)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.params: dict[str, Any] = {}
        self._tokens = self._scan()
        self._at = 0
        self._depth = 0

    def parse(self) -> str:
        sql = self._either()
        if self._peek().kind != "end":
            raise self._wrong("expected 'and', 'or' or the end")
        return sql

    def _scan(self) -> list[_Token]:
        tokens, at = [], 0
        while self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                quote = self.text[start] in "'\""
                raise self._error(
                    "this quote is never closed" if quote else "cannot read this", start
                )
            kind = match.lastgroup
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return [*tokens, _Token("end", "", len(self.text))]

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _word(self, *words: str) -> bool:
        token = self._peek()
        if token.kind == "word" and token.text.lower() in words:
            self._next()
            return True
        return False

    def _op(self, text: str) -> bool:
        if self._peek().kind == "op" and self._peek().text == text:
            self._next()
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._op(text):
            raise self._wrong(f"expected '{text}'")

    def _either(self) -> str:
        return self._joined("or", self._both)

    def _both(self) -> str:
        return self._joined("and", self._factor)

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else "(" + f" {word.upper()} ".join(parts) + ")"

    def _factor(self) -> str:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._wrong("nested too deeply")
        try:
            if self._word("not"):
                return f"NOT ({self._factor()})"
            if self._op("("):
                sql = self._either()
                self._need(")")
                return f"({sql})"
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> str:
        if self._peek().text.lower() == "has" and self._tokens[self._at + 1].text == "(":
            self._next()
            self._next()
            column, kind = self._field()
            self._need(")")
            if kind == "words":
                return (
                    "(attributes['keywords'] != '' OR photo_id IN (SELECT photo_id FROM keywords))"
                )
            return f"{column} != ''" if kind in _TEXTS else f"isNotNull({column})"
        column, kind = self._field()
        negated = self._word("not")
        if self._word("in"):
            self._need("(")
            options = [self._compare(column, kind, "=")]
            while self._op(","):
                options.append(self._compare(column, kind, "="))
            self._need(")")
            return f"{'NOT ' if negated else ''}({' OR '.join(options)})"
        token = self._peek()
        if negated or token.kind != "op" or token.text not in _COMPARISONS:
            raise self._wrong("expected a comparison such as = != < > ~ or 'in'")
        self._next()
        return self._compare(column, kind, _COMPARISONS[token.text])

    def _field(self) -> tuple[str, Kind]:
        token = self._next()
        if token.kind != "word":
            raise self._error("expected a field's name", token.position)
        name, _, key = token.text.partition(".")
        if name.lower() == "attributes":
            if not key and self._op("["):
                quoted = self._next()
                if quoted.kind != "string":
                    raise self._error("expected the attribute's name in quotes", quoted.position)
                key = _unquote(quoted.text)
                self._need("]")
            if not key:
                raise self._error("expected attributes.NAME or attributes['NAME']", token.position)
            return f"attributes[{self._bind(key, 'String')}]", "text"
        found = FIELDS.get(token.text.lower())
        if found is None:
            close = difflib.get_close_matches(token.text.lower(), FIELDS, 1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; fields: {', '.join(FIELDS)}, "
            hint = hint if close else hint + "attributes.NAME"
            raise self._error(f"there is no field '{token.text}'{hint}", token.position)
        return found

    def _compare(self, column: str, kind: Kind, op: str) -> str:
        token = self._next()
        if token.kind not in ("string", "word"):
            raise self._error("expected a value", token.position)
        value = _unquote(token.text) if token.kind == "string" else token.text
        if kind == "words":
            return self._compare_words(column, op, value, token.position)
        if op in ("~", "!~"):
            if kind not in _TEXTS:
                raise self._error("~ needs a text field", token.position)
            found = f"positionCaseInsensitiveUTF8({column}, {self._bind(value, 'String')})"
            return f"{found} {'>' if op == '~' else '='} 0"
        if kind == "capitals":
            value = value.upper()
        if kind == "number":
            try:
                number = float(value.replace("_", ""))
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise self._error(f"'{value}' is not a number", token.position)
            return f"{column} {op} {self._bind(number, 'Float64')}"
        if kind == "date":
            return self._compare_date(column, op, value, token.position)
        bound = self._bind(value, "String")
        if kind == "path" and op in ("=", "!="):
            same = f"({column} = {bound} OR startsWith({column}, concat({bound}, '/')))"
            return same if op == "=" else f"NOT {same}"
        return f"{column} {op} {bound}"

    def _compare_words(self, column: str, op: str, value: str, position: int) -> str:
        if op in ("<", "<=", ">", ">="):
            raise self._error("a keyword is compared with = != ~ or !~", position)
        bound = f"lowerUTF8({self._bind(value, 'String')})"
        if op in ("=", "!="):
            own, listed = f"has({column}, {bound})", f"lowerUTF8(keyword) = {bound}"
        else:
            own = f"position(lowerUTF8(attributes['keywords']), {bound}) > 0"
            listed = f"position(lowerUTF8(keyword), {bound}) > 0"
        found = f"({own} OR photo_id IN (SELECT photo_id FROM keywords WHERE {listed}))"
        return f"NOT {found}" if op.startswith("!") else found

    def _compare_date(self, column: str, op: str, value: str, position: int) -> str:
        try:
            start, end = _span(value)
        except ValueError:
            raise self._error(
                f"'{value}' is not a date like 2019, 2019-05, 2019-05-31 or 2019-05-31T18:00",
                position,
            ) from None
        first = self._bind(start, "DateTime64(0, 'UTC')")
        after = self._bind(end, "DateTime64(0, 'UTC')")
        inside = f"({column} >= {first} AND {column} < {after})"
        return {
            "=": inside,
            "!=": f"NOT {inside}",
            "<": f"{column} < {first}",
            "<=": f"{column} < {after}",
            ">": f"{column} >= {after}",
            ">=": f"{column} >= {first}",
        }[op]

    def _bind(self, value: object, kind: str) -> str:
        name = f"w{len(self.params)}"
        # Stray bytes of a file's name are stored as escapes.
        self.params[name] = (
            value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        )
        return f"{{{name}:{kind}}}"

    def _wrong(self, expectation: str) -> InvalidFilter:
        token = self._peek()
        shown = f"'{token.text}'" if token.text else "the end"
        return self._error(f"{expectation}, found {shown}", token.position)

    def _error(self, problem: str, position: int) -> InvalidFilter:
        return InvalidFilter(
            printable(
                f'the filter "{self.text[:200]}" fails at character {position + 1}: {problem}'
            ),
            position=position,
            problem=printable(problem),
        )


def quoted(value: str) -> str:
    """A value as a filter says it, whatever characters it has."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unquote(text: str) -> str:
    quote = text[0]
    return re.sub(r"\\(.)", r"\1", text[1:-1].replace(quote * 2, quote), flags=re.DOTALL)


def _span(value: str) -> tuple[str, str]:
    """First second of a partial date, and the first second after it."""
    match = _DATE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    year, month, day, hour, minute, second = (
        int(part) if part else None for part in match.groups()
    )
    # The engine's range, and far enough from Python's for the additions below.
    if year is None or not 1900 <= year < 2299:
        raise ValueError(value)
    start = dt.datetime(year, month or 1, day or 1, hour or 0, minute or 0, second or 0)
    if month is None:
        end = dt.datetime(year + 1, 1, 1)
    elif day is None:
        end = dt.datetime(year + month // 12, month % 12 + 1, 1)
    elif hour is None:
        end = start + dt.timedelta(days=1)
    elif minute is None:
        end = start + dt.timedelta(hours=1)
    else:
        end = start + (dt.timedelta(minutes=1) if second is None else dt.timedelta(seconds=1))
    return start.isoformat(sep=" "), end.isoformat(sep=" ")

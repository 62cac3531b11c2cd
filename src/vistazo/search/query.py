r"""The query language: `2:dog + beach - snow camera:canon year:2019..2021`.

Most queries are words and mean what they say. Only this means more:

- ` + ` between spaces adds what it stands between; ` - ` takes away, where the query cannot be read
  as plain words: it has a ` + `, a weight, or a term that is a picture, a photo or in quotes.
  Else a dash is a dash, as in "a dog - at the beach".
- `-word` and `-"two words"`, a minus directly before a letter or a quote and behind a space, take
  away from any query.
- `2:dog` gives a term a weight: a number and a colon at its beginning, and no digit or space behind
  them, so that "3:4 portrait" and "it's 5:30" are words.
- `"a + b"`, a term in double quotes, is searched for as it stands; `\"` and `\\` stand for `"`, `\`.
- `./x.jpg`, `../x.jpg`, `~/x.jpg`, `/x.jpg`, `image:x.jpg`, `image:"my x.jpg"` and `https://..`, as a
  whole term, are pictures to compare with; `#PHOTO_ID` is a photo of the library.
- `name:value` with the name of a filter, as `search/conditions.py` says.

A text without any of it is one plain term, to its last space.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vistazo.errors import InvalidQuery
from vistazo.records import printable
from vistazo.search.conditions import (
    Condition,
    WrongCondition,
    is_condition,
    quote,
    read_condition,
    unescape,
)

Kind = Literal["text", "image", "photo"]

MAX_TERMS = 50
_MAX_WEIGHT = 1000.0
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BEFORE = r"-?(?:\d+(?:\.\d+)?:)?(?:[A-Za-z_]+(?:\.[\w-]+)?:(?:[<>]=?|=)?|\#)?"
_WORD = re.compile(rf"{_BEFORE}{_QUOTED}(?=\s|$)|\S+", re.DOTALL)
_OPEN = re.compile(r'-?(?:\d+(?:\.\d+)?:)?(?:image:|\#)?"')
_BEGIN = r'(?:[^\W\d_]|"|\#|\.{1,2}/|~/|/)'
_WEIGHT = re.compile(rf"(\d+(?:\.\d+)?):(?={_BEGIN})")
_MINUS = re.compile(rf"-(?=(?:\d+(?:\.\d+)?:)?{_BEGIN})")
_FILE = re.compile(
    r"(?:\.{1,2}|~)?/\S*\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|hei[cf])", re.IGNORECASE
)
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_PHOTO = re.compile(r"#[\w-]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a sum.

    Attributes:
        value: words, the name of a picture (a path or an address), or a photo's id.
        weight: below zero for what is not wanted; never 0.
    """

    kind: Kind
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query that was read; `str` gives its normal form, which reads as the same query.

    Attributes:
        terms: what the photos show; wanted ones first, in the order of the text.
    """

    terms: tuple[Term, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is one text, to be embedded as it stands."""
        return not self.conditions and len(self.terms) == 1 and self.terms[0].kind == "text"

    @property
    def images(self) -> tuple[str, ...]:
        """The names of pictures, each once."""
        return tuple(dict.fromkeys(term.value for term in self.terms if term.kind == "image"))

    @property
    def photo_ids(self) -> tuple[str, ...]:
        """The photos that are searched with, which nobody looks for."""
        return tuple(
            dict.fromkeys(
                term.value for term in self.terms if term.kind == "photo" and term.weight > 0
            )
        )

    def where(self, also: str = "") -> str:
        """All filters in the grammar of `store/filters.py`, and another one."""
        said = [each.where for each in self.conditions]
        if also.strip() and said:
            said.insert(0, f"({also})")
        return " and ".join(said) if said else also

    def __str__(self) -> str:
        wanted = [term for term in self.terms if term.weight > 0]
        alone = len(self.terms) == 1 and not self.conditions
        parts = [" + ".join(_shown(term, alone) for term in wanted)] if wanted else []
        parts += [f"-{_shown(term, False)}" for term in self.terms if term.weight < 0]
        return " ".join([*parts, *map(str, self.conditions)])


def parse(text: str) -> Parsed:
    """Read a query.

    Raises:
        InvalidQuery: it cannot be read; `position` is the index of what is wrong.
    """
    return _Reader(text).read()


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    at: int


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._conditions: list[Condition] = []
        self._away: list[Term] = []
        self._rest: list[_Word] = []
        self._is_sum = False

    def read(self) -> Parsed:
        for found in _WORD.finditer(self._text):
            self._sort(_Word(found[0], found.start()))
        wanted: list[Term] = []
        unwanted: list[Term] = []
        for sign, words in self._sum():
            term = self._term(words, sign)
            (wanted if term.weight > 0 else unwanted).append(term)
        unwanted += self._away
        if len(wanted) + len(unwanted) > MAX_TERMS:
            raise self._wrong(f"more than {MAX_TERMS} terms; leave some out", len(self._text) - 1)
        if unwanted and not wanted:
            raise self._wrong("say also what you are looking for, not only what you are not", 0)
        terms = (*wanted, *unwanted)
        if not self._conditions and terms == (Term("text", " ".join(self._text.split())),):
            terms = (Term("text", self._text),)
        return Parsed(terms, tuple(self._conditions))

    def _sort(self, word: _Word) -> None:
        """Put filters and what is taken away aside; they stand anywhere."""
        minus = _MINUS.match(word.text) is not None
        said = word.text[minus:]
        if is_condition(said):
            try:
                self._conditions.append(read_condition(said, minus))
            except WrongCondition as error:
                raise self._wrong(str(error), word.at + minus + error.at) from error
        elif minus:
            self._away.append(self._term([_Word(said, word.at + 1)], -1))
        else:
            self._rest.append(word)

    def _sum(self) -> Sequence[tuple[int, list[_Word]]]:
        """The terms with their signs, if the words are a sum; else all words as one."""
        if not self._rest:
            return []
        terms: list[tuple[int, list[_Word]]] = [(1, [])]
        ops: list[_Word] = []
        for word in self._rest:
            if word.text in ("+", "-"):
                ops.append(word)
                terms.append((1 if word.text == "+" else -1, []))
            else:
                terms[-1][1].append(word)
        if not any(op.text == "+" for op in ops) and not any(_is_marked(each) for _, each in terms):
            return [(1, self._rest)]
        self._is_sum = len(terms) > 1
        if not terms[0][1] and ops and ops[0].text == "-":
            del terms[0], ops[0]
        for number, (_, words) in enumerate(terms):
            if not words:
                op = ops[max(0, number - 1)]
                side = "before" if number == 0 else "behind"
                hint = "in quotes it is searched for as it stands"
                raise self._wrong(f"something is missing {side} '{op.text}'; {hint}", op.at)
        return terms

    def _term(self, words: Sequence[_Word], sign: int) -> Term:
        first = words[0]
        text, at, weight = first.text, first.at, 1.0
        if found := _WEIGHT.match(text):
            weight = round(float(found[1]), 6)
            if not 0.001 <= weight <= _MAX_WEIGHT:
                raise self._wrong(f"a weight is from 0.001 to {_MAX_WEIGHT:,.0f}", at)
            text, at = text[found.end() :], at + found.end()
        # Plain words may begin with a stray quote; where more is meant, it is an open one.
        meant = self._is_sum or sign < 0 or at > first.at or text[0] != '"'
        if meant and _OPEN.match(text) and '"' not in self._text[self._text.index('"', at) + 1 :]:
            problem = "this quote is never closed; close it, or leave it out"
            raise self._wrong(problem, self._text.index('"', at))
        kind, value = _whole(text)
        if kind is not None:
            if len(words) == 1:
                if not value.strip():
                    raise self._wrong("there is nothing between the quotes", at)
                return Term(kind, value, sign * weight)
            if kind == "image" and not _ADDRESS.fullmatch(text):
                raise self._wrong("put a + between a picture and words", words[1].at)
        return Term("text", " ".join([text, *(word.text for word in words[1:])]), sign * weight)

    def _wrong(self, problem: str, position: int) -> InvalidQuery:
        shown = printable(self._text[:200])
        return InvalidQuery(
            f'the query "{shown}" fails at character {position + 1}: {printable(problem)}',
            text=self._text,
            position=position,
        )


def _whole(word: str) -> tuple[Kind | None, str]:
    """What a word is, if it is a term of its own; else None."""
    if re.fullmatch(_QUOTED, word, re.DOTALL):
        return "text", unescape(word[1:-1])
    if _FILE.fullmatch(word) or _ADDRESS.fullmatch(word):
        return "image", word
    for head, kind in (("image:", "image"), ("#", "photo")):
        rest = word[len(head) :]
        if word.startswith(head) and re.fullmatch(_QUOTED, rest, re.DOTALL):
            return kind, unescape(rest[1:-1])  # type: ignore[return-value]
    if word.startswith("image:") and len(word) > 6 and '"' not in word:
        return "image", word[6:]
    return ("photo", word[1:]) if _PHOTO.fullmatch(word) else (None, "")


def _is_marked(words: Sequence[_Word]) -> bool:
    """Whether a term shows that the query is a sum."""
    if not words:
        return False
    if _WEIGHT.match(words[0].text):
        return True
    return len(words) == 1 and _whole(words[0].text)[0] is not None


def _shown(term: Term, alone: bool) -> str:
    weight = abs(term.weight)
    mark = "" if weight == 1 else f"{weight:.6f}".rstrip("0").rstrip(".") + ":"
    if term.kind == "photo":
        short = f"#{term.value}"
        return mark + (short if _PHOTO.fullmatch(short) else f"#{quote(term.value)}")
    if term.kind == "image":
        named = _whole(term.value) == ("image", term.value) and '"' not in term.value
        return mark + (term.value if named else f"image:{quote(term.value)}")
    if alone and not mark and term.weight > 0 and _reads_as(term.value, term):
        return term.value
    words = term.value.split()
    simple = " ".join(words) == term.value and not any(
        word in ("+", "-") or '"' in word for word in words
    )
    if term.weight < 0:
        simple = simple and len(words) == 1 and term.value[:1].isalpha()
    # Behind a weight, words that would begin another one are put in quotes.
    simple = simple and (not mark or term.value[:1].isalpha())
    if simple and _reads_as(term.value, Term("text", term.value)):
        return mark + term.value
    return mark + quote(term.value)


def _reads_as(text: str, term: Term) -> bool:
    try:
        return parse(text) == Parsed((term,))
    except InvalidQuery:
        return False

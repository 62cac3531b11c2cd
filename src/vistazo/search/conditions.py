"""Filters as they are typed into a query: `camera:canon year:2019..2021 -keyword:sold`.

    condition = [ "-" ] name ":" value | [ "-" ] "has:" name
    value     = [ "=" | "<" | "<=" | ">" | ">=" ] one | [ one ] ".." [ one ]
    one       = characters without spaces | '"' characters '"'

The name is one of `store/filters.py` or `attributes.NAME`, the colon directly behind it and the
value directly behind the colon. For a text the value is a part of it, whatever the case, and
`name:=value` is all of it; a range needs a number or a date.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from vistazo.errors import InvalidFilter
from vistazo.store.filters import FIELDS, compile_filter, quoted

HAS = "has"
_OPS = re.compile(r"<=|>=|[<>=]")
_NAMED = re.compile(r"(?P<name>[A-Za-z_]+(?:\.[\w-]+)?):(?P<value>\S.*)", re.DOTALL)
_PLAIN = re.compile(r'[^\s"<>=][^\s"]*')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PARTS = frozenset({"file", "source", "camera", "place", "photographer", "description", "country"})


class WrongCondition(ValueError):
    """A condition that cannot be read.

    Attributes:
        at: index of what is wrong, in the word.
    """

    def __init__(self, problem: str, at: int) -> None:
        super().__init__(problem)
        self.at = at


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter.

    Attributes:
        op: `:` (the usual comparison), `=`, `<`, `<=`, `>`, `>=`, `..` or `has`.
        upto: the end of a range; empty leaves it open, as an empty `value` does its beginning.
    """

    name: str
    op: str
    value: str = ""
    upto: str = ""
    negated: bool = False

    @property
    def where(self) -> str:
        """The same in the grammar of `store/filters.py`."""
        field = self.name
        if field.startswith("attributes."):
            field = f"attributes[{quoted(field.partition('.')[2])}]"
        if self.op == HAS:
            said = f"has({field})"
        elif self.op == "..":
            ends = ((">=", self.value), ("<=", self.upto))
            said = " and ".join(f"{field} {op} {quoted(end)}" for op, end in ends if end)
        else:
            said = f"{field} {self._operator()} {quoted(self.value)}"
        if self.negated:
            return f"not ({said})"
        return f"({said})" if " and " in said else said

    def _operator(self) -> str:
        if self.op != ":":
            return self.op
        return "~" if self.name in _PARTS or self.name.startswith("attributes.") else "="

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        if self.op == HAS:
            return f"{sign}{HAS}:{self.name}"
        if self.op == "..":
            return f"{sign}{self.name}:{self.value}..{self.upto}"
        op = "" if self.op == ":" else self.op
        bare = _PLAIN.fullmatch(self.value) and ".." not in self.value
        # What two slashes follow is an address, and no filter.
        bare = bare and not self.value.startswith("//")
        return f"{sign}{self.name}:{op}{self.value if bare else quote(self.value)}"


def is_condition(word: str) -> bool:
    """Whether a word, without its sign, is meant as a filter."""
    found = _NAMED.fullmatch(word)
    if found is None or found["value"].startswith("//"):
        return False
    name = found["name"].lower()
    return name in FIELDS or name == HAS or re.fullmatch(r"attributes\..+", name) is not None


def read_condition(word: str, negated: bool) -> Condition:
    """A word that `is_condition`.

    Raises:
        WrongCondition: its value is none of its field.
    """
    found = _NAMED.fullmatch(word)
    assert found is not None
    head, _, key = found["name"].partition(".")
    name = f"{head.lower()}.{key}" if key else head.lower()
    value, at = found["value"], found.start("value")
    if name == HAS:
        condition = _having(value, at, negated)
    else:
        condition = _compared(name, value, at, negated)
    try:
        compile_filter(condition.where)
    except InvalidFilter as error:
        op = _OPS.match(value)
        raise WrongCondition(error.problem, at + (op.end() if op else 0)) from error
    return condition


def _having(value: str, at: int, negated: bool) -> Condition:
    head, dot, key = value.partition(".")
    name = head.lower()
    if not (name in FIELDS and not dot) and not (name == "attributes" and key):
        close = difflib.get_close_matches(name, FIELDS, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"fields: {', '.join(FIELDS)}"
        raise WrongCondition(f"there is no field '{value}'; {hint}", at)
    return Condition(f"{name}.{key}" if key else name, HAS, negated=negated)


def _compared(name: str, value: str, at: int, negated: bool) -> Condition:
    kind = FIELDS[name][1] if name in FIELDS else "text"
    op = _OPS.match(value)
    rest = value[op.end() :] if op else value
    if op and not rest:
        raise WrongCondition(f"a value is missing behind '{op[0]}'", at + op.end())
    if not op and kind in ("number", "date") and ".." in rest and '"' not in rest:
        start, _, end = rest.partition("..")
        if not (start or end):
            raise WrongCondition("a range needs a beginning or an end, as in 2019..2021", at)
        return Condition(name, "..", start, end, negated)
    return Condition(
        name, op[0] if op else ":", _unquoted(rest, at + len(value) - len(rest)), negated=negated
    )


def _unquoted(value: str, at: int) -> str:
    if '"' not in value:
        return value
    if found := _QUOTED.fullmatch(value):
        return unescape(found[1])
    if value.startswith('"') and value.count('"') == 1:
        raise WrongCondition("this quote is never closed", at)
    raise WrongCondition('a quote goes around the whole value, as in camera:"EOS 5D"', at)


def quote(text: str) -> str:
    """A text in double quotes, as a query has it literally."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unescape(text: str) -> str:
    """What stands between double quotes."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)

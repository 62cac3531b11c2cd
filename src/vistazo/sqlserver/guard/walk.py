"""Every name and clause of a canonical text, held against what is allowed.

The rules look at what stands beside a token, never at where in the statement it is: a name before
a bracket is a call wherever it stands, so no place can hide one. Words of the language are taken
in any case, for the engine reads them so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from vistazo.sqlserver.guard import allowed
from vistazo.sqlserver.guard.canonical import Catalog, refused
from vistazo.sqlserver.guard.files import check_names
from vistazo.sqlserver.guard.limits import Limits
from vistazo.sqlserver.guard.shapes import (
    CLAUSES,
    STRUCTURED,
    body,
    check_pattern,
    check_structure,
    is_column_list,
    is_format_clause,
    named,
)
from vistazo.store.sqltext import Token, decoded, placeholder, tokens

_OPS = frozenset(
    [
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "==",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "<>",
        "||",
        "->",
        "::",
        ":",
        "?",
        "^",
        "<=>",
        "~",
        "!~",
    ]
)
_BEFORE_TABLE = ("FROM", "JOIN", "INTO", "TABLE", "DESCRIBE")
_PLAIN = ("array", "arrayelement", "arrayjoin", "map")  # take values only
_SQL_WORDS = ("true", "false")


@dataclass(slots=True)
class Walk:
    """What a statement may name; one for each statement.

    Attributes:
        tables: tables of `system` that may be read besides the allowed ones.
        definition: CREATE or ALTER, where types, codecs, indices and engines are named.
        parse: text of a user's function to its canonical form.
        volatile: set when the verdict hangs on functions and views that people made.
        given: the settings it has met, with their values.
    """

    catalog: Catalog
    limits: Limits
    parse: Callable[[str], str]
    tables: frozenset[str] = frozenset()
    definition: bool = False
    volatile: bool = False
    given: dict[str, str] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _aliases: frozenset[str] = frozenset()

    def check(self, found: Sequence[Token], *, declared: frozenset[int] = frozenset()) -> None:
        """Go through the tokens of a canonical text.

        Args:
            declared: indices of names that are made here: before a bracket they call nothing.
        Raises:
            InvalidSQL: it names something that is not allowed.
        """
        check_names(found)
        self._aliases = frozenset(named(b) for a, b in pairwise(found) if a.is_word("AS"))
        callees: list[str] = []
        for at, token in enumerate(found):
            if token.kind == "op":
                self._op(token, callees)
            elif token.kind == "param":
                self._param(token)
            elif token.kind in ("word", "quoted"):
                callee = self._name(found, at, callees, declared)
                if callee is not None:
                    callees.append(callee)

    def _op(self, token: Token, callees: list[str]) -> None:
        if token.text not in _OPS:
            raise refused(f"the character {token.text}", "write the statement without it", 62)
        # The bracket after a name was opened by the name: `_name` and here, one each.
        if token.text == "(":
            callees.append("(")
        elif token.text == ")":
            if callees:
                callees.pop()
            if callees and callees[-1] != "(":
                callees.pop()

    def _param(self, token: Token) -> None:
        name, kind = placeholder(token)
        if "identifier" in kind.lower():
            raise refused(
                f"the unbound {{{name}:Identifier}}", f"give the parameter param_{name}", 456
            )

    def _name(
        self, found: Sequence[Token], at: int, callees: list[str], declared: frozenset[int]
    ) -> str | None:
        token = found[at]
        after = found[at + 1] if at + 1 < len(found) else None
        before = found[at - 1] if at else None
        name = named(token)
        member = before is not None and before.is_op(".")
        if token.kind == "word" and not member:
            self._word(found, at)
        if after is not None and after.is_op("("):
            if at in declared or is_column_list(found, at):
                return ""
            if self.definition and before is not None and before.is_word("INDEX", "PROJECTION"):
                return ""
            if token.kind == "word" and name.upper() in allowed.BEFORE_BRACKET:
                return ""
            self._call(name, member)
            if name.lower() in STRUCTURED:
                check_structure(found, at + 2)
            if name.lower() == "format":
                check_pattern(found, at + 2)
            return name.lower()
        if after is not None and after.is_op("."):
            if not member:
                self._qualified(found, at, name)
        elif not member and before is not None:
            self._function_name(found, at, name, callees)
        return None

    def _call(self, name: str, member: bool) -> None:
        lower = name.lower()
        if member:
            raise refused(f"the call of .{name}(..)", "call functions by their bare name")
        if allowed.is_function(name) or name in allowed.OWN_FUNCTIONS:
            return
        if lower in allowed.TABLE_FUNCTIONS or lower in allowed.TYPES:
            return
        if self.definition and (lower in allowed.CODECS or lower in allowed.INDEX_TYPES):
            return
        if self.definition and name in allowed.ENGINES:
            return
        if lower in self.catalog.functions:
            raise refused(f"the function {name}()", "leave it out")
        if lower in self.catalog.table_functions:
            raise refused(f"the table function {name}()", "read tables of the library")
        if self._is_made(name):
            return
        if name in self._aliases:
            return
        raise refused(f"{name}(), which is not known,", "use a function of the documentation", 46)

    def _is_made(self, name: str) -> bool:
        """Whether people made this function or view; a function's body is checked once more."""
        self.volatile = True
        made = self.catalog.user_function(name)
        if made is None:
            return name.removeprefix("default.") in self.catalog.views()
        if name not in self._made:
            self._made.add(name)
            inner = Walk(self.catalog, self.limits, self.parse, self.tables, _made=self._made)
            inner.check(body(tokens(self.parse(made))))
        return True

    def _function_name(
        self, found: Sequence[Token], at: int, name: str, callees: list[str]
    ) -> None:
        """`arrayMap(file, paths)` and `* APPLY file` call functions by their name alone."""
        before = found[at - 1]
        applied = before.is_word("APPLY") or (
            before.is_op("(") and at > 1 and found[at - 2].is_word("APPLY")
        )
        if applied:
            follows = found[at + 1] if at + 1 < len(found) else None
            if follows is None or not follows.is_op("->"):
                self._call(name, False)
            return
        if name.lower() not in self.catalog.functions or allowed.is_function(name):
            return
        callee = next((each for each in reversed(callees) if each not in ("(", "")), "")
        takes_functions = callee.startswith(("array", "map")) and callee not in _PLAIN
        if callee and (takes_functions or not allowed.is_function(callee)):
            raise refused(
                f"the function {name} inside {callee}()",
                "if it is a column, write its table before it, as in t.column",
            )

    def _qualified(self, found: Sequence[Token], at: int, name: str) -> None:
        last = found[at + 2] if at + 2 < len(found) else None
        if last is None or last.kind not in ("word", "quoted"):
            return
        table = named(last)
        if name.lower() == allowed.SYSTEM:
            if table not in allowed.SYSTEM_TABLES | self.tables:
                raise refused(
                    f"system.{table}", "system.tables, columns and functions tell what there is"
                )
        elif name not in allowed.INFORMATION_SCHEMA | {allowed.DATABASE} and at:
            before = found[at - 1]
            inner = at > 1 and found[at - 2].is_word("ARRAY", "FILL", "DISTINCT")
            if before.is_word(*_BEFORE_TABLE) and not inner:
                raise refused(f"the database {name}", "the library's tables are in default", 81)

    def _word(self, found: Sequence[Token], at: int) -> None:
        token = found[at]
        after = found[at + 1] if at + 1 < len(found) else None
        if token.is_word("OUTFILE", "INFILE"):
            raise refused(token.text.upper(), "rows come and go with the request")
        if after is None:
            return
        if token.is_word("PARALLEL") and after.is_word("WITH"):
            raise refused("PARALLEL WITH", "send one statement at a time", 62)
        if token.is_word("TO") and after.is_word("DISK", "VOLUME", "SHARD", "INNER"):
            raise refused(f"TO {after.text}", "data stay in the library")
        if token.is_word("ENGINE") and after.is_op("="):
            self._engine(found, at + 2)
        elif token.is_word("SETTINGS", "SETTING"):
            self._settings(found, at + 1)
        elif is_format_clause(found, at) and not allowed.is_format(named(after)):
            raise refused(f"the format {named(after)}", "choose another one", 73)

    def _engine(self, found: Sequence[Token], at: int) -> None:
        name = named(found[at]) if at < len(found) else ""
        if name not in allowed.ENGINES:
            raise refused(f"the engine {name}", "use MergeTree or one of its kind, or Memory")

    def set(self, found: Sequence[Token]) -> None:
        """Check the whole list of a SET statement, from its first name."""
        if not found or self._list(found, 0) != len(found):
            raise refused("this SET", "write SET name = value")

    def _settings(self, found: Sequence[Token], at: int) -> None:
        inside = found[at].is_op("(")
        at += inside
        if at >= len(found) or found[at].kind not in ("word", "quoted"):
            return
        goes_on = at + 1 < len(found) and (found[at + 1].is_op("=") or found[at + 1].is_op(","))
        if named(found[at]).upper() in CLAUSES and not goes_on:
            return
        self._list(found, at)

    def _list(self, found: Sequence[Token], at: int) -> int:
        while True:
            at = self._setting(found, at)
            if at >= len(found) or not found[at].is_op(","):
                return at
            at += 1

    def _setting(self, found: Sequence[Token], at: int) -> int:
        name = named(found[at]) if at < len(found) else ""
        at += 1
        value = "1"
        if at < len(found) and found[at].is_op("."):
            raise refused(f"the setting {name}...", "leave it out", 452)
        if at < len(found) and found[at].is_op("="):
            at += 1
            sign = at < len(found) and found[at].is_op("-")
            at += sign
            literal = found[at] if at < len(found) else None
            if literal is None or not (
                literal.kind in ("number", "string") or literal.text.lower() in _SQL_WORDS
            ):
                raise refused(
                    f"the value of the setting {name}", "give a number or a text in quotes", 452
                )
            value = "-" * sign + (decoded(literal) if literal.kind == "string" else literal.text)
            value = value[:-1] if re.fullmatch(r"\d+\.", value) else value
            at += 1
        if not (self.definition and allowed.is_table_setting(name)):
            self.catalog.check_setting(name)
            self.limits.check(name, value)
        self.given[name] = value
        return at

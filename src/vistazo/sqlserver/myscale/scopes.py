"""The SELECTs of a statement, which tables each reads, and where its clauses are.

This is no parser: it knows brackets, the words that begin clauses, and what stands in FROM. What it
cannot read it leaves out, and whoever asks must then do what is right without knowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.ddl import plain
from vistazo.store.sqltext import Token

_MAX_NESTING = 100
_TOO_DEEP = 306

_CLAUSES = frozenset(
    {"WITH", "SELECT", "FROM", "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT"}
    | {"SETTINGS", "WINDOW", "QUALIFY", "FORMAT", "INTO", "OFFSET", "FETCH"}
)
_BEGINS = ("SELECT", "WITH", "FROM")
_SETS = ("UNION", "EXCEPT", "INTERSECT")
# Words that follow a table where it has no alias.
NO_ALIAS = (
    *sorted(_CLAUSES),
    *("ON", "USING", "JOIN", "LEFT", "RIGHT", "INNER", "FULL", "CROSS", "ANY", "ALL", "SEMI"),
    *("ANTI", "ASOF", "GLOBAL", "LOCAL", "ARRAY", "SAMPLE", "PASTE", "OUTER", "NATURAL", *_SETS),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a SELECT reads from.

    Attributes:
        alias: the name given to it there; empty without one.
        path: a table's name, with its database where written; empty for a subquery.
        query: the subquery's SELECTs.
    """

    alias: str
    path: tuple[str, ...] = ()
    query: tuple[Scope, ...] = ()


@dataclass(slots=True)
class Scope:
    """One SELECT; those that UNION joins are each one.

    Attributes:
        start, end: its tokens; brackets around it are not among them.
        clauses: where each clause's first word is, at its first time.
        limits: where each LIMIT is: `LIMIT 3 BY a LIMIT 10` has two.
        names: the subqueries that its WITH names.
    """

    start: int
    end: int
    parent: Scope | None
    clauses: dict[str, int] = field(default_factory=dict)
    limits: list[int] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    names: dict[str, tuple[Scope, ...]] = field(default_factory=dict)

    def clause(self, word: str) -> tuple[int, int] | None:
        """The tokens of a clause, without its first word."""
        if word not in self.clauses:
            return None
        begin = self.clauses[word]
        later = (at for at in (*self.clauses.values(), *self.limits) if at > begin)
        return begin + 1, min(later, default=self.end)

    def named(self, name: str) -> tuple[Scope, ...]:
        """The subquery of this name in the WITH of this SELECT, or of one around it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return ()


class Scopes:
    """The SELECTs of a statement's tokens.

    Attributes:
        owner: for each token the innermost SELECT around it.
        depth: for each token how many brackets within its SELECT are around it.
        close: for each opening bracket where it is closed, the end where it is not.
    """

    def __init__(self, found: Sequence[Token]) -> None:
        self.found = found
        self.owner: list[Scope | None] = [None] * len(found)
        self.depth = [0] * len(found)
        self.close = _brackets(found)
        # The first token from here on that is no opening bracket.
        self._inside = list(range(len(found) + 1))
        for n in range(len(found) - 1, -1, -1):
            if found[n].is_op("("):
                self._inside[n] = self._inside[n + 1]
        self.all: list[Scope] = []
        self.top = self._query(0, len(found), None, 0)

    def split(self, start: int, end: int) -> list[tuple[int, int]]:
        """The ranges between the commas outside brackets."""
        ranges: list[tuple[int, int]] = []
        begin = n = start
        while n < end:
            if self.found[n].is_op(","):
                ranges.append((begin, n))
                begin = n + 1
            n = min(self.close.get(n, n) + 1, end)
        return [*ranges, (begin, end)]

    def path(self, n: int, end: int) -> tuple[tuple[str, ...], int]:
        """The name `a`, `a.b` or `a.b.c` at a place, and the place after it."""
        names: list[str] = []
        while n < end and self.found[n].kind in ("word", "quoted"):
            names.append(plain(self.found[n]))
            n += 1
            if n + 1 >= end or not self.found[n].is_op("."):
                break
            n += 1
        return tuple(names), n

    def _query(self, start: int, end: int, parent: Scope | None, nested: int) -> tuple[Scope, ...]:
        if nested > _MAX_NESTING:
            raise InvalidSQL("the SQL's subqueries are too deep", engine_code=_TOO_DEEP)
        made: list[Scope] = []
        begin = n = start
        while n < end:
            after = self._after_set(n, end)
            if after:
                made.append(self._scope(begin, n, parent, nested))
                begin = n = after
            else:
                n = self.close.get(n, n) + 1
        made.append(self._scope(begin, end, parent, nested))
        # A union's WITH stands before its first SELECT and holds for all.
        for other in made[1:]:
            for name, query in made[0].names.items():
                other.names.setdefault(name, query)
        return tuple(made)

    def _after_set(self, n: int, end: int) -> int:
        """Where the next SELECT of a union begins, 0 when no UNION is at the place."""
        if not self.found[n].is_word(*_SETS):
            return 0
        n += 1
        while n < end and self.found[n].is_word("ALL", "DISTINCT"):
            n += 1
        return n if n < end and self._begins_query(n, end) else 0

    def _begins_query(self, n: int, end: int) -> bool:
        first = self._inside[n]
        return first < end and self.found[first].is_word(*_BEGINS)

    def _scope(self, start: int, end: int, parent: Scope | None, nested: int) -> Scope:
        scope = Scope(start, end, parent)
        self.all.append(scope)
        inner: dict[int, tuple[Scope, ...]] = {}
        depth = 0
        n = start
        while n < end:
            token = self.found[n]
            self.owner[n], self.depth[n] = scope, depth
            if n in self.close:
                if token.is_op("(") and self._begins_query(n + 1, end):
                    close = min(self.close[n], end)
                    inner[n] = self._query(n + 1, close, scope, nested + 1)
                    n = close
                    if n < end:
                        self.owner[n], self.depth[n] = scope, depth
                else:
                    depth += 1
            elif token.kind == "op" and token.text in ")]}":
                depth -= 1
                self.depth[n] = depth
            elif depth == 0 and token.kind == "word" and self._is_clause(n, start):
                scope.clauses.setdefault(token.text.upper(), n)
                if token.is_word("LIMIT"):
                    scope.limits.append(n)
            n += 1
        self._names(scope, inner)
        self._sources(scope, inner)
        return scope

    def _is_clause(self, n: int, start: int) -> bool:
        token = self.found[n]
        if token.text.upper() not in _CLAUSES:
            return False
        if n == start:
            return True
        before = self.found[n - 1]
        if before.is_word("AS"):  # CREATE VIEW v AS SELECT; but `a AS format`
            return token.is_word("SELECT", "WITH")
        return not before.is_op(".")

    def _names(self, scope: Scope, inner: dict[int, tuple[Scope, ...]]) -> None:
        first, last = scope.clause("WITH") or (0, 0)
        for n, query in inner.items():
            if first + 2 <= n < last and self.found[n - 1].is_word("AS"):
                scope.names[plain(self.found[n - 2])] = query

    def _sources(self, scope: Scope, inner: dict[int, tuple[Scope, ...]]) -> None:
        n, end = scope.clause("FROM") or (0, 0)
        expected = True
        while n < end:
            token = self.found[n]
            if token.is_op(",") or token.is_word("JOIN"):
                expected = not self.found[n - 1].is_word("ARRAY")
            elif expected and n in self.close and n not in inner and token.is_op("("):
                pass  # (a JOIN b): look inside
            elif expected and (n in inner or token.kind in ("word", "quoted")):
                path: tuple[str, ...] = ()
                query = inner.get(n, ())
                if query:
                    n = min(self.close[n] + 1, end)
                else:
                    path, n = self.path(n, end)
                    if n < end and self.found[n].is_op("("):  # a table function
                        path, n = (), min(self.close[n] + 1, end)
                alias, n = self._alias(n, end)
                if path or query:
                    scope.sources.append(Source(alias, path, query))
                expected = False
                continue
            elif n in self.close and not expected:
                n = self.close[n]
            n += 1

    def _alias(self, n: int, end: int) -> tuple[str, int]:
        while n < end and self.found[n].is_word("FINAL"):
            n += 1
        if n < end and self.found[n].is_word("AS"):
            n += 1
        elif n < end and self.found[n].is_word(*NO_ALIAS):
            return "", n
        if n < end and self.found[n].kind in ("word", "quoted"):
            alias = plain(self.found[n])
            n += 1
            while n < end and self.found[n].is_word("FINAL"):
                n += 1
            return alias, n
        return "", n


def _brackets(found: Sequence[Token]) -> dict[int, int]:
    close: dict[int, int] = {}
    opened: list[int] = []
    for n, token in enumerate(found):
        if token.kind != "op":
            continue
        if token.text in ("(", "[", "{"):
            opened.append(n)
        elif token.text in (")", "]", "}") and opened:
            close[opened.pop()] = n
    for n in opened:
        close[n] = len(found)
    return close

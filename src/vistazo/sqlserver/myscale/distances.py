"""`distance` and `batch_distance` in the engine's words, each by the metric of its column's index.

Squared L2 is what MyScale shows and plain L2 what the engine's index ranks by: they order alike, so
where a search is ordered by nothing but its distance, the engine is told to order by the plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.columns import Catalog, Columns
from vistazo.sqlserver.myscale.ddl import plain
from vistazo.sqlserver.myscale.indices import TableName
from vistazo.sqlserver.myscale.scopes import Scope, Scopes
from vistazo.sqlserver.myscale.types import search_breadth
from vistazo.store.sqltext import Token, decoded

_EXACT = {"Cosine": "cosineDistance", "L2": "L2SquaredDistance", "IP": "dotProduct"}
_BEFORE_NAMES = ("INTO", "TABLE", "VIEW", "FUNCTION", "EXISTS", "INDEX", "DICTIONARY", "AS")
_ELSEWHERE = ("TEXTSEARCH", "HYBRIDSEARCH", "FULL_TEXT_SEARCH")
# A row of the index that one of these takes away is missing in the answer.
_TAKE_AWAY = ("WHERE", "PREWHERE", "QUALIFY")
_SYNTAX, _NOT_IMPLEMENTED, _TOO_MANY = 62, 48, 168
_MAX_CALLS = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One call of distance or batch_distance, by the indexes of its tokens."""

    name: int
    open: int
    close: int
    scope: Scope
    metric: str
    batch: bool
    breadth: int | None
    tables: tuple[TableName, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """A SELECT that the engine may answer from an index.

    Attributes:
        tables: whose rows it reads.
        filtered: whether rows that the index proposes may be taken away.
        limit: the token that says how many; None where it is not sure that the distance alone
            orders the rows.
    """

    scope: Scope
    tables: tuple[TableName, ...]
    filtered: bool
    limit: int | None


class Distances:
    """The calls of one statement, and the edits of its text that put them into other words."""

    def __init__(self, sql: str, found: Sequence[Token], catalog: Catalog) -> None:
        self._sql = sql
        self._found = found
        self._scopes = Scopes(found)
        self._target: tuple[str, ...] = ()
        first = found[0] if found else None
        self.defines = first is not None and first.is_word("CREATE", "REPLACE", "ALTER", "ATTACH")
        if first is not None and first.is_word("ALTER", "UPDATE"):
            start = 2 if first.is_word("ALTER") else 1
            self._target, _ = self._scopes.path(start, len(found))
        self._columns = Columns(self._scopes, catalog, self._target)
        self.calls: list[Call] = []
        for n in range(len(found)):
            if call := self._call(n):
                self.calls.append(call)
            if len(self.calls) > _MAX_CALLS:
                raise InvalidSQL(
                    f"a statement has more than {_MAX_CALLS} calls of distance()",
                    engine_code=_TOO_MANY,
                )
        self.searches = [search for call in self.calls if (search := self._search(call))]

    @property
    def breadth(self) -> int | None:
        """How many candidates an index search shall keep; None leaves it to the engine."""
        return max((call.breadth for call in self.calls if call.breadth), default=None)

    def edits(self) -> list[tuple[int, int, str]]:
        """Places in the text (start, end) and what shall stand there instead."""
        edits: list[tuple[int, int, str]] = []
        for call in self.calls:
            edits += self._batch(call) if call.batch else self._single(call)
        for call in self.calls:
            if call.metric == "L2" and not call.batch and not self.defines:
                edits += self._order_by_plain(call, edits)
        for scope in {id(search.scope): search.scope for search in self.searches}.values():
            edits += self._without_prewhere(scope)
        return sorted(edits)

    # Finding

    def _call(self, n: int) -> Call | None:
        token, scope = self._found[n], self._scopes.owner[n]
        if token.kind != "word" or n + 1 >= len(self._found) or scope is None:
            return None
        word = token.text.upper()
        if word not in ("DISTANCE", "BATCH_DISTANCE", *_ELSEWHERE):
            return None
        opened = n + 1
        if not self._found[opened].is_op("(") or not self._reads(n, scope):
            return None
        if word in _ELSEWHERE:
            raise InvalidSQL(
                f"{token.text}() cannot be expressed here: there is no text index; search by"
                " distance(), and filter by LIKE or hasToken()",
                engine_code=_NOT_IMPLEMENTED,
            )
        close = self._scopes.close[opened]
        arguments: list[str] = []
        if close + 1 < len(self._found) and self._found[close + 1].is_op("("):
            for first, last in self._scopes.split(opened + 1, close):
                if last - first != 1 or self._found[first].kind != "string":
                    raise InvalidSQL(
                        f"{word.lower()} takes search parameters in quotes, as in"
                        " distance('alpha=3')(column, vector)",
                        engine_code=_SYNTAX,
                    )
                arguments.append(decoded(self._found[first]))
            opened = close + 1
            close = self._scopes.close[opened]
        if close >= len(self._found) or self._is_named_query(close + 1):
            return None
        parts = self._scopes.split(opened + 1, close)
        if len(parts) != 2:
            return None
        metric, tables = self._metric(scope, parts)
        breadth = search_breadth([a for a in arguments if not a.lower().startswith("topk")])
        return Call(n, opened, close, scope, metric, word[0] == "B", breadth, tables)

    def _reads(self, n: int, scope: Scope) -> bool:
        """Whether a word with a bracket is a call, and no name that is being declared."""
        before = self._found[n - 1] if n else None
        if before is not None and (before.is_op(".") or before.is_word(*_BEFORE_NAMES)):
            return False
        select = scope.clauses.get("SELECT", len(self._found))
        return n > select or "FROM" in scope.clauses or bool(self._target) or (
            "WITH" in scope.clauses and n > scope.clauses["WITH"]
        )  # fmt: skip

    def _is_named_query(self, n: int) -> bool:
        """Whether AS and a subquery follow: WITH distance (a, b) AS (SELECT ..)."""
        follows = self._found[n : n + 2]
        return len(follows) == 2 and follows[0].is_word("AS") and follows[1].is_op("(")

    def _metric(
        self, scope: Scope, parts: list[tuple[int, int]]
    ) -> tuple[str, tuple[TableName, ...]]:
        for part in parts:
            if found := self._columns.metric(scope, part):
                return found[0], tuple(found[1])
        return "Cosine", ()

    # What the engine may answer from an index

    def _search(self, call: Call) -> Search | None:
        """The search that a call may order, None where the engine surely reads every row.

        Raises:
            InvalidSQL: it is ordered farthest first, as MyScale refuses too.
        """
        scope = call.scope
        keys = self._keys(scope)
        if not keys or not scope.limits or call.batch:
            return None
        first, last = keys[0]
        is_key = self._is_key(call, first, last)
        falling = any(self._found[n].is_word("DESC", "DESCENDING") for n in range(first, last))
        if is_key and falling != (call.metric == "IP"):
            right = "DESC" if call.metric == "IP" else "ASC"
            raise InvalidSQL(
                f"ORDER BY distance() with the metric {call.metric} needs {right}: the nearest"
                " come first",
                engine_code=_SYNTAX,
            )
        if not call.tables:
            return None
        taken = any(word in scope.clauses for word in _TAKE_AWAY) or any(
            self._found[n].is_word("FINAL", "SAMPLE", "ARRAY", "ARRAYJOIN", "DISTINCT")
            for n in range(scope.start, scope.end)
            if self._scopes.owner[n] is scope
        )
        limit: int | None = scope.limits[0] + 1
        if not is_key or len(keys) > 1 or limit == scope.end or self._has_by(scope):
            limit = None
        elif limit is not None and limit + 2 < scope.end and self._found[limit + 1].is_op(","):
            limit += 2  # LIMIT offset, rows
        return Search(scope, call.tables, taken, limit)

    def _keys(self, scope: Scope) -> list[tuple[int, int]]:
        order = scope.clause("ORDER")
        if order is None or not self._found[order[0]].is_word("BY"):
            return []
        return self._scopes.split(order[0] + 1, order[1])

    def _is_key(self, call: Call, first: int, last: int) -> bool:
        if first <= call.name and call.close < last:
            return call.name == first and (call.close + 1 == last or self._is_direction(call.close + 1))  # fmt: skip
        if first >= last or self._found[first].kind not in ("word", "quoted"):
            return False
        alone = first + 1 == last or self._is_direction(first + 1)
        return alone and self._alias(call) == plain(self._found[first])

    def _is_direction(self, n: int) -> bool:
        return self._found[n].is_word("ASC", "DESC", "ASCENDING", "DESCENDING", "NULLS")

    def _alias(self, call: Call) -> str:
        """The name that the call's value has; empty without one, or within an expression."""
        if self._scopes.depth[call.name] > 0:
            return ""
        before, after = self._found[call.name - 1], call.close + 1
        if not (before.is_op(",") or before.is_word("SELECT", "DISTINCT", "WITH")):
            return ""
        if after < len(self._found) and self._found[after].is_word("AS"):
            after += 1
        elif after < len(self._found) and self._found[after].is_word("FROM"):
            return ""
        if after < len(self._found) and self._found[after].kind in ("word", "quoted"):
            return plain(self._found[after])
        return ""

    def _has_by(self, scope: Scope) -> bool:
        """Whether the SELECT has LIMIT .. BY, or groups."""
        if "GROUP" in scope.clauses:
            return True
        first = scope.limits[0]
        end = min((at for at in scope.clauses.values() if at > first), default=scope.end)
        return any(self._found[n].is_word("BY", "TIES") for n in range(first, end))

    # Other words

    def _single(self, call: Call) -> list[tuple[int, int, str]]:
        start, opened = self._found[call.name].start, self._found[call.open]
        function = _EXACT[call.metric]
        if self.defines:
            # Whoever reads a view has not the settings that make an index's answers right.
            closed = self._found[call.close].end
            edits = [(start, opened.end, f"identity({function}("), (closed, closed, ")")]
        else:
            edits = [(start, opened.end, f"{function}(")]
        for first, last in self._scopes.split(call.open + 1, call.close):
            if self._is_literal(first, last):
                end = self._found[last - 1].end
                edits.append((end, end, "::Array(Float32)"))
        return edits

    def _batch(self, call: Call) -> list[tuple[int, int, str]]:
        """Each row with each query: ((number, distance), ..), one row for each."""
        (c0, c1), (q0, q1) = self._scopes.split(call.open + 1, call.close)
        column = self._sql[self._found[c0].start : self._found[c1 - 1].end]
        n = call.name
        function = _EXACT[call.metric]
        before = (
            f"arrayJoin(arrayMap((_n{n}, _q{n}) -> (toUInt32(_n{n} - 1),"
            f" toFloat32({function}({column}, _q{n}))), arrayEnumerate(CAST("
        )
        after = f", 'Array(Array(Float32))') AS _queries{n}), _queries{n}))"
        return [
            (self._found[call.name].start, self._found[q0].start, before),
            (self._found[q1 - 1].end, self._found[call.close].end, after),
        ]

    def _is_literal(self, first: int, last: int) -> bool:
        """Whether an argument is numbers in brackets, or stands for some taken out."""
        if last - first == 1:
            return self._found[first].text.startswith("_numbers_")
        if not self._found[first].is_op("[") or self._scopes.close[first] != last - 1:
            return False
        return all(
            t.kind == "number" or t.text in ("-", ",", "+")
            for t in self._found[first + 1 : last - 1]
        )

    def _without_prewhere(self, scope: Scope) -> list[tuple[int, int, str]]:
        """PREWHERE as WHERE.

        With PREWHERE the engine answers with the nearest of those rows that lie in one granule with
        a candidate of its index, which are as many as asked for, and not the nearest.
        """
        if "PREWHERE" not in scope.clauses:
            return []
        word = self._found[scope.clauses["PREWHERE"]]
        if "WHERE" not in scope.clauses:
            return [(word.start, word.end, "WHERE")]
        second = self._found[scope.clauses["WHERE"]]
        end = self._found[(scope.clause("WHERE") or (0, 0))[1] - 1].end
        return [
            (word.start, word.end, "WHERE ("),
            (second.start, second.end, ") AND ("),
            (end, end, ")"),
        ]

    def _order_by_plain(
        self, call: Call, edits: list[tuple[int, int, str]]
    ) -> list[tuple[int, int, str]]:
        keys = self._keys(call.scope)
        sure = any(s.scope is call.scope and s.limit is not None for s in self.searches)
        if not sure or not self._is_key(call, *keys[0]):
            return []
        first, last = keys[0]
        start, end = self._found[call.open].end, self._found[call.close].start
        inner = [edit for edit in edits if start <= edit[0] and edit[1] <= end]
        arguments = applied(self._sql[start:end], [(a - start, b - start, t) for a, b, t in inner])
        if first <= call.name < last:
            name = self._found[call.name].start
            edits[:] = [edit for edit in edits if edit[0] != name]
            return [(name, start, "L2Distance(")]
        key = self._found[first]
        return [(key.start, key.end, f"L2Distance({arguments})")]


def applied(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """A text with edits that do not overlap."""
    pieces: list[str] = []
    done = 0
    for start, end, instead in sorted(edits):
        pieces += [text[done:start], instead]
        done = end
    return "".join([*pieces, text[done:]])

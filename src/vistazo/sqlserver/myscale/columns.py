"""Which table's vector a column of a SELECT is, through aliases, joins, subqueries and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.ddl import plain
from vistazo.sqlserver.myscale.indices import TableName, VectorIndex
from vistazo.sqlserver.myscale.scopes import Scope, Scopes, Source

_AMBIGUOUS = 207
_MAX_NESTING = 20


@dataclass(frozen=True, slots=True)
class Catalog:
    """What there is outside the statement.

    Attributes:
        indices: the vector indexes of a table.
        view: the SELECT behind a view, None where the table is no view or it does not matter.
        database: where tables named without one are.
    """

    indices: Callable[[TableName], Sequence[VectorIndex]]
    view: Callable[[TableName], Scopes | None]
    database: str


class Columns:
    """Finds the vector indexes behind the columns of one statement.

    Args:
        target: the table of an ALTER or UPDATE, which has no FROM.
    """

    def __init__(self, scopes: Scopes, catalog: Catalog, target: tuple[str, ...] = ()) -> None:
        self._scopes = scopes
        self._catalog = catalog
        self._target = target

    def metric(self, scope: Scope, argument: tuple[int, int]) -> tuple[str, list[TableName]] | None:
        """The metric of a column, and its tables with an index in the engine; None: no index.

        Args:
            argument: the tokens; more than a column's name is never one.
        Raises:
            InvalidSQL: tables of different metrics may be meant.
        """
        path, after = self._scopes.path(*argument)
        if not path or after != argument[1]:
            return None
        found = self._seen(scope, path, 0)
        metrics = sorted({index.metric for index in found})
        if len(metrics) > 1:
            raise InvalidSQL(
                f"distance({'.'.join(path)}, ..) is ambiguous: tables of this SELECT have vector"
                f" indexes of the metrics {' and '.join(metrics)} on it; name the table, as in"
                " distance(table.column, ..)",
                engine_code=_AMBIGUOUS,
            )
        if not metrics:
            return None
        tables = {(index.database, index.table) for index in found if not index.exact}
        return metrics[0], sorted(tables)

    def _seen(self, scope: Scope, path: tuple[str, ...], nested: int) -> list[VectorIndex]:
        """Vector indexes on a column, seen from a SELECT: its own tables' first, then those around."""
        if nested > _MAX_NESTING:
            return []
        *qualifier, column = path
        sources = scope.sources
        if self._target and not sources:
            sources = [Source("", self._target)]
        found: list[VectorIndex] = []
        for source in sources:
            if not qualifier or _is_named(source, qualifier):
                found += self._of_source(scope, source, column, nested)
        if not found and scope.parent is not None:
            return self._seen(scope.parent, path, nested + 1)
        return found

    def _of_source(
        self, scope: Scope, source: Source, column: str, nested: int
    ) -> list[VectorIndex]:
        queries = source.query
        if not queries and len(source.path) == 1:
            queries = scope.named(source.path[0])
        if queries:
            return [index for query in queries for index in self._yielded(query, column, nested)]
        path = source.path
        table = (path[-2] if len(path) > 1 else self._catalog.database, path[-1])
        if found := [index for index in self._catalog.indices(table) if index.column == column]:
            return found
        view = self._catalog.view(table)
        if view is None:
            return []
        inside = Columns(view, self._catalog)
        return [index for query in view.top for index in inside._yielded(query, column, nested)]

    def _yielded(self, query: Scope, column: str, nested: int) -> list[VectorIndex]:
        """As `_seen`, for a column that a subquery yields."""
        path: tuple[str, ...] = (column,)
        found = self._scopes.found
        for begin, end in self._scopes.split(*(query.clause("SELECT") or (0, 0))):
            whole, after = self._scopes.path(begin, end)
            if not whole:
                continue
            if after + 1 < end and found[after].is_word("AS"):
                name = plain(found[after + 1])
            else:
                name = whole[-1] if after == end else ""
            if name == column:
                path = whole
        return self._seen(query, path, nested + 1)


def _is_named(source: Source, qualifier: Sequence[str]) -> bool:
    if source.alias:
        return list(qualifier) == [source.alias]
    return bool(source.path) and list(source.path[-len(qualifier) :]) == list(qualifier)

"""Through what a query finds, page by page, and what the whole of it has in common."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vistazo.errors import InvalidQuery
from vistazo.records import FacetValue, Float32Array, Hit, Page, Query
from vistazo.search.engine import Target, hit_of
from vistazo.search.facets import facets
from vistazo.search.limits import check_k
from vistazo.search.view import view_sql
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
    from vistazo.search.engine import Engine
    from vistazo.search.resident import ResidentPath
    from vistazo.store.connect import Connection
    from vistazo.store.store import State, Store

MAX_OFFSET = 20_000
_TOTALS = 256  # filters whose counts are kept
_WEIGHED = "words or downloads are weighed: the score of every photo is read"
_NEWEST = "nothing was looked for: the photos that came last"


class Paging:
    """Pages of hits; safe to use from several threads.

    Photos are in the order that the query wants (`search.fusion`), then of photo id, whatever the
    page's size, so that pages neither repeat nor leave out any while the library stays the same.
    """

    def __init__(
        self, connection: Connection, store: Store, engine: Engine, path: ResidentPath
    ) -> None:
        self._connection = connection
        self._store = store
        self._engine = engine
        self._path = path
        self._totals: dict[str, tuple[State, int]] = {}

    def find(self, query: Query, offset: int = 0) -> Page:
        """The `query.k` hits after the first `offset`.

        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: there is nothing to find.
            PhotoNotFound: the query's `photo_id` is not in the library.
        """
        _check_offset(offset)
        started = time.perf_counter()
        target = self._engine.target(query)
        state = target.state or self._store.state()
        embedded = time.perf_counter()
        ranking = self._engine.ranked(target, offset)
        searched = time.perf_counter()
        hits = tuple(self._engine.hits(ranking.found))
        total = ranking.total
        if total is None:
            total = self._total(query.where, target, state)
        ended = time.perf_counter()
        path, reason = self._path.explain(target.k + offset, target.filters, state)
        if ranking.whole and path != "resident":
            path, reason = "database", _WEIGHED
        stages = _stages(started, embedded, searched, ended)
        return Page(hits, total, state.version, path, reason, stages, ranking.weak)

    def newest(self, k: int, where: str = "", offset: int = 0) -> Page:
        """The k photos that came last into the library, after `offset` of them."""
        check_k(k)
        _check_offset(offset)
        started = time.perf_counter()
        filters = compile_filter(where)
        ids = self._store.newest_ids(k, offset, filters)
        searched = time.perf_counter()
        hits = self._hits([(each, float("nan")) for each in ids])
        state = self._store.state()
        total = self._count(where, filters, state)
        stages = _stages(started, started, searched, time.perf_counter())
        return Page(hits, total, state.version, "newest", _NEWEST, stages)

    def facets(
        self, names: Sequence[str], query: Query | None, where: str = ""
    ) -> Mapping[str, list[FacetValue]]:
        """What the first `query.k` hits have in common; without a query, all photos of `where`."""
        if query is None:
            return facets(self._connection, names, None, compile_filter(where))
        found = self._engine.ranked(self._engine.target(query)).found
        return facets(self._connection, names, [each.photo_id for each in found], Filter())

    def version(self) -> int:
        """A number that rises with every change of the photos."""
        return self._store.version()

    def counts(self) -> tuple[int, int, int]:
        """How many photos, conversions and failures there are."""
        counted = ("photos", "conversions", "failures")
        sql = ", ".join(f"(SELECT count() FROM {table}) AS {table}" for table in counted)
        (row,) = self._connection.rows(f"SELECT {sql}")
        return row["photos"], row["conversions"], row["failures"]

    def text_cache(self) -> tuple[int, int]:
        """For how many texts the vector was kept, and how many were searched for."""
        return self._engine.texts_known, self._engine.texts_asked

    def vector(self, image: Any) -> Float32Array:
        """The vector of an image, for `Query.vector`: (dim,) float32."""
        return self._engine.target(Query(image=image, k=1)).vector

    def view_sql(self, query: Query | None, where: str = "", k: int = 20) -> str:
        """A statement that people can read and change, with the rows of a page."""
        vector = query.vector if query else None
        return view_sql(query, vector, compile_filter(query.where if query else where), k)

    def _hits(self, found: Sequence[tuple[str, float]]) -> tuple[Hit, ...]:
        photos = self._store.get([photo_id for photo_id, _ in found])
        return tuple(
            hit_of(photos[photo_id], score) for photo_id, score in found if photo_id in photos
        )

    def _total(self, where: str, target: Target, state: State) -> int:
        """Photos that match, without the query's own."""
        if not target.exclude:
            return self._count(where, target.filters, state)
        if not target.filters.sql:
            return state.photos - 1
        return self._store.count(target.filters.excluding(target.exclude))

    def _count(self, where: str, filters: Filter, state: State) -> int:
        if not filters.sql:
            return state.photos
        known = self._totals.get(where)
        if known is not None and known[0] == state:
            return known[1]
        total = self._store.count(filters)
        if len(self._totals) >= _TOTALS:
            self._totals.clear()
        self._totals[where] = (state, total)
        return total


def _check_offset(offset: int) -> None:
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidQuery(f"no more than {MAX_OFFSET:,} hits can be paged through")


def _stages(started: float, embedded: float, searched: float, ended: float) -> Mapping[str, float]:
    spans = {"embed": embedded - started, "search": searched - embedded}
    spans["metadata"] = ended - searched
    return {stage: round(1000 * span, 3) for stage, span in spans.items()}

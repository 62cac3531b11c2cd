"""Through what a query finds, page by page, and what the whole of it has in common."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vistazo.errors import InvalidQuery
from vistazo.records import FacetValue, Float32Array, Page, Query
from vistazo.search.facets import facets
from vistazo.search.fusion import Blend
from vistazo.search.hits import Ranked
from vistazo.search.limits import check_k
from vistazo.search.query import Parsed, parse
from vistazo.search.target import Target, is_filter_only
from vistazo.search.view import view_sql
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
    from vistazo.search.engine import Engine
    from vistazo.search.memory.resident import ResidentPath
    from vistazo.store.connect import Connection
    from vistazo.store.state import State
    from vistazo.store.store import Store

MAX_OFFSET = 20_000
_TOTALS = 256  # filters whose counts are kept
_WEIGHED = {
    "some": "words or downloads are weighed: the nearest and photos that these lift are scored",
    "all": "words or downloads are weighed: the score of every photo is read",
}
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
        if is_filter_only(query):
            return self.newest(query.k, parse(query.text or "").where(query.where), offset)
        _check_offset(offset)
        return self._engine.steady(lambda: self._find(query, offset))

    def _find(self, query: Query, offset: int) -> Page:
        started = time.perf_counter()
        target = self._engine.target(query)
        state = target.state or self._store.state()
        embedded = time.perf_counter()
        ranking = self._engine.ranked(target, offset)
        searched = time.perf_counter()
        hits = tuple(self._path.hits(ranking.found, state))
        total = ranking.total
        if total is None:
            total = self._total(target, state)
        ended = time.perf_counter()
        path, reason = self._path.explain(target.k + offset, target.filters, state)
        if ranking.read != "nearest":
            kept = path == "resident" or (path == "index" and ranking.read == "some")
            path, reason = path if kept else "database", _WEIGHED[ranking.read]
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
        state = self._store.state()
        hits = tuple(self._path.hits([Ranked(each) for each in ids], state))
        total = self._count(filters, state)
        stages = _stages(started, started, searched, time.perf_counter())
        return Page(hits, total, state.version, "newest", _NEWEST, stages)

    def facets(
        self, names: Sequence[str], query: Query | None, where: str = ""
    ) -> Mapping[str, list[FacetValue]]:
        """What the first `query.k` hits have in common; without a query, all photos of `where`."""
        if query is not None and is_filter_only(query):
            where = parse(query.text or "").where(query.where)
            query = None
        if query is None:
            return facets(self._connection, names, None, compile_filter(where))
        asked = query

        def first() -> tuple[Ranked, ...]:
            target = replace(self._engine.target(asked), fold=False, diverse=0.0)
            return self._engine.ranked(target).found

        found = self._engine.steady(first)
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
        return self._engine.texts()

    def vector(self, image: Any) -> Float32Array:
        """The vector of an image, for `Query.vector`: (dim,) float32."""
        return self._engine.target(Query(image=image, k=1)).vector

    def view_sql(self, query: Query | None, where: str = "", k: int = 20) -> str:
        """A statement that people can read and change, with the rows of a page."""
        where = query.where if query else where
        parsed = parse(query.text) if query and query.text else None
        filters = compile_filter(parsed.where(where) if parsed else where)
        ordered = query is not None and _is_ordered(query, parsed)
        if query and (query.like or query.dislike):
            # No words say what was learned.
            target = self._engine.target(query)
            filters = filters.excluding(*target.exclude) if target.exclude else filters
            query, parsed = Query(vector=target.vector), None
        return view_sql(query, parsed, filters, k, ordered=ordered)

    def _total(self, target: Target, state: State) -> int:
        """Photos that match, without those that are searched with."""
        if not target.exclude:
            return self._count(target.filters, state)
        if not target.filters.sql:
            return state.photos - len(target.exclude)
        return self._store.count(target.filters.excluding(*target.exclude))

    def _count(self, filters: Filter, state: State) -> int:
        if not filters.sql:
            return state.photos
        key = f"{filters.sql} {filters.params}"
        known = self._totals.get(key)
        if known is not None and known[0] == state:
            return known[1]
        total = self._store.count(filters)
        if len(self._totals) >= _TOTALS:
            self._totals.clear()
        self._totals[key] = (state, total)
        return total


def _is_ordered(query: Query, parsed: Parsed | None) -> bool:
    """Whether more than the pictures' scores makes the order of a query's hits."""
    blend = Blend.of(query)
    words = parsed is not None and any(term.kind == "text" for term in parsed.terms)
    folded = query.fold or query.diverse > 0
    return folded or blend.popular > 0 or (words and blend.reads_words)


def _check_offset(offset: int) -> None:
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidQuery(f"no more than {MAX_OFFSET:,} hits can be paged through")


def _stages(started: float, embedded: float, searched: float, ended: float) -> Mapping[str, float]:
    spans = {"embed": embedded - started, "search": searched - embedded}
    spans["metadata"] = ended - searched
    return {stage: round(1000 * span, 3) for stage, span in spans.items()}

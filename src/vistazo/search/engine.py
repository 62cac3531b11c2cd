"""From a query to hits: have it checked, have photos put in order, fill in rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from vistazo.errors import VistazoError
from vistazo.search.diversity import Looks, arranged
from vistazo.search.fusion import Ranker, Ranking
from vistazo.search.hits import Ranked
from vistazo.search.limits import check_k
from vistazo.search.query import parse
from vistazo.search.target import Aim, Target, is_filter_only
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.records import Hit, Query
    from vistazo.search.paths import DatabasePath, SearchPath
    from vistazo.store.state import State
    from vistazo.store.store import Statement, Store

T = TypeVar("T")


class Engine:
    """Answers queries over one library.

    Args:
        path: finds photos by their pictures.
        encoder, read_image, read_named: as for `Aim`.
        folder: as for `Ranker`.
    """

    def __init__(
        self,
        store: Store,
        path: SearchPath,
        encoder: Callable[[], Encoder],
        read_image: Callable[[Any], Image],
        read_named: Callable[[str], Image],
        folder: Path | None = None,
    ) -> None:
        self._store = store
        self._path = path
        self._aim = Aim(store, path, encoder, read_image, read_named)
        self._ranker = Ranker(store.connection, path, folder)

    def steady(self, ask: Callable[[], T]) -> T:
        """What `ask` finds, asked again when the library's encoder has changed meanwhile.

        Else the vector of a query could be compared with those of another encoder.
        """
        while True:
            epoch = self._store.epoch()
            try:
                found = ask()
            except VistazoError:
                if self._store.epoch() == epoch:
                    raise
                continue
            if self._store.epoch() == epoch:
                return found

    def search(self, query: Query) -> list[Hit]:
        """The k photos that fit the query best, best first; never the query's own photo.

        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: there is nothing to find.
            PhotoNotFound: the query's `photo_id` is not in the library.
        """
        return self.steady(lambda: self._search(query))

    def _search(self, query: Query) -> list[Hit]:
        if is_filter_only(query):
            check_k(query.k)
            filters = compile_filter(parse(query.text or "").where(query.where))
            state = self.check_filled()
            ids = self._store.newest_ids(query.k, 0, filters)
            return self._path.hits([Ranked(each) for each in ids], state)
        target = self.target(query)
        return self._path.hits(self.ranked(target).found, target.state)

    def ranked(self, target: Target, offset: int = 0) -> Ranking:
        """What fits a query that was checked, in the order it wants, after the first `offset`.

        The stages: pictures and words and downloads make one order of all photos, and say whether
        anything matches; near-duplicates are folded; different photos are put first; a page is cut.
        """
        state = target.state or self._store.state()
        if not (target.fold or target.diverse):
            return self._ranker.rank(target, state, offset)
        ranking = Ranking(())

        def first(count: int) -> tuple[Ranked, ...]:
            nonlocal ranking
            ranking = self._ranker.rank(replace(target, k=count), state)
            return ranking.found

        looks = Looks(lambda ids: self._path.vectors(ids, state), self._store.thumbnails)
        wanted = offset + target.k
        found = arranged(first, looks, wanted, fold=target.fold, diverse=target.diverse)
        return replace(ranking, found=tuple(found[offset:]))

    def statement(self, query: Query, database: DatabasePath) -> Statement:
        """What a query finds as SQL (columns photo_id, score), to be a subquery of another.

        Folding and variety are a list's affair and no count's.
        """
        target = replace(self.target(query), fold=False, diverse=0.0)
        if target.blend.by_picture:
            return database.statement(target)
        # The database counts these scores once more, so that they are the same whoever ranked.
        ids = [each.photo_id for each in self.ranked(target).found]
        listed = Filter("photo_id IN (SELECT arrayJoin({listed:Array(String)}))", {"listed": ids})
        return self._store.statement(target.vector, max(len(ids), 1), listed, indexed=False)

    def random(self, k: int, where: str) -> list[Hit]:
        """Up to k different photos by chance; their score is NaN."""
        check_k(k)
        filters = compile_filter(where)
        state = self.check_filled()
        ids = self._store.random_ids(k, filters)
        return self._path.hits([Ranked(each) for each in ids], state)

    def target(self, query: Query) -> Target:
        """Check a query and embed it."""
        return self._aim.target(query)

    def check_filled(self) -> State:
        """The state of the photos; raises LibraryEmpty where there is nothing to find."""
        return self._aim.check_filled()

    def texts(self) -> tuple[int, int]:
        """For how many texts the vector was kept, and how many were searched for."""
        return self._aim.texts_known, self._aim.texts_asked

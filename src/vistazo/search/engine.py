"""From a query to hits: have it checked, ask a path, put what it finds in order, fill in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vistazo.errors import VistazoError
from vistazo.search.diversity import arranged
from vistazo.search.limits import check_k
from vistazo.search.query import parse
from vistazo.search.target import Aim, Target, is_filter_only
from vistazo.store.filters import compile_filter
from vistazo.store.store import Neighbour

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.records import Hit, Query
    from vistazo.search.paths import SearchPath
    from vistazo.store.store import State, Store

T = TypeVar("T")


class Engine:
    """Answers queries over one library.

    Args:
        encoder, read_image, read_named: as for `Aim`.
    """

    def __init__(
        self,
        store: Store,
        path: SearchPath,
        encoder: Callable[[], Encoder],
        read_image: Callable[[Any], Image],
        read_named: Callable[[str], Image],
    ) -> None:
        self._store = store
        self._path = path
        self._aim = Aim(store, path, encoder, read_image, read_named)

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
        """The k photos that fit the query, best first; never the query's own photo.

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
            return self._path.hits([Neighbour(each, float("nan")) for each in ids], state)
        target = self.target(query)
        return self._path.hits(self.nearest(target), target.state)

    def nearest(self, target: Target) -> list[Neighbour]:
        """The k first photos, without those that are excluded."""

        def nearest(k: int) -> list[Neighbour]:
            # Some more than wanted, so that leaving photos out needs no filter, which would keep
            # the index from answering.
            wanted = k + len(target.exclude)
            found = self._path.nearest(target.vector, wanted, target.filters, target.state)
            return [each for each in found if each.photo_id not in target.exclude][:k]

        if not (target.fold or target.diverse):
            return nearest(target.k)
        return arranged(nearest, self._store, target.k, fold=target.fold, diverse=target.diverse)

    def random(self, k: int, where: str) -> list[Hit]:
        """Up to k different photos by chance; their score is NaN."""
        check_k(k)
        filters = compile_filter(where)
        state = self.check_filled()
        ids = self._store.random_ids(k, filters)
        return self._path.hits([Neighbour(each, float("nan")) for each in ids], state)

    def target(self, query: Query) -> Target:
        """Check a query and embed it."""
        return self._aim.target(query)

    def check_filled(self) -> State:
        """The state of the photos; raises LibraryEmpty where there is nothing to find."""
        return self._aim.check_filled()

    def texts(self) -> tuple[int, int]:
        """For how many texts the vector was kept, and how many were searched for."""
        return self._aim.texts_known, self._aim.texts_asked

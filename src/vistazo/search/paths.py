"""Ways to the photos nearest to a vector; this one asks the database, `resident` has a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.search.hits import hits_of
from vistazo.store.copying import places

if TYPE_CHECKING:
    from vistazo.records import Float32Array, Hit
    from vistazo.search.hits import Ranked
    from vistazo.search.target import Target
    from vistazo.store.filters import Filter
    from vistazo.store.state import State
    from vistazo.store.store import Neighbour, Statement, Store


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of all photos that match, in the order of their ids.

    Attributes:
        ids: (n,) strings.
        scores: (n,) float32; in memory they may be off by `segment.CLOSE`.
        exact: gives the exact scores of some rows, (m,) to (m,) float32.
    """

    ids: pa.Array
    scores: Float32Array
    exact: Callable[[NDArray[np.intp]], Float32Array]


@dataclass(frozen=True, slots=True)
class Some:
    """The scores of those photos among some that match.

    Attributes:
        places: (n,) which of those that were asked for.
        scores, exact: as in `Scores`, in the order of `places`.
    """

    places: NDArray[np.intp]
    scores: Float32Array
    exact: Callable[[NDArray[np.intp]], Float32Array]


class SearchPath(Protocol):
    """A way to read the k nearest photos; the tables stay the only truth."""

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """The k nearest that match, exact scores, best first, ties by photo id.

        Args:
            state: of the photos, as it was read for this search; None has the path read it.
        """
        ...

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> Scores:
        """The scores of all photos that match."""
        ...

    def some(
        self,
        vector: Float32Array,
        ids: pa.Array,
        rows: NDArray[np.intp],
        filters: Filter,
        state: State | None = None,
    ) -> Some:
        """The scores of those photos among some that match.

        Args:
            ids: strings that rise; a list that lives as long as its state, because where its photos
                are is kept for the next search.
            rows: which of them.
        """
        ...

    def most_apart(self, state: State) -> int:
        """How many photos `some` scores sooner than `everything` scores all."""
        ...

    def hits(self, found: Sequence[Ranked], state: State | None = None) -> list[Hit]:
        """What was found, with what a hit shows of its photo; photos that have gone are left out.

        Args:
            state: of the photos when they were found.
        """
        ...

    def vectors(
        self, photo_ids: Sequence[str], state: State | None = None
    ) -> dict[str, Float32Array]:
        """Photos' own vectors by id, each (dim,) float32; unknown ids are left out."""
        ...


class DatabasePath:
    """The database's own exact scan, or its vector index where that answers right.

    A filter is answered by an exact scan of the rows that match where the index applies filters to
    its candidates afterwards, and so would return too few.
    """

    # Three times k candidates must fit under the index's own limit of 10,000.
    _MAX_INDEXED_K = 3000
    # Of all photos; naming one in a statement takes as long as reading the scores of so many more:
    # 1,000 of 100,000 take .87 of the time of all, 5,000 take 1.14.
    _APART = 0.015
    _MAX_NAMED = 10_000  # a statement with more is larger than an answer about many

    def __init__(self, store: Store) -> None:
        self._store = store
        self._has_index: bool | None = None

    def refresh(self) -> None:
        """Look again whether there is an index, at the next search."""
        self._has_index = None

    def uses_index(self, k: int, filters: Filter) -> bool:
        """Whether the vector index answers."""
        if k > self._MAX_INDEXED_K or (filters.sql and not self._store.prefilters):
            return False
        if self._has_index is None:
            self._has_index = self._store.index_status().state in ("Built", "InProgress")
        return self._has_index

    def explain(self, k: int, filters: Filter) -> tuple[str, str]:
        """Which way k hits are found, and a sentence that says why."""
        if self.uses_index(k, filters):
            return "index", "the vector index covers the library and nothing is filtered"
        if filters.sql:
            return "database", "a filter is answered by reading the rows that match"
        if k > self._MAX_INDEXED_K:
            return "database", "so many hits are found by reading every row"
        return "database", "there is no vector index: every row is read"

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """See `SearchPath`."""
        indexed = self.uses_index(k, filters)
        return self._store.nearest(vector, k, filters, indexed=indexed)

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> Scores:
        """See `SearchPath`."""
        ids, scores = self._store.scores(vector, filters)
        return Scores(ids, scores, lambda rows: scores[rows])

    def some(
        self,
        vector: Float32Array,
        ids: pa.Array,
        rows: NDArray[np.intp],
        filters: Filter,
        state: State | None = None,
    ) -> Some:
        """See `SearchPath`."""
        wanted = ids.take(places(rows))
        if len(rows) > self._MAX_NAMED:
            found, scores = self._store.scores(vector, filters)
        else:
            found, scores = self._store.scores_of(vector, wanted.to_pylist(), filters)
        at = pc.index_in(found, value_set=wanted)
        scores = scores[np.asarray(at.is_valid())]
        which = np.asarray(at.drop_null(), dtype=np.intp)
        return Some(which, scores, lambda some: scores[some])

    def most_apart(self, state: State) -> int:
        """See `SearchPath`."""
        return min(int(self._APART * state.photos), self._MAX_NAMED)

    def hits(self, found: Sequence[Ranked], state: State | None = None) -> list[Hit]:
        """See `SearchPath`."""
        return hits_of(found, self._store.shown([each.photo_id for each in found]))

    def vectors(
        self, photo_ids: Sequence[str], state: State | None = None
    ) -> dict[str, Float32Array]:
        """See `SearchPath`."""
        return self._store.embeddings(photo_ids)

    def statement(self, target: Target) -> Statement:
        """The search as SQL (columns photo_id, score), to be a subquery of another."""
        # `nearest` counts what it got and reads on; a statement inside another cannot.
        indexed = self.uses_index(target.k, target.filters) and not self._store.has_deleted_rows()
        filters = target.filters
        if target.exclude:
            filters = filters.excluding(*target.exclude)
        return self._store.statement(target.vector, target.k, filters, indexed=indexed)

"""The vectors of a library in this process's memory: several times faster than reading them.

The tables stay the only truth. A copy counts for one state of them, which every search asks for;
when they change, searches go to the database until a new copy has been made beside them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.store.store import Neighbour

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.search.engine import DatabasePath
    from vistazo.store.filters import Filter
    from vistazo.store.store import State, Store

_FREE_SEARCHES = 2  # a command that searches once is done before a copy would be
_SETTLED_S = 0.5  # without a change, before a copy is worth making
_GIVEN_UP_S = 30.0  # of waiting for that; the next search begins anew
_MASKS = 32


@dataclass(frozen=True, slots=True)
class _Copy:
    """The vectors at one state of the tables.

    Attributes:
        ids: (n,) photo ids in their order, that of ties.
        vectors: (n, dim) float32, rows as `ids`.
    """

    state: State
    ids: pa.Array
    vectors: Float32Array


class ResidentPath:
    """The nearest photos by an exact scan in memory, where there is room for the vectors.

    Args:
        store: the tables.
        database: answers while there is no copy of the present state.
        max_bytes: that a copy may take; 0 makes none.
    """

    def __init__(self, store: Store, database: DatabasePath, max_bytes: int) -> None:
        self._store = store
        self._database = database
        self._max_bytes = max_bytes
        self._copy: _Copy | None = None
        self._masks: OrderedDict[tuple[object, ...], NDArray[np.bool_]] = OrderedDict()
        self._guard = threading.Lock()
        self._searches = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """See `SearchPath`."""
        state = state or self._store.state()
        copy = self._current(state)
        if copy is None or copy.vectors.shape[1:] != vector.shape:
            self._want(state)
            return self._database.nearest(vector, k, filters)
        scores = copy.vectors @ vector
        if filters.sql:
            mask = self._mask(copy, filters)
            rows = np.flatnonzero(mask)
            scores = scores[rows]
        else:
            rows = np.arange(len(scores))
        best = _best(scores, k)
        ids = copy.ids.take(pa.array(rows[best])).to_pylist()
        found = zip(ids, scores[best].tolist(), strict=True)
        return [Neighbour(photo_id, score) for photo_id, score in found]

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> tuple[pa.Array, Float32Array]:
        """See `SearchPath`."""
        state = state or self._store.state()
        copy = self._current(state)
        if copy is None or copy.vectors.shape[1:] != vector.shape:
            self._want(state)
            return self._database.everything(vector, filters)
        scores: Float32Array = copy.vectors @ vector
        if not filters.sql:
            return copy.ids, scores
        rows = np.flatnonzero(self._mask(copy, filters))
        return copy.ids.take(pa.array(rows)), scores[rows]

    def explain(self, k: int, filters: Filter, state: State) -> tuple[str, str]:
        """Which way k hits are found at this state, and a sentence that says why."""
        if self._current(state) is not None:
            return "resident", "the vectors of the whole library are in memory"
        return self._database.explain(k, filters)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the copy that is being made, if one is; whether there is one of some state."""
        with self._guard:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return self._copy is not None

    def close(self) -> None:
        """Make no more copies; waits for one that is being read from the database."""
        self._closed.set()
        with self._guard:
            thread = self._thread
        if thread is not None:
            thread.join()
        self._copy = None

    def _current(self, state: State) -> _Copy | None:
        copy = self._copy
        return copy if copy is not None and copy.state == state else None

    def _mask(self, copy: _Copy, filters: Filter) -> NDArray[np.bool_]:
        """Which rows match; the database says so."""
        key = (copy.state, filters.sql, repr(filters.params))
        with self._guard:
            if (known := self._masks.get(key)) is not None:
                self._masks.move_to_end(key)
                return known
        ids = self._store.matching_ids(filters)
        mask = np.asarray(pc.is_in(copy.ids, value_set=ids))
        with self._guard:
            self._masks[key] = mask
            while len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return mask

    def _want(self, state: State) -> None:
        """Have a copy made in a thread, unless it would not pay or not fit."""
        with self._guard:
            self._searches += 1
            busy = self._thread is not None and self._thread.is_alive()
            if busy or self._closed.is_set() or self._searches <= _FREE_SEARCHES:
                return
            spec = self._store.encoder()
            # What Arrow hands over stands beside the copy for a moment.
            if spec is None or 2 * 4 * spec.dim * state.photos > self._max_bytes:
                return
            self._copy = None
            self._masks.clear()
            self._thread = threading.Thread(
                target=self._make, args=(spec.dim,), name="vistazo-resident", daemon=True
            )
            self._thread.start()

    def _make(self, dim: int) -> None:
        deadline = time.monotonic() + _GIVEN_UP_S
        before = self._store.state()
        while time.monotonic() < deadline and not self._closed.wait(_SETTLED_S):
            now = self._store.state()
            if now == before:
                copy = self._read(now, dim)
                before = self._store.state()
                if copy is not None and before == now:
                    self._copy = copy
                    return
            else:
                before = now

    def _read(self, state: State, dim: int) -> _Copy | None:
        ids, numbers = self._store.all_embeddings()
        if len(ids) != state.photos or len(numbers) != len(ids) * dim:
            return None
        order = pc.sort_indices(ids)
        vectors = numbers.reshape(len(ids), dim)[np.asarray(order)]
        return _Copy(state, ids.take(order), vectors)


def _best(scores: Float32Array, k: int) -> NDArray[np.intp]:
    """Places of the k highest scores, best first, ties in their order."""
    if k < len(scores):
        last = np.partition(scores, len(scores) - k)[len(scores) - k]
        places = np.flatnonzero(scores >= last)
    else:
        places = np.arange(len(scores))
    kept: NDArray[np.intp] = places[np.argsort(-scores[places], kind="stable")][:k]
    return kept

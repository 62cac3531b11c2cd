"""The photos of a library in this process's memory: many times faster than reading the tables.

The tables stay the only truth. A copy counts for one state of them, which every search asks for;
when they change, searches go to the database until the copy has caught up, in a thread.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from vistazo.errors import StoreError
from vistazo.search.hits import hits_of
from vistazo.search.memory import saved
from vistazo.search.memory.chooser import APART, GRAPH_ROWS, keep
from vistazo.search.memory.graph import Graph
from vistazo.search.memory.making import GivenUp, Maker, TooOld

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from vistazo.records import EncoderSpec, Float32Array, Hit
    from vistazo.search.hits import Ranked
    from vistazo.search.memory.chooser import Keep
    from vistazo.search.memory.segment import Segment
    from vistazo.search.memory.snapshot import Matching, Snapshot
    from vistazo.search.paths import DatabasePath, Scores, Some
    from vistazo.store.filters import Filter
    from vistazo.store.state import State
    from vistazo.store.store import Neighbour, Store

_FREE_SEARCHES = 2  # a command that searches once is done before a copy would be
_SETTLED_S = 0.5  # without a change, before a copy is worth making
_GIVEN_UP_S = 30.0  # of waiting for that; the next search begins anew
_SAVED_AGAIN_S = 10.0
_NOT_YET = "it is made from the third search on"


class ResidentPath:
    """The nearest photos from a copy in memory, where there is room for one.

    Args:
        store: the tables.
        database: answers while there is no copy of the present state.
        max_bytes: that a copy may take; 0 makes none.
        library: the folder of the library, to keep a copy in; None keeps none.
        graph_rows: from how many rows on a graph leads to the nearest.
    """

    def __init__(
        self,
        store: Store,
        database: DatabasePath,
        max_bytes: int,
        library: Path | None = None,
        graph_rows: int = GRAPH_ROWS,
    ) -> None:
        self._store = store
        self._database = database
        self._max_bytes = max_bytes
        self._graph_rows = graph_rows
        self._folder = library / saved.FOLDER if library is not None and max_bytes else None
        self._unread = self._folder is not None
        self._opened = False  # what was saved is used, and no graph has been asked for
        self._snapshot: Snapshot | None = None
        self._guard = threading.Lock()
        self._saving = threading.Lock()
        self._saved_at = -_SAVED_AGAIN_S
        self._searches = 0
        self._maker: threading.Thread | None = None
        self._builder: threading.Thread | None = None
        self._closed = threading.Event()
        self._reason = _NOT_YET
        self._refused: State | None = None

    @property
    def folder(self) -> Path | None:
        """Where the copy is kept; None where none is."""
        return self._folder

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """See `SearchPath`."""
        state = state or self._store.state()
        snapshot = self._current(state)
        if snapshot is None or (snapshot.dim,) != vector.shape:
            self._want(state)
            return self._database.nearest(vector, k, filters)
        if self._opened:
            self._want_graph_of_opened()
        return snapshot.nearest(vector, k, self._matching(snapshot, filters))

    def hits(self, found: Sequence[Ranked], state: State | None = None) -> list[Hit]:
        """See `SearchPath`."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.state != state:
            return self._database.hits(found, state)
        return hits_of(found, snapshot.shown([each.photo_id for each in found]))

    def vectors(
        self, photo_ids: Sequence[str], state: State | None = None
    ) -> dict[str, Float32Array]:
        """See `SearchPath`."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.state != state:
            return self._database.vectors(photo_ids, state)
        found = ((photo_id, snapshot.vector(photo_id)) for photo_id in photo_ids)
        return {photo_id: vector for photo_id, vector in found if vector is not None}

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> Scores:
        """See `SearchPath`."""
        state = state or self._store.state()
        snapshot = self._current(state)
        if snapshot is None or (snapshot.dim,) != vector.shape:
            self._want(state)
            return self._database.everything(vector, filters)
        return snapshot.everything(vector, self._matching(snapshot, filters))

    def some(
        self,
        vector: Float32Array,
        ids: pa.Array,
        rows: NDArray[np.intp],
        filters: Filter,
        state: State | None = None,
    ) -> Some:
        """See `SearchPath`."""
        state = state or self._store.state()
        snapshot = self._current(state)
        if snapshot is None or (snapshot.dim,) != vector.shape:
            return self._database.some(vector, ids, rows, filters)
        return snapshot.some(vector, ids, rows, self._matching(snapshot, filters))

    def most_apart(self, state: State) -> int:
        """See `SearchPath`."""
        if self._current(state) is None:
            return self._database.most_apart(state)
        return int(APART * state.photos)

    def explain(self, k: int, filters: Filter, state: State) -> tuple[str, str]:
        """Which way k hits are found at this state, and a sentence that says why."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.state != state:
            path, reason = self._database.explain(k, filters)
            why = self._reason if snapshot is None else "the photos have changed since it was made"
            return path, f"{reason}; there is no copy in memory: {why}"
        matching = snapshot.every()
        if filters.sql:
            matching = snapshot.known(_key(filters)) or matching
        kinds = {way.kind for way in snapshot.ways(k, matching)}
        count = sum(match.count for match in matching)
        if "graph" in kinds:
            return "resident", f"a graph in memory leads to candidates among {count:,} photos"
        if filters.sql and kinds == {"rows"}:
            return "resident", f"only the {count:,} vectors in memory that match are read"
        if self._builder is not None and self._builder.is_alive():
            return "resident", "every vector in memory is read while the graph is being built"
        return "resident", "every vector of the library is in memory and is read"

    def wait(self, timeout_s: float) -> bool:
        """Wait for the copy and the graph that are being made; whether there is a copy."""
        deadline = time.monotonic() + timeout_s
        for name in ("_maker", "_builder"):
            with self._guard:
                thread: threading.Thread | None = getattr(self, name)
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return self._snapshot is not None

    def close(self) -> None:
        """Make no more copies; waits for the statement or the block of vectors that is under way."""
        self._closed.set()
        with self._guard:
            threads = (self._maker, self._builder)
        for thread in threads:
            if thread is not None:
                thread.join()
        self._snapshot = None

    def _current(self, state: State) -> Snapshot | None:
        if self._unread:
            self._open_saved(state)
        snapshot = self._snapshot
        return snapshot if snapshot is not None and snapshot.state == state else None

    def _matching(self, snapshot: Snapshot, filters: Filter) -> tuple[Matching, ...]:
        if not filters.sql:
            return snapshot.every()
        key = _key(filters)
        known = snapshot.known(key)
        return known or snapshot.matching(key, self._store.copying.matching_keys(filters))

    def _keep(self, spec: EncoderSpec | None, state: State) -> Keep | None:
        if spec is None:
            return None
        kept = keep(state.photos, spec.dim, self._max_bytes, _memory_bytes(), self._graph_rows)
        self._reason = kept.reason if not kept.vectors else _NOT_YET
        return kept

    def _open_saved(self, state: State) -> None:
        """Take what an earlier process has saved; the searches of this one wait for it."""
        with self._guard:
            if not self._unread or self._folder is None or self._closed.is_set():
                return
            spec = self._store.encoder()
            kept = self._keep(spec, state)
            if kept is not None and kept.vectors and spec is not None:
                found = saved.load(self._folder, state)
                # A folder that was put back from a copy may count up to the same state again.
                if (
                    found is not None
                    and (found.encoder, found.dim) == (spec.checksum, spec.dim)
                    and found.stamp == self._store.copying.stamp()
                ):
                    self._snapshot = found
                    self._opened = True
            self._unread = False

    def _want_graph_of_opened(self) -> None:
        """From the third search on: whoever saved the copy may have ended before its graph."""
        with self._guard:
            self._searches += 1
            if self._searches <= _FREE_SEARCHES:
                return
            self._opened = False
        self._want_graph()

    def _want(self, state: State) -> None:
        """Have a copy made in a thread, unless it would not pay or not fit."""
        with self._guard:
            self._searches += 1
            busy = self._maker is not None and self._maker.is_alive()
            if busy or self._closed.is_set() or self._searches <= _FREE_SEARCHES:
                return
            if state == self._refused:
                return
            spec = self._store.encoder()
            kept = self._keep(spec, state)
            if spec is None or kept is None or not kept.vectors:
                self._snapshot = None
                return
            self._reason = "it is being made"
            self._maker = threading.Thread(
                target=self._make, args=(spec,), name="vistazo-resident", daemon=True
            )
            self._maker.start()

    def _make(self, spec: EncoderSpec) -> None:
        deadline = time.monotonic() + _GIVEN_UP_S
        before = self._store.state()
        while time.monotonic() < deadline and not self._closed.wait(_SETTLED_S):
            now = self._store.state()
            if now == before:
                try:
                    made = self._made(now, spec)
                except (GivenUp, StoreError) as error:
                    self._refused, self._reason = now, str(error)
                    return
                if self._store.state() == now and not self._closed.is_set():
                    self._snapshot = made
                    self._save()
                    self._want_graph()
                    return
            before = now

    def _made(self, state: State, spec: EncoderSpec) -> Snapshot:
        maker = Maker(self._store, self._graph_rows, self._closed.is_set)
        if self._snapshot is None and self._folder is not None:
            self._snapshot = saved.load(self._folder)
        try:
            with contextlib.suppress(TooOld):
                return maker.make(state, spec, self._snapshot)
            self._snapshot = None  # two of them would not fit
            return maker.make(state, spec, None)
        finally:
            pa.default_memory_pool().release_unused()  # some 140 MB that blocks were read through

    def _want_graph(self) -> None:
        """Have a graph built in a thread, over the first segment that is to have one."""
        with self._guard:
            busy = self._builder is not None and self._builder.is_alive()
            if busy and threading.current_thread() is not self._builder:
                return
            segment = self._without_graph()
            if segment is None or self._closed.is_set():
                return
            self._builder = threading.Thread(
                target=self._build, args=(segment,), name="vistazo-graph", daemon=True
            )
            self._builder.start()

    def _without_graph(self) -> Segment | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        spec = self._store.encoder()
        kept = self._keep(spec, snapshot.state)
        if kept is None or not kept.graph:
            return None
        segments = (part.segment for part in snapshot.parts)
        wanting = (each for each in segments if len(each) >= self._graph_rows and not each.graph)
        return next(wanting, None)

    def _build(self, segment: Segment) -> None:
        def given_up() -> bool:
            snapshot = self._snapshot
            if self._closed.is_set():
                return True
            return snapshot is not None and all(p.segment is not segment for p in snapshot.parts)

        graph = Graph.built(segment.vectors, given_up)
        if graph is not None:
            segment.graph = graph
            self._saved_at = -_SAVED_AGAIN_S
            self._save()
        self._want_graph()

    def _save(self) -> None:
        with self._saving:
            snapshot = self._snapshot
            soon = time.monotonic() < self._saved_at + _SAVED_AGAIN_S
            if self._folder is None or snapshot is None or soon:
                return
            self._saved_at = time.monotonic()
            # A full disk, or one that may only be read: the next process makes its own copy.
            with contextlib.suppress(OSError, RuntimeError):
                saved.save(snapshot, self._folder, self._closed.is_set)


def _key(filters: Filter) -> tuple[str, str]:
    return filters.sql, repr(filters.params)


def _memory_bytes() -> int:
    """Of this machine; 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0

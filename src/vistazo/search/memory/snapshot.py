"""The whole library in memory as it was at one state: segments, and which of their rows still count."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.search.memory.chooser import way
from vistazo.search.memory.segment import Segment
from vistazo.search.paths import Scores, Some
from vistazo.search.words.roster import Roster
from vistazo.store.copying import places
from vistazo.store.store import Neighbour

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.search.memory.chooser import Way
    from vistazo.store.state import State

_MASKS = 32
_FEW = 0.25  # of a segment's rows; so many are read one by one sooner than all at once


@dataclass(frozen=True, slots=True)
class Part:
    """A segment and its rows that are still in the library; `alive` None means all.

    Attributes:
        alive: (n,) bool.
        count: how many rows are alive.
    """

    segment: Segment
    alive: NDArray[np.bool_] | None
    count: int

    @classmethod
    def of(cls, segment: Segment, alive: NDArray[np.bool_] | None = None) -> Part:
        """A part; a mask that leaves out nothing is no mask."""
        if alive is not None and alive.all():
            alive = None
        return cls(segment, alive, len(segment) if alive is None else int(alive.sum()))

    def dead(self) -> int:
        """How many rows count no more."""
        return len(self.segment) - self.count


@dataclass(frozen=True, slots=True)
class Matching:
    """Which rows of a part match, and how many."""

    mask: NDArray[np.bool_] | None
    count: int


@dataclass(frozen=True, slots=True)
class _Order:
    """All photos that count, in the order of their ids.

    Attributes:
        roster: the n photos.
        rows: (n,) where each is, in the rows of all parts one behind the other.
        starts: (parts + 1,) where the rows of each part begin.
    """

    roster: Roster
    rows: NDArray[np.intp]
    starts: NDArray[np.intp]


class Snapshot:
    """Searched by several threads; never changed, but for graphs that come later.

    Attributes:
        state: of the tables that this is a copy of.
        encoder: checksum of the encoder that made the vectors.
        stamp: of the rows, as `Copying.stamp` makes it.
    """

    def __init__(
        self, state: State, encoder: str, parts: Sequence[Part], *, stamp: int = 0
    ) -> None:
        self.state = state
        self.encoder = encoder
        self.stamp = stamp
        self.parts = tuple(parts)
        self._masks: OrderedDict[tuple[str, str], tuple[Matching, ...]] = OrderedDict()
        self._order: _Order | None = None
        self._guard = threading.Lock()

    @property
    def dim(self) -> int:
        """The length of its vectors; 0 when there are none."""
        return self.parts[0].segment.vectors.shape[1] if self.parts else 0

    def every(self) -> tuple[Matching, ...]:
        """What matches without a filter."""
        return tuple(Matching(part.alive, part.count) for part in self.parts)

    def known(self, key: tuple[str, str]) -> tuple[Matching, ...] | None:
        """What matches a filter that was asked for before."""
        with self._guard:
            if (found := self._masks.get(key)) is not None:
                self._masks.move_to_end(key)
            return found

    def matching(self, key: tuple[str, str], keys: NDArray[np.uint64]) -> tuple[Matching, ...]:
        """What matches a filter, of which the database says the hashes of the ids; kept."""
        found = []
        for part in self.parts:
            mask = part.segment.mask(keys)
            if part.alive is not None:
                mask &= part.alive
            found.append(Matching(mask, int(mask.sum())))
        matching = tuple(found)
        with self._guard:
            self._masks[key] = matching
            while len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return matching

    def ways(self, k: int, matching: Sequence[Matching]) -> list[Way]:
        """How each part is searched."""
        return [
            way(len(part.segment), match.count, k, graph=part.segment.graph is not None)
            for part, match in zip(self.parts, matching, strict=True)
        ]

    def nearest(
        self, vector: Float32Array, k: int, matching: Sequence[Matching]
    ) -> list[Neighbour]:
        """The k nearest that match, best first, ties by photo id."""
        found: list[tuple[float, str]] = []
        searched = zip(self.parts, matching, self.ways(k, matching), strict=True)
        for part, match, chosen in searched:
            if not match.count:
                continue
            segment = part.segment
            rows = segment.candidates(vector, k, chosen, match.mask)
            scores = segment.scored(rows, vector).astype(np.float32)
            if len(rows) > 2 * k:
                last = np.partition(scores, len(scores) - k)[len(scores) - k]
                rows, scores = rows[scores >= last], scores[scores >= last]
            ids = segment.listing.ids.take(places(rows)).to_pylist()
            found += zip((-scores).tolist(), ids, strict=True)
        found.sort()
        return [Neighbour(photo_id, -below) for below, photo_id in found[:k]]

    def everything(self, vector: Float32Array, matching: Sequence[Matching]) -> Scores:
        """The scores of all photos that match, in the order of their ids."""
        order = self._whole_order()
        ids, rows = order.roster.ids, order.rows
        near = np.zeros(order.starts[-1], dtype=np.float32)
        for start, part, match in zip(order.starts, self.parts, matching, strict=False):
            segment, mask = part.segment, match.mask
            if mask is not None and match.count < _FEW * len(segment):
                some = np.flatnonzero(mask)
                near[start + some] = segment.near_scores(some, vector)
            elif match.count:
                near[start : start + len(segment)] = segment.scanned(vector)
        if sum(match.count for match in matching) < len(rows):
            masks = [
                np.ones(len(part.segment), np.bool_) if match.mask is None else match.mask
                for part, match in zip(self.parts, matching, strict=True)
            ]
            kept = np.flatnonzero(np.concatenate(masks)[rows])
            ids, rows = ids.take(places(kept)), rows[kept]

        return Scores(ids, near[rows], lambda which: self._exact(order, rows[which], vector))

    def some(
        self,
        vector: Float32Array,
        ids: pa.Array,
        rows: NDArray[np.intp],
        matching: Sequence[Matching],
    ) -> Some:
        """The scores of those photos among some that match; see `SearchPath.some`."""
        order = self._whole_order()
        places_in = order.roster.aligned(ids)[rows]
        which = np.flatnonzero(places_in >= 0)
        wanted = order.rows[places_in[which]]
        near = np.zeros(len(wanted), dtype=np.float32)
        matches = np.zeros(len(wanted), dtype=np.bool_)
        for start, part, match in zip(order.starts, self.parts, matching, strict=False):
            here = np.flatnonzero((wanted >= start) & (wanted < start + len(part.segment)))
            if match.mask is not None:
                here = here[match.mask[wanted[here] - start]]
            near[here] = part.segment.near_scores(wanted[here] - start, vector)
            matches[here] = True
        which, wanted, near = which[matches], wanted[matches], near[matches]
        return Some(which, near, lambda some: self._exact(order, wanted[some], vector))

    def _exact(self, order: _Order, wanted: NDArray[np.intp], vector: Float32Array) -> Float32Array:
        found = np.zeros(len(wanted), dtype=np.float32)
        for start, part in zip(order.starts, self.parts, strict=False):
            here = np.flatnonzero((wanted >= start) & (wanted < start + len(part.segment)))
            found[here] = part.segment.scored(wanted[here] - start, vector)
        return found

    def _whole_order(self) -> _Order:
        """Every photo in the order of the ids, put in order by the first who asks."""
        if self._order is None:
            lengths = [len(part.segment) for part in self.parts]
            starts = np.cumsum([0, *lengths])
            alive = [
                np.ones(len(part.segment), np.bool_) if part.alive is None else part.alive
                for part in self.parts
            ]
            rows = np.flatnonzero(np.concatenate(alive)) if alive else np.zeros(0, np.intp)
            ids = pa.concat_arrays(
                [part.segment.listing.ids.cast(pa.string()) for part in self.parts]
                or [pa.array([], pa.string())]
            )
            if len(self.parts) > 1 or len(rows) < len(ids):
                ids = ids.take(places(rows))
                by_id = np.asarray(pc.sort_indices(ids)).astype(np.intp)
                ids, rows = ids.take(places(by_id)), rows[by_id]
            self._order = _Order(Roster(ids), rows, starts)
        return self._order

    def shown(self, photo_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Rows of `HIT_COLUMNS` by photo id; unknown ids are left out."""
        rows_of: list[list[int]] = [[] for _ in self.parts]
        for photo_id in photo_ids:
            if (place := self._place(photo_id)) is not None:
                rows_of[place[0]].append(place[1])
        found: dict[str, dict[str, Any]] = {}
        for rows, part in zip(rows_of, self.parts, strict=True):
            found.update((row["photo_id"], row) for row in part.segment.shown(rows))
        return found

    def vector(self, photo_id: str) -> Float32Array | None:
        """A photo's own vector, (dim,) float32; None when there is no such photo."""
        place = self._place(photo_id)
        if place is None:
            return None
        vector: Float32Array = self.parts[place[0]].segment.vectors[place[1]].copy()
        return vector

    def _place(self, photo_id: str) -> tuple[int, int] | None:
        """In which part a photo is, and in which of its rows."""
        for number, part in enumerate(self.parts):
            row = part.segment.row(photo_id)
            if row is not None and (part.alive is None or part.alive[row]):
                return number, row
        return None

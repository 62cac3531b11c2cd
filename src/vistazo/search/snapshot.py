"""The whole library in memory as it was at one state: segments, and which of their rows still count."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vistazo.search.chooser import way
from vistazo.search.segment import Segment
from vistazo.store.copying import places
from vistazo.store.store import Neighbour

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.search.chooser import Way
    from vistazo.store.store import State

_MASKS = 32


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

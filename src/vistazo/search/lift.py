"""What lifts a photo above others that its picture comes after: words of the query, and downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.search.words.roster import Roster
from vistazo.store.copying import places

if TYPE_CHECKING:
    from vistazo.search.popularity import Wanted
    from vistazo.search.words.index import Matched, WordIndex

# Of n photos, in three rows: how much of the query's words each has, how wanted it is, both from 0
# to 1, and its downloads.
Values = NDArray[np.floating]

SPREADS = 6.0  # that count as much as having all words of the query


@dataclass(frozen=True, slots=True)
class Weights:
    """What a spread of the picture's score, all words of a query and the most downloads count."""

    picture: float
    words: float
    popular: float

    def lift(self, values: Values) -> NDArray[np.float64]:
        """What words and downloads give photos, at least 0: (n,)."""
        lift: NDArray[np.float64] = self.words * values[0] + self.popular * values[1]
        return lift

    def points(self, unusual: NDArray[np.float64], values: Values) -> NDArray[np.float64]:
        """What photos get; higher comes first: (n,)."""
        return self.picture * unusual + self.lift(values)


@dataclass(frozen=True, slots=True)
class Lifted:
    """The photos that have words of the query, or downloads.

    Attributes:
        roster: a list with these photos and perhaps others.
        rows: (n,) which of it; they rise.
        values: (3, n) of each.
    """

    roster: Roster
    rows: NDArray[np.intp]
    values: Values

    @classmethod
    def of(cls, index: WordIndex | None, matched: Matched, wanted: Wanted) -> Lifted:
        """Put together what a query's words and the downloads have found."""
        downloaded = len(wanted.roster)
        if index is None:
            none = np.zeros(downloaded)
            values = np.stack([none, wanted.shares, wanted.downloads])
            return cls(wanted.roster, np.arange(downloaded), values)
        if not downloaded:
            none = np.zeros(len(matched.rows))
            return cls(index.roster, matched.rows, np.stack([matched.shares, none, none]))
        every = np.zeros((3, len(index.roster)))
        every[0, matched.rows] = matched.shares
        at = index.roster.aligned(wanted.roster.ids)
        known = at >= 0
        every[1, at[known]] = wanted.shares[known]
        every[2, at[known]] = wanted.downloads[known]
        rows = np.flatnonzero((every[0] > 0) | (every[1] > 0))
        return cls(index.roster, rows, every[:, rows])

    def take(self, which: NDArray[Any]) -> Lifted:
        """Some of them; `which` is a mask or rises."""
        return Lifted(self.roster, self.rows[which], self.values[:, which])

    def without(self, photo_ids: Sequence[str]) -> Lifted:
        """All but some."""
        if not photo_ids or not len(self.rows):
            return self
        return self.take(~np.isin(self.rows, self.roster.rows_of(photo_ids)))

    def ids(self) -> pa.Array:
        """Their ids: (n,) strings."""
        return self.roster.ids.take(places(self.rows))

    def places_of(self, photo_ids: Sequence[str]) -> NDArray[np.intp]:
        """Which of them these photos are, -1 for others: (m,)."""
        rows = self.roster.rows_of(photo_ids)
        if not len(self.rows):
            return np.full(len(rows), -1, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, at, -1)

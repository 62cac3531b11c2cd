"""The photos that may be first where words or downloads count, with what each has of all three.

Words and downloads only lift a photo. So whoever has neither comes after all that its picture comes
after: the nearest photos, and those that are lifted far enough to pass the last of them, are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.search.lift import Lifted, Values, Weights
from vistazo.search.memory.segment import CLOSE
from vistazo.store.copying import places

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.search.calibration import Calibration
    from vistazo.search.paths import SearchPath, Some
    from vistazo.search.target import Target
    from vistazo.store.state import State
    from vistazo.store.store import Neighbour

# Of the query's words; a photo that has less may still be the best of nothing.
NAMED = 0.35

# So many of the nearest are read beside those that are wanted: where the pictures of all others are less
# unusual, fewer of them can pass by their words or downloads.
_BEYOND = 50
_ROUNDING = 1e-9  # of points, which are double numbers around 1


@dataclass(frozen=True, slots=True)
class Group:
    """Photos with their exact scores, in no order.

    Attributes:
        ids: (n,) strings.
        scores: (n,) float32.
        values: (3, n) of each.
    """

    ids: pa.Array
    scores: Float32Array
    values: Values

    @classmethod
    def joined(cls, groups: Sequence[Group]) -> Group:
        """All of them as one."""
        ids = pa.concat_arrays([each.ids for each in groups])
        scores = np.concatenate([each.scores for each in groups])
        return cls(ids, scores, np.concatenate([each.values for each in groups], axis=1))


@dataclass(frozen=True, slots=True)
class Candidates:
    """Photos among which the first of an order are.

    Attributes:
        group: these photos.
        best: the highest score of all photos of the search; NaN where `named` makes it needless.
        named: whether any photo of the search has much of the query's words.
        total: how many photos the search finds; None is every photo of the filter.
        every: all scores were read.
    """

    group: Group
    best: float
    named: bool
    total: int | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and how.

    Attributes:
        last: how many are wanted, those before the page counted.
        lifted: photos with words or downloads, without those that the target excludes.
    """

    path: SearchPath
    target: Target
    state: State
    last: int
    lifted: Lifted
    calibration: Calibration
    weights: Weights

    def gather(self) -> Candidates:
        """The photos that may be first, by the way that reads less."""
        by_words = self.target.blend.mode == "words"
        found = self._with_words() if by_words else self._near_or_lifted()
        return found or self._every()

    def points(self, scores: NDArray[np.floating], values: Values) -> NDArray[np.float64]:
        """What photos get: (n,)."""
        unusual = np.asarray(self.calibration.unusual(scores.astype(np.float64)))
        return self.weights.points(unusual, values)

    def _with_words(self) -> Candidates | None:
        """The first of the photos with words; None where these are too many."""
        lifted = self.lifted.take(self.lifted.values[0] > 0)
        if len(lifted.rows) > self._most:
            return None
        scored = self._scored(lifted)
        lifted = lifted.take(scored.places)
        rows = self._may_be_first(scored.scores, lifted.values)
        named = bool((lifted.values[0] >= NAMED).any())
        best = np.nan if named else float(self._nearest(1)[1].max(initial=-1.0))
        first = lifted.take(rows)
        group = Group(first.ids(), scored.exact(rows), first.values)
        return Candidates(group, best, named, len(lifted.rows))

    def _near_or_lifted(self) -> Candidates | None:
        """The nearest, and photos that pass the last of them by their lift; None if too many."""
        if self.last > self._most:
            return None
        count = self.last + _BEYOND
        ids, scores = self._nearest(count)
        at = self.lifted.places_of(ids)
        values = np.zeros((3, len(ids)))
        values[:, at >= 0] = self.lifted.values[:, at[at >= 0]]
        groups = [Group(pa.array(ids, pa.string()), scores, values)]
        if len(ids) == count:  # else there are no other photos
            more = self._lifted_before(groups[0], at[at >= 0])
            if more is None:
                return None
            groups += more
        group = Group.joined(groups)
        named = bool((group.values[0] >= NAMED).any()) or self._named()
        return Candidates(group, float(scores.max(initial=-1.0)), named)

    def _lifted_before(self, near: Group, seen: NDArray[np.intp]) -> list[Group] | None:
        """Those of the lifted that may be among the first; None if too many.

        Args:
            seen: which of the lifted are near.
        """
        lift = self.weights.lift(self.lifted.values)
        lift[seen] = -np.inf
        # Those with the most lift tell first how much it takes.
        high = np.flatnonzero(lift > -np.inf)
        if len(high) > self.last:
            some = np.partition(lift, len(lift) - self.last)[len(lift) - self.last]
            equal = np.flatnonzero(lift == some)  # any of these will do
            high = np.flatnonzero(lift > some)
            high = np.sort(np.concatenate([high, equal[: self.last - len(high)]]))
        first = self._group(self.lifted.take(high))
        points = np.concatenate([self.points(each.scores, each.values) for each in (near, first)])
        least = np.partition(points, len(points) - self.last)[len(points) - self.last]
        lift[high] = -np.inf
        bound = self.points(near.scores[-1:], np.zeros((3, 1)))[0]
        rest = np.flatnonzero(lift >= least - bound - _ROUNDING)
        if len(rest) > self._most:
            return None
        return [first, self._group(self.lifted.take(rest), float(least))]

    def _group(self, lifted: Lifted, least: float = -np.inf) -> Group:
        """Those of some photos that the filter keeps and that may have so many points."""
        scored = self._scored(lifted)
        lifted = lifted.take(scored.places)
        points = self.points(scored.scores, lifted.values)
        rows = np.flatnonzero(points >= least - self._unsure)
        return Group(lifted.take(rows).ids(), scored.exact(rows), lifted.values[:, rows])

    def _named(self) -> bool:
        """Whether a photo that the filter keeps has much of the query's words."""
        named = self.lifted.take(self.lifted.values[0] >= NAMED)
        return len(named.rows) > 0 and len(self._scored(named).places) > 0

    def _every(self) -> Candidates:
        """All photos, of which those that may be first are scored exactly."""
        target = self.target
        found = self.path.everything(target.vector, target.filters, self.state)
        ids, roster = found.ids, self.lifted.roster
        values = np.zeros((3, len(ids)))
        if ids.equals(roster.ids):
            values[:, self.lifted.rows] = self.lifted.values
        elif len(self.lifted.rows):
            # This takes longer than all the rest.
            at = np.asarray(pc.fill_null(pc.index_in(self.lifted.ids(), value_set=ids), -1))
            values[:, at[at >= 0]] = self.lifted.values[:, at >= 0]
        every = _without(ids, target.exclude)
        named = bool((values[0, every] >= NAMED).any())
        best = float(found.scores[every].max(initial=-1.0))
        total = None
        if target.blend.mode == "words":
            every = every[values[0, every] > 0]
            total = len(every)
        rows = every[self._may_be_first(found.scores[every], values[:, every])]
        group = Group(ids.take(places(rows)), found.exact(rows), values[:, rows])
        return Candidates(group, best, named, total, every=True)

    def _nearest(self, count: int) -> tuple[list[str], Float32Array]:
        """Ids and exact scores of the nearest by their pictures, best first."""
        target = self.target
        found = nearest(self.path, target, count, self.state)
        scores = np.array([each.score for each in found], dtype=np.float32)
        return [each.photo_id for each in found], scores

    def _scored(self, lifted: Lifted) -> Some:
        target, ids = self.target, lifted.roster.ids
        return self.path.some(target.vector, ids, lifted.rows, target.filters, self.state)

    def _may_be_first(self, scores: Float32Array, values: Values) -> NDArray[np.intp]:
        """Places of those with the most points, and of all that may have as many, in their order.

        Scores in memory are a little off; what may be first is scored exactly, so that the order is
        the database's, and equal pictures stand by their ids.
        """
        points = self.points(scores, values)
        if self.last >= len(points):
            return np.arange(len(points))
        least = np.partition(points, len(points) - self.last)[len(points) - self.last]
        return np.flatnonzero(points >= least - 2 * self._unsure)

    @property
    def _most(self) -> int:
        return self.path.most_apart(self.state)

    @property
    def _unsure(self) -> float:
        """By how much points may be wrong where scores are near ones."""
        return CLOSE / self.calibration.spread + _ROUNDING


def nearest(path: SearchPath, target: Target, count: int, state: State) -> list[Neighbour]:
    """The nearest photos by their pictures, best first, without those that are not wanted."""
    # Some more than wanted, so that leaving photos out needs no filter, which would keep the
    # index from answering.
    wanted = count + len(target.exclude)
    found = path.nearest(target.vector, wanted, target.filters, state)
    return [each for each in found if each.photo_id not in target.exclude][:count]


def _without(ids: pa.Array, some: Sequence[str]) -> NDArray[np.intp]:
    """Places of the ids that are not among some."""
    every = np.arange(len(ids))
    if not some:
        return every
    places_of = pc.index_in(pa.array(some, pa.string()), value_set=ids)
    return np.delete(every, np.asarray(places_of.drop_null()))

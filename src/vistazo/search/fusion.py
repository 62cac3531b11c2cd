"""The order of hits: by pictures, by words and by downloads, over all photos of the library.

What a photo gets is the weighted mean of three numbers: how far its picture stands out (a score's
`Calibration.unusual`, of which six spreads count one), how much of the query its words are, and how
wanted it is. Each depends on the query and the library alone and not on k, so a page is a part of
one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.errors import InvalidQuery
from vistazo.records import printable
from vistazo.search.calibration import Calibrator
from vistazo.search.hits import Ranked
from vistazo.search.popularity import Popularity, Wanted, why_wanted
from vistazo.search.segment import CLOSE
from vistazo.search.words import Matched, WordIndex, Words
from vistazo.store.copying import places
from vistazo.store.state import Watched, usage

if TYPE_CHECKING:
    from vistazo.records import Query
    from vistazo.search.paths import SearchPath
    from vistazo.search.target import Target
    from vistazo.store.connection import Connection
    from vistazo.store.state import State
    from vistazo.store.store import Neighbour

MODES = ("both", "picture", "words")
_SPREADS = 6.0  # that count as much as having all words of the query
# Of the query's words; a photo that has less may still be the best of nothing.
_NAMED = 0.35


@dataclass(frozen=True, slots=True)
class Blend:
    """How a query's hits are put in order; see `Query`, whose fields these are."""

    mode: str = "picture"
    words_weight: float = 0.5
    popular: float = 0.0
    popular_for: str = "all"
    half_life_days: float | None = None
    cut: bool = True

    @classmethod
    def of(cls, query: Query) -> Blend:
        """The wishes of a query, judged.

        Raises:
            InvalidQuery: a value that makes no sense, or words where there are none.
        """
        _check_choice("mode", query.mode, MODES)
        _check_choice("popular_for", query.popular_for, ("all", "words"))
        _check_number("words_weight", query.words_weight, 1)
        _check_number("popular", query.popular, 1)
        if query.half_life_days is not None:
            _check_number("half_life_days", query.half_life_days, 100_000)
            if query.half_life_days < 0.001:
                raise InvalidQuery("half_life_days must be at least 0.001; leave it out for none")
        if query.text is None:
            if query.mode == "words":
                raise InvalidQuery("mode words needs a text; an image has none")
            if query.popular_for == "words":
                raise InvalidQuery("popular_for words needs a text; an image has none")
        return cls(
            mode=query.mode if query.text is not None else "picture",
            words_weight=float(query.words_weight),
            popular=float(query.popular),
            popular_for=query.popular_for,
            half_life_days=query.half_life_days,
            cut=bool(query.cut),
        )

    @property
    def reads_words(self) -> bool:
        """Whether photos' words are looked at."""
        return self.mode == "words" or (self.mode == "both" and self.words_weight > 0)

    def check_words(self, words: Sequence[tuple[str, float]]) -> None:
        """Raise InvalidQuery where words are asked for and the query has none."""
        if words:
            return
        for name, value in (("mode", self.mode), ("popular_for", self.popular_for)):
            if value == "words":
                raise InvalidQuery(f"{name} words needs words; this query has none")

    @property
    def by_picture(self) -> bool:
        """Whether the order is that of the scores alone."""
        return not self.reads_words and not self.popular


@dataclass(frozen=True, slots=True)
class Ranking:
    """Some of the order.

    Attributes:
        found: best first.
        total: how many there are in all; None is every photo of the filter.
        weak: nothing really matches.
        whole: every photo's score was read, and not only those of the nearest.
    """

    found: tuple[Ranked, ...]
    total: int | None = None
    weak: bool = False
    whole: bool = False


class Ranker:
    """Puts the photos of a library in order; safe to use from several threads.

    Args:
        connection: an open one, with migrated tables.
        path: finds photos by their pictures.
    """

    def __init__(self, connection: Connection, path: SearchPath) -> None:
        self._path = path
        watched = Watched(connection, usage)
        self._words = Words(connection, watched)
        self._wanted = Popularity(connection, watched)
        self._calibrator = Calibrator(connection)

    def rank(self, target: Target, state: State, offset: int = 0) -> Ranking:
        """The `target.k` photos after the first `offset`, in the order that the target wants.

        Args:
            state: of the photos, as it was read for this search.
        """
        blend, last = target.blend, offset + target.k
        index, matched = self._match(target, state)
        told = index.told if index else 0.0
        if not (len(matched.rows) or blend.popular or blend.mode == "words"):
            return self._by_picture(target, state, offset, told)
        everything = self._path.everything(target.vector, target.filters, state)
        ids, scores = everything.ids, everything.scores
        calibration = self._calibrator.of(target.vector, state)
        shares = np.zeros(len(ids))
        # Else ids have to be looked up among all, which takes longer than all the rest.
        same = index is not None and ids.equals(index.ids)
        if same:
            shares[matched.rows] = matched.shares
        elif index:
            shares = _aligned(ids, index.ids.take(places(matched.rows)), matched.shares)
        wanted = self._wanted_by(target, state)
        popular = _aligned(ids, wanted.ids, wanted.shares)
        downloads = _aligned(ids, wanted.ids, wanted.downloads)
        points = _points(blend, calibration.unusual(scores), shares, popular)
        every = _without(ids, target.exclude)
        rows = every[shares[every] > 0] if blend.mode == "words" else every
        # Scores in memory are a little off; what may be among the first is scored exactly, so that
        # the order is the database's, and equal pictures stand by their ids.
        rows = rows[_may_be_first(points[rows], last, CLOSE / calibration.spread)]
        exact = everything.exact(rows)
        points = _points(blend, calibration.unusual(exact), shares[rows], popular[rows])
        chosen = np.lexsort((-exact, -points))[offset:last]
        rows, exact, points = rows[chosen], exact[chosen], points[chosen]
        weak = (
            blend.cut
            and len(every) > 0
            and float(shares[every].max()) < _NAMED
            and not calibration.stands_out(float(scores[every].max()), told)
        )
        photo_ids: list[str] = ids.take(places(rows)).to_pylist()
        reasons: Sequence[tuple[str, ...]] = [()] * len(rows)
        if index:
            reasons = index.why(matched, rows if same else index.rows_of(photo_ids))
        found = [
            Ranked(
                photo_id,
                score,
                _why(score, *reason, why_wanted(downloads[row], popular[row])),
                calibration.unusual(score),
                weak,
                point,
            )
            for photo_id, row, score, point, reason in zip(
                photo_ids, rows, exact.tolist(), points.tolist(), reasons, strict=True
            )
        ]
        total = int(np.count_nonzero(shares[every])) if blend.mode == "words" else None
        return Ranking(tuple(found), total, weak and len(found) > 0, True)

    def _by_picture(self, target: Target, state: State, offset: int, told: float) -> Ranking:
        nearest = self._nearest(target, offset + target.k, state)
        calibration = self._calibrator.of(target.vector, state)
        weak = (
            bool(nearest)
            and target.blend.cut
            and not calibration.stands_out(nearest[0].score, told)
        )
        found = [
            Ranked(
                each.photo_id,
                each.score,
                _why(each.score),
                calibration.unusual(each.score),
                weak,
                each.score,
            )
            for each in nearest[offset:]
        ]
        return Ranking(tuple(found), None, weak)

    def _match(self, target: Target, state: State) -> tuple[WordIndex | None, Matched]:
        if not (target.blend.reads_words and target.words):
            return None, Matched(np.zeros(0, np.intp), np.zeros(0, np.float32))
        index = self._words.index(state)
        return index, index.match(target.words)

    def _wanted_by(self, target: Target, state: State) -> Wanted:
        blend = target.blend
        if not blend.popular:
            return Wanted()
        text = None
        if blend.popular_for == "words":
            text = " ".join(words for words, weight in target.words if weight > 0)
        return self._wanted.wanted(state, text, blend.half_life_days)

    def _nearest(self, target: Target, count: int, state: State) -> list[Neighbour]:
        # Some more than wanted, so that leaving photos out needs no filter, which would keep the
        # index from answering.
        wanted = count + len(target.exclude)
        found = self._path.nearest(target.vector, wanted, target.filters, state)
        return [each for each in found if each.photo_id not in target.exclude][:count]


def _points(
    blend: Blend,
    unusual: NDArray[np.floating],
    shares: NDArray[np.floating],
    popular: NDArray[np.floating],
) -> NDArray[np.floating]:
    """What each photo gets; higher comes first. All are (n,)."""
    words = {"words": 1.0, "picture": 0.0}.get(blend.mode, blend.words_weight)
    fits = (1 - words) / _SPREADS * unusual + words * shares
    return (1 - blend.popular) * fits + blend.popular * popular


def _may_be_first(points: NDArray[np.floating], count: int, unsure: float) -> NDArray[np.intp]:
    """Places of the `count` highest points, and of those that may be as high, in their order.

    Args:
        unsure: by how much each may be wrong.
    """
    if count >= len(points):
        return np.arange(len(points))
    least = np.partition(points, len(points) - count)[len(points) - count]
    return np.flatnonzero(points >= least - 2 * unsure)


def _without(ids: pa.Array, some: Sequence[str]) -> NDArray[np.intp]:
    """Places of the ids that are not among some."""
    every = np.arange(len(ids))
    if not some:
        return every
    places_of = pc.index_in(pa.array(some, pa.string()), value_set=ids)
    return np.delete(every, np.asarray(places_of.drop_null()))


def _aligned(ids: pa.Array, some: pa.Array, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values of some photos as those of all, 0 for the others: (n,)."""
    every = np.zeros(len(ids))
    if len(some):
        places_of = pc.index_in(some, value_set=ids)
        known = np.asarray(pc.is_valid(places_of))
        every[np.asarray(places_of.drop_null())] = values[known]
    return every


def _why(score: float, *others: str) -> tuple[str, ...]:
    return (f"picture {score:.2f}", *filter(None, others))


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        shown = printable(str(value)[:40])
        raise InvalidQuery(f"{name} must be one of {', '.join(choices)}, not '{shown}'")


def _check_number(name: str, value: object, most: float) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= float(value) <= most:  # type: ignore[arg-type]
        shown = printable(str(value)[:40])
        raise InvalidQuery(f"{name} must be a number from 0 to {most:,}, not '{shown}'")

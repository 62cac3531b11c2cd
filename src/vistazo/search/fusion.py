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
from vistazo.search.popularity import Popularity, Wanted, why_wanted
from vistazo.search.words import Matched, WordIndex, Words

if TYPE_CHECKING:
    from vistazo.records import Float32Array, Query
    from vistazo.search.engine import SearchPath, Target
    from vistazo.store.connection import Connection
    from vistazo.store.store import Neighbour, State

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

    @property
    def by_picture(self) -> bool:
        """Whether the order is that of the scores alone."""
        return not self.reads_words and not self.popular


@dataclass(frozen=True, slots=True)
class Ranked:
    """A photo in its place; the fields are those of `Hit`."""

    photo_id: str
    score: float
    why: tuple[str, ...] = ()
    unusual: float = float("nan")
    weak: bool = False


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
        self._words = Words(connection)
        self._wanted = Popularity(connection)
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
        ids, scores = self._everything(target, state)
        calibration = self._calibrator.of(target.vector, state)
        shares = np.zeros(len(ids))
        # Else ids have to be looked up among all, which takes longer than all the rest.
        same = index is not None and ids.equals(index.ids)
        if same:
            shares[matched.rows] = matched.shares
        elif index:
            shares = _aligned(ids, index.ids.take(pa.array(matched.rows)), matched.shares)
        wanted = self._wanted_by(target, state)
        popular = _aligned(ids, wanted.ids, wanted.shares)
        downloads = _aligned(ids, wanted.ids, wanted.downloads)
        points = _points(blend, calibration.unusual(scores), shares, popular)
        rows = np.flatnonzero(shares) if blend.mode == "words" else np.arange(len(ids))
        shown = rows[_best(points[rows], scores[rows], last)][offset:]
        weak = (
            blend.cut
            and len(rows) > 0
            and float(shares.max()) < _NAMED
            and not calibration.stands_out(float(scores.max()), told)
        )
        photo_ids: list[str] = ids.take(pa.array(shown)).to_pylist()
        reasons: Sequence[tuple[str, ...]] = [()] * len(shown)
        if index:
            reasons = index.why(matched, shown if same else index.rows_of(photo_ids))
        found = [
            Ranked(
                photo_id,
                float(scores[row]),
                _why(scores[row], *reason, why_wanted(downloads[row], popular[row])),
                calibration.unusual(float(scores[row])),
                weak,
            )
            for photo_id, row, reason in zip(photo_ids, shown, reasons, strict=True)
        ]
        return Ranking(tuple(found), len(rows) if blend.mode == "words" else None, weak, True)

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
            )
            for each in nearest[offset:]
        ]
        return Ranking(tuple(found), None, weak)

    def _match(self, target: Target, state: State) -> tuple[WordIndex | None, Matched]:
        if not target.blend.reads_words:
            return None, Matched(np.zeros(0, np.intp), np.zeros(0, np.float32))
        index = self._words.index(state)
        return index, index.match(target.words)

    def _wanted_by(self, target: Target, state: State) -> Wanted:
        blend = target.blend
        if not blend.popular:
            return Wanted()
        text = target.words if blend.popular_for == "words" else None
        return self._wanted.wanted(state, text, blend.half_life_days)

    def _nearest(self, target: Target, count: int, state: State) -> list[Neighbour]:
        # One more than wanted, so that leaving out the query's own photo needs no filter, which
        # would keep the index from answering.
        wanted = count + (1 if target.exclude else 0)
        found = self._path.nearest(target.vector, wanted, target.filters, state)
        return [each for each in found if each.photo_id != target.exclude][:count]

    def _everything(self, target: Target, state: State) -> tuple[pa.Array, Float32Array]:
        ids, scores = self._path.everything(target.vector, target.filters, state)
        own = pc.index(ids, target.exclude).as_py() if target.exclude else -1
        if own < 0:
            return ids, scores
        kept = np.delete(np.arange(len(ids)), own)
        return ids.take(pa.array(kept)), scores[kept]


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


def _best(points: NDArray[np.floating], scores: Float32Array, count: int) -> NDArray[np.intp]:
    """Places of the `count` highest points, best first; ties by score, then by their order."""
    places = np.arange(len(points))
    if count < len(points):
        least = np.partition(points, len(points) - count)[len(points) - count]
        places = np.flatnonzero(points >= least)
    order = np.lexsort((-scores[places], -points[places]))
    return places[order][:count]


def _aligned(ids: pa.Array, some: pa.Array, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values of some photos as those of all, 0 for the others: (n,)."""
    every = np.zeros(len(ids))
    if len(some):
        places = pc.index_in(some, value_set=ids)
        known = np.asarray(pc.is_valid(places))
        every[np.asarray(places.drop_null())] = values[known]
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

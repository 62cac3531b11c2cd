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
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow.compute as pc

from vistazo.errors import InvalidQuery
from vistazo.records import printable
from vistazo.search.calibration import Calibrator
from vistazo.search.candidates import Search, nearest
from vistazo.search.hits import Ranked
from vistazo.search.lift import SPREADS, Lifted, Weights
from vistazo.search.popularity import Popularity, Wanted, why_wanted
from vistazo.search.words.index import Matched, WordIndex, Words
from vistazo.store.copying import places
from vistazo.store.state import Watched, usage

if TYPE_CHECKING:
    from vistazo.records import Query
    from vistazo.search.paths import SearchPath
    from vistazo.search.target import Target
    from vistazo.store.connection import Connection
    from vistazo.store.state import State

MODES = ("both", "picture", "words")


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
        read: whose scores were read: those of the nearest, of some more that words or downloads
            may lift before these, or of all photos.
    """

    found: tuple[Ranked, ...]
    total: int | None = None
    weak: bool = False
    read: Literal["nearest", "some", "all"] = "nearest"


class Ranker:
    """Puts the photos of a library in order; safe to use from several threads.

    Args:
        connection: an open one, with migrated tables.
        path: finds photos by their pictures.
        folder: to keep the index of words in; None keeps none.
    """

    def __init__(
        self, connection: Connection, path: SearchPath, folder: Path | None = None
    ) -> None:
        self._path = path
        watched = Watched(connection, usage)
        self._words = Words(connection, watched, folder)
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
        wanted = self._wanted_by(target, state)
        lifted = Lifted.of(index, matched, wanted).without(target.exclude)
        calibration = self._calibrator.of(target.vector, state)
        search = Search(self._path, target, state, last, lifted, calibration, _weights(blend))
        candidates = search.gather()
        group = candidates.group
        by_id = np.asarray(pc.sort_indices(group.ids))
        scores, values = group.scores[by_id], group.values[:, by_id]
        points = search.points(scores, values)
        chosen = np.lexsort((-scores, -points))[offset:last]
        scores, values, points = scores[chosen], values[:, chosen], points[chosen]
        photo_ids: list[str] = group.ids.take(places(by_id[chosen])).to_pylist()
        weak = (
            blend.cut
            and len(group.ids) > 0
            and not candidates.named
            and not calibration.stands_out(candidates.best, told)
        )
        reasons: Sequence[tuple[str, ...]] = [()] * len(photo_ids)
        if index:
            reasons = index.why(matched, index.roster.rows_of(photo_ids))
        found = [
            Ranked(
                photo_id,
                score,
                _why(score, *reason, why_wanted(downloads, popular)),
                calibration.unusual(score),
                weak,
                point,
            )
            for photo_id, score, (_, popular, downloads), point, reason in zip(
                photo_ids, scores.tolist(), values.T.tolist(), points.tolist(), reasons, strict=True
            )
        ]
        return Ranking(tuple(found), candidates.total, weak, "all" if candidates.every else "some")

    def _by_picture(self, target: Target, state: State, offset: int, told: float) -> Ranking:
        found_near = nearest(self._path, target, offset + target.k, state)
        calibration = self._calibrator.of(target.vector, state)
        weak = (
            bool(found_near)
            and target.blend.cut
            and not calibration.stands_out(found_near[0].score, told)
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
            for each in found_near[offset:]
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


def _weights(blend: Blend) -> Weights:
    words = {"words": 1.0, "picture": 0.0}.get(blend.mode, blend.words_weight)
    fits = 1 - blend.popular
    return Weights(fits * (1 - words) / SPREADS, fits * words, blend.popular)


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

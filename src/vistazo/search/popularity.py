"""How wanted photos are: their downloads, smoothed, as a number from 0 to 1 for every photo."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.search.words.roster import Roster
from vistazo.search.words.terms import terms
from vistazo.search.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from vistazo.store.connection import Connection
    from vistazo.store.state import State, Usage, Watched

_KEPT = 64  # answers
_WORDS = "SELECT DISTINCT keyword FROM conversions WHERE keyword != '' AND isValidUTF8(keyword)"
# What a download counts: half of it, for each half-life before the newest of the log.
_DECAYED = (
    "ifNull(exp2(-dateDiff('second', converted_at, (SELECT max(converted_at) FROM conversions))"
    " / (86400 * {half_life:Float64})), 0)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Photos that were downloaded.

    Attributes:
        roster: n photos in the order of their ids.
        shares: (n,) above 0 and at most 1: the logarithm of the smoothed rate (d + m) / m
            of a photo's d downloads, over that of the most downloaded photo. The prior m is what
            the mean photo has, but at least one download, so that a single one says little.
        downloads: (n,) d; with a half-life they are decayed.
    """

    roster: Roster = field(default_factory=lambda: Roster(pa.array([], pa.string())))
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downloads: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def why_wanted(downloads: float, share: float) -> str:
    """What a hit says of its downloads, such as `popular: 12 downloads (0.63)`."""
    if not downloads:
        return ""
    shown = f"{downloads:.0f}" if downloads == int(downloads) else f"{downloads:.1f}"
    plural = "" if shown == "1" else "s"
    return f"popular: {shown} download{plural} ({share:.2f})"


class Popularity:
    """The downloads of a library's photos; safe to use from several threads.

    Args:
        connection: an open one, with migrated tables.
        watched: what downloads are at.
    """

    def __init__(self, connection: Connection, watched: Watched[Usage]) -> None:
        self._connection = connection
        self._watched = watched
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], Wanted] = OrderedDict()
        self._keywords: tuple[object, Vocabulary, dict[int, list[str]]] | None = None

    def wanted(self, state: State, text: str | None, half_life_days: float | None) -> Wanted:
        """The photos that were downloaded.

        Args:
            text: count only downloads after a search for one of these words, in any form; None
                counts all.
            half_life_days: days before the newest download of the log after which one counts half;
                those without a time then count nothing. None counts all alike.
        """
        usage = (state, self._watched.now())
        words = None if text is None else self._searched(usage, text)
        key = (usage, None if words is None else tuple(words), half_life_days)
        with self._guard:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        found = self._count(state, words, half_life_days)
        with self._guard:
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def _count(self, state: State, words: list[str] | None, half_life_days: float | None) -> Wanted:
        if words == []:
            return Wanted()
        params: dict[str, Any] = {}
        number, condition = "toFloat64(count())", ""
        if half_life_days is not None:
            number, params["half_life"] = f"sum({_DECAYED})", half_life_days
        if words is not None:
            condition, params["words"] = " AND keyword IN {words:Array(String)}", words
        table = self._connection.table(
            f"SELECT photo_id, {number} AS d FROM conversions"
            f" WHERE photo_id IN (SELECT photo_id FROM photos){condition}"
            " GROUP BY photo_id HAVING d > 0 ORDER BY photo_id",
            params,
        )
        if not table.num_rows:
            return Wanted()
        ids = pa.concat_arrays([each.cast(pa.string()) for each in table["photo_id"].chunks])
        downloads: NDArray[np.float64] = np.asarray(table["d"], dtype=np.float64)
        prior = max(float(downloads.sum()) / max(state.photos, 1), 1.0)
        rates = np.log1p(downloads / prior)
        return Wanted(Roster(ids), rates / rates.max(), downloads)

    def _searched(self, usage: tuple[object, ...], text: str) -> list[str]:
        """The keywords of the log that have a word of this text."""
        with self._guard:
            if self._keywords is None or self._keywords[0] != usage:
                vocabulary = Vocabulary()
                having: dict[int, list[str]] = defaultdict(list)
                for keyword in self._connection.table(_WORDS)["keyword"].to_pylist():
                    for number in set(vocabulary.number(terms(keyword))):
                        having[number].append(keyword)
                self._keywords = (usage, vocabulary, having)
            _, vocabulary, having = self._keywords
        numbers = {number for term in terms(text) for number in vocabulary.forms(term)}
        return sorted({keyword for number in numbers for keyword in having[number]})

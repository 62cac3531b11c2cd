"""How unusual a score is in this library: a cosine alone does not say.

A text's cosines with pictures lie around 0.1 to 0.3, whatever it is; what tells is how far a photo
stands out of all others. Each query is measured by its own scores over a sample of the library.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from vistazo.search.memory.scan import products

Number = TypeVar("Number", float, NDArray[np.floating])

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.store.connection import Connection
    from vistazo.store.state import State

SAMPLE = 2000  # photos; the spread of their scores is right within 3 %
_ENOUGH = 50  # photos, for a judgement
_LEAST_SPREAD = 1e-3  # of cosines; less is rounding, or a library of one picture
_NORMAL = 1.4826  # median absolute deviations of a normal distribution in its standard deviation
# Where a library's photos have words, and none has a word of the query, what is looked for is
# likelier to be missing, and a picture has to stand out so much more: tests/quality measures it.
_UNNAMED = 0.4


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a query's scores are spread over the library.

    Attributes:
        middle: the median.
        spread: like a standard deviation, but by medians: what fits does not widen it.
        photos: of the library.
    """

    middle: float
    spread: float
    photos: int

    def unusual(self, score: Number) -> Number:
        """By how many spreads a score lies above the middle; also of an array of scores."""
        return (score - self.middle) / self.spread

    def stands_out(self, score: float, told: float = 0.0) -> bool:
        """Whether the best score is more than chance's; True in a library too small to say.

        The best of n normal numbers lies about sqrt(2 ln n) standard deviations above their mean.

        Args:
            told: share of the photos that have words, where none of them is of the query.
        """
        if self.photos < _ENOUGH:
            return True
        by_chance = math.sqrt(2 * math.log(self.photos))
        return self.unusual(score) >= by_chance * (1 + _UNNAMED * told)


class Calibrator:
    """Measures queries; safe to use from several threads.

    Args:
        connection: an open one, with migrated tables.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._guard = threading.Lock()
        self._known: tuple[State, Float32Array] | None = None

    def of(self, vector: Float32Array, state: State) -> Calibration:
        """A query's scores at this state of the library.

        Args:
            vector: (dim,) float32, L2 norm 1.
        """
        sample = self._sample(state)
        if not len(sample) or sample.shape[1:] != vector.shape:
            return Calibration(0.0, 1.0, 0)
        scores = products(sample, vector)
        middle = float(np.median(scores))
        spread = _NORMAL * float(np.median(np.abs(scores - middle)))
        return Calibration(middle, max(spread, _LEAST_SPREAD), state.photos)

    def _sample(self, state: State) -> Float32Array:
        with self._guard:
            if self._known is not None and self._known[0] == state:
                return self._known[1]
        # `id` is a hash: the same photos each time, in no order that means something.
        table = self._connection.table(
            "SELECT photo_embed FROM photos ORDER BY id, photo_id LIMIT {n:UInt64}", {"n": SAMPLE}
        ).combine_chunks()
        rows = table.num_rows
        numbers = table["photo_embed"].combine_chunks().flatten() if rows else []
        sample = (
            np.asarray(numbers, dtype=np.float32).reshape(rows, -1)
            if rows
            else np.empty((0, 0), np.float32)
        )
        with self._guard:
            self._known = (state, sample)
        return sample

"""Hits in another order: near-duplicates folded away, and different photos first.

Both look only at what is ranked higher, so that pages of any size are parts of one list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vistazo.errors import InvalidQuery
from vistazo.search.limits import MAX_K

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vistazo.records import Float32Array
    from vistazo.search.hits import Ranked

# Photos that are put into another order; behind them the order stays that of the scores.
POOL = 100


def check_diverse(diverse: float) -> None:
    """Raise InvalidQuery unless it is a number from 0 to 1."""
    if isinstance(diverse, bool) or not isinstance(diverse, (int, float)) or not 0 <= diverse <= 1:
        raise InvalidQuery(f"diverse must be a number from 0 (off) to 1, not {diverse!r}")


@dataclass(frozen=True, slots=True)
class Looks:
    """What photos look like, by their ids; unknown ids are left out.

    Attributes:
        vectors: (dim,) float32 each.
        thumbnails: bytes of WebP or JPEG.
    """

    vectors: Callable[[Sequence[str]], Mapping[str, Float32Array]]
    thumbnails: Callable[[Sequence[str]], dict[str, bytes]]


def arranged(
    first: Callable[[int], Sequence[Ranked]], looks: Looks, k: int, *, fold: bool, diverse: float
) -> list[Ranked]:
    """The k first hits.

    Args:
        first: so many hits in their order; fewer when there are no more.
        fold: leave out near-duplicates of hits ranked higher.
        diverse: above 0, how much a hit loses by being like those before it.
    """
    wanted = max(k, POOL) if diverse else k
    found = _folded(first, looks, wanted) if fold else list(first(wanted))
    if diverse:
        found = [*_spread(found[:POOL], looks, diverse), *found[POOL:]]
    return found[:k]


def _folded(first: Callable[[int], Sequence[Ranked]], looks: Looks, k: int) -> list[Ranked]:
    asked = k + max(20, k // 2)
    while True:
        found = first(min(asked, MAX_K))
        kept = _without_copies(found, looks)
        if len(kept) >= k or len(found) < asked or asked >= MAX_K:
            return kept[:k]
        asked *= 2


def _without_copies(found: Sequence[Ranked], looks: Looks) -> list[Ranked]:
    """Those that are no near-duplicate of one before them that is kept."""
    # Here, because it decodes pictures, and few searches need that.
    from vistazo.search.overview.hashing import MIN_COSINE, Hashes

    ids = [each.photo_id for each in found]
    vectors = looks.vectors(ids)
    found = [each for each in found if each.photo_id in vectors]
    if not found:
        return []
    ids = [each.photo_id for each in found]
    matrix = np.stack([vectors[each] for each in ids])
    hashes = Hashes(ids, looks.thumbnails)
    kept: list[int] = []
    for number in range(len(ids)):
        before = np.array(kept, dtype=np.intp)
        cosines = matrix[before] @ matrix[number]
        close = cosines >= MIN_COSINE
        same = np.full(int(close.sum()), number)
        if not hashes.agree(before[close], same, cosines[close]).any():
            kept.append(number)
    return [found[number] for number in kept]


def _spread(found: Sequence[Ranked], looks: Looks, diverse: float) -> list[Ranked]:
    """By maximal marginal relevance: points * (1 - diverse) - the likeness to a hit before * diverse.

    Both from 0 to 1 within the pool: a text is never as like a photo as photos are to each other.

    Source:
        Carbonell and Goldstein, doi:10.1145/290941.291025, with lambda = 1 - diverse.
    """
    vectors = looks.vectors([each.photo_id for each in found])
    found = [each for each in found if each.photo_id in vectors]
    if not found:
        return []
    matrix = np.stack([vectors[each.photo_id] for each in found])
    relevance = (1 - diverse) * _from_0_to_1(np.array([each.points for each in found]))
    alike = _from_0_to_1((matrix @ matrix.T).astype(np.float64))
    likeness = np.zeros(len(found))  # to the most similar of those picked
    left = np.ones(len(found), dtype=bool)
    order: list[int] = []
    for _ in found:
        gain = relevance - diverse * likeness
        pick = int(np.argmax(np.where(left, gain, -np.inf)))
        order.append(pick)
        left[pick] = False
        likeness = np.maximum(likeness, alike[pick])
    return [found[number] for number in order]


def _from_0_to_1(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = values.min(), values.max()
    spread: NDArray[np.float64] = (values - low) / (high - low or 1.0)
    return spread

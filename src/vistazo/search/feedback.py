"""Photos that somebody liked or disliked, as a better vector to search with.

With few judged photos Rocchio's rule moves the query towards the liked and a little away from the
disliked ones. From five on a ridge regression begins at that vector and fits what was said of each:
liked photos should score 1 and disliked ones -1. Its answer is a vector too, so that every way to
search, and SQL, takes it as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vistazo.errors import InvalidQuery

if TYPE_CHECKING:
    from vistazo.records import Float32Array

MAX_JUDGED = 1000
# Rocchio's usual weights (Manning, Raghavan and Schütze, Introduction to Information Retrieval, 9.1).
_LIKED, _DISLIKED = 0.75, 0.25
_MODEL_FROM = 5
# How much the fit keeps to Rocchio's vector; at 1 one photo moves it by half of what it misses.
_RIDGE = 1.0
_NOTHING = 1e-3


def refined(
    vector: Float32Array | None, liked: Float32Array, disliked: Float32Array
) -> Float32Array:
    """The vector to search with: (dim,) float32, L2 norm 1.

    Args:
        vector: of the query, (dim,); None where there is none.
        liked, disliked: (n, dim) and (m, dim) float32 of norm 1, n + m at least 1.
    Raises:
        InvalidQuery: nothing is left, as when the same photos are liked and disliked.
    """
    moved = np.zeros(max(liked.shape[1], disliked.shape[1]))
    if vector is not None:
        moved += vector
    if len(liked):
        moved += _LIKED * liked.mean(axis=0, dtype=np.float64)
    if len(disliked):
        moved -= _DISLIKED * disliked.mean(axis=0, dtype=np.float64)
    moved = _unit(moved)
    if len(liked) + len(disliked) >= _MODEL_FROM:
        judged = np.concatenate([liked, disliked]).astype(np.float64)
        said = np.concatenate([np.ones(len(liked)), -np.ones(len(disliked))])
        # The ridge's answer by its dual form: as many equations as photos, not as dimensions.
        kernel = judged @ judged.T + _RIDGE * np.eye(len(judged))
        moved = _unit(moved + judged.T @ np.linalg.solve(kernel, said - judged @ moved))
    unit: Float32Array = moved.astype(np.float32)
    return unit


def _unit(
    vector: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    length = float(np.linalg.norm(vector))
    if length < _NOTHING:
        raise InvalidQuery(
            "what is liked and what is disliked cancel each other out; judge fewer photos, or"
            " search with words too"
        )
    return vector / length

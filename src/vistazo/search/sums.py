"""Several vectors as one to search with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vistazo.errors import InvalidQuery

if TYPE_CHECKING:
    from vistazo.records import Float32Array

# Less of the weights' sum than this is left: its direction is rounding, not meaning.
_NOTHING = 1e-3


def weighted_sum(vectors: Sequence[Float32Array], weights: Sequence[float]) -> Float32Array:
    """The weighted sum of unit vectors, normalised: (dim,) float32, L2 norm 1.

    Raises:
        InvalidQuery: what is added and what is taken away cancel each other out.
    """
    factors = np.asarray(weights, dtype=np.float64)
    total = factors @ np.asarray(vectors, dtype=np.float64)
    length = float(np.linalg.norm(total))
    if length < _NOTHING * float(np.abs(factors).sum()):
        raise InvalidQuery(
            "the terms of the query cancel each other out; take away something else than what is"
            " wanted"
        )
    unit: Float32Array = (total / length).astype(np.float32)
    return unit

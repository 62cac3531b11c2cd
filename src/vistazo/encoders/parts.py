"""A batch in parts, one run of the network on each core.

Runs side by side do not wait for each other at every layer, as threads inside one run do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vistazo.records import Float32Array


class Parts:
    """Cuts batches and runs their parts on threads of its own.

    Args:
        threads: how many parts run at once.
        largest: rows of one part.
        dim: length of an embedding.
    """

    def __init__(self, threads: int, largest: int, dim: int) -> None:
        self._threads, self._largest, self._dim = threads, largest, dim
        self._pool = ThreadPoolExecutor(threads, "vistazo-encode")

    def run(self, count: int, work: Callable[[slice], Float32Array]) -> Float32Array:
        """The rows of all parts, in order.

        Args:
            count: how many rows.
            work: makes the rows of a part, (n, dim) float32, on the core that runs it.
        """
        # As many runs on every core, of as many rows: none is left to work alone at the end.
        runs = min(count, self._threads * math.ceil(count / (self._largest * self._threads)))
        edges = [count * number // max(1, runs) for number in range(runs + 1)]
        parts = self._pool.map(work, [slice(*pair) for pair in pairwise(edges)])
        return np.concatenate([np.empty((0, self._dim), dtype=np.float32), *parts])

"""A graph that leads to the nearest of many vectors (HNSW, by usearch), and to nearly all of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

    from vistazo.records import Float32Array

_BLOCK_ROWS = 500  # added at a time: half a second, after which a build can be given up


class Graph:
    """Proposes rows; whoever asks scores them exactly.

    It holds its own 16-bit copy of the vectors. Several threads may search at once.

    Args:
        index: of usearch; `built` and `opened` make it.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def built(cls, vectors: Float32Array, given_up: Callable[[], bool]) -> Graph | None:
        """A graph over (n, dim) float32 vectors; None when it was given up before its end."""
        from usearch.index import Index

        index = Index(ndim=vectors.shape[1], metric="ip", dtype="bf16", enable_key_lookups=False)
        for start in range(0, len(vectors), _BLOCK_ROWS):
            if given_up():
                return None
            block = vectors[start : start + _BLOCK_ROWS]
            index.add(np.arange(start, start + len(block), dtype=np.uint64), block)
        return cls(index)

    @classmethod
    def opened(cls, path: Path, rows: int, dim: int) -> Graph:
        """A saved graph, read from its file as it is needed.

        Raises:
            ValueError: the file holds another.
        """
        from usearch.index import Index

        index = Index.restore(os.fspath(path), view=True, enable_key_lookups=False)
        if index is None or len(index) != rows or index.ndim != dim:
            raise ValueError("the graph is of other vectors")
        return cls(index)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        self._index.save(os.fspath(path))

    def near(self, vector: Float32Array, fetch: int, width: int) -> NDArray[np.int64]:
        """Rows of about the `fetch` nearest, best first.

        Args:
            vector: (dim,) float32.
            width: how many rows the search keeps in view; more find more, and take longer.
        """
        # One number for all searches at once: it only ever says how thoroughly they look.
        if self._index.expansion_search != width:
            self._index.expansion_search = width
        found = self._index.search(vector, fetch, threads=1)
        rows: NDArray[np.int64] = found.keys.astype(np.int64)
        return rows

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return int(self._index.memory_usage)

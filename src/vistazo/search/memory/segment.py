"""Some photos in memory: vectors, what hits show of them, and perhaps a graph. Never changed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.search.memory.chooser import Way
from vistazo.search.memory.scan import GATHERED_ROWS, products, products_of
from vistazo.store.copying import places

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.search.memory.graph import Graph
    from vistazo.store.copying import Listing

# Sums of the same products in another order differ by less.
CLOSE = 1e-6


class Segment:
    """Photos in the order of their ids.

    Attributes:
        listing: ids and hashes of the n photos.
        vectors: (n, dim) float32.
        columns: n rows of `HIT_COLUMNS`.
        graph: over the vectors; None until it is there.
        name: of the folder that it is saved in; empty before.
    """

    def __init__(
        self, listing: Listing, vectors: Float32Array, columns: pa.Table, name: str = ""
    ) -> None:
        self.listing = listing
        self.vectors = vectors
        self.columns = columns
        self.graph: Graph | None = None
        self.name = name
        # `take` of a table from a file, which has several batches, would join all of them each time.
        self._batches = columns.to_batches()
        self._begins = [0, *accumulate(len(each) for each in self._batches)][:-1]
        self._by_key: tuple[NDArray[np.uint64], NDArray[np.uint32]] | None = None

    def __len__(self) -> int:
        return len(self.listing.keys)

    def mask(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows are among the photos whose ids hash to these keys."""
        mask = np.zeros(len(self), dtype=np.bool_)
        if len(self) and len(keys):
            if self._by_key is None:  # the first filter pays for it
                order = np.argsort(self.listing.keys)
                self._by_key = self.listing.keys[order], order.astype(np.uint32)
            ordered, rows = self._by_key
            at = np.searchsorted(ordered, keys)
            at[at == len(self)] = 0
            mask[rows[at[ordered[at] == keys]]] = True
        return mask

    def row(self, photo_id: str) -> int | None:
        """Where a photo stands; None for one that is not here."""
        ids = self.listing.ids
        row = bisect_left(ids, photo_id, key=lambda each: each.as_py())
        if row < len(ids) and ids[row].as_py() == photo_id:
            return row
        return None

    def shown(self, rows: list[int]) -> list[dict[str, Any]]:
        """What hits show of some rows."""
        found: list[dict[str, Any]] = []
        if len(self._batches) == 1:
            found += self._batches[0].take(places(np.array(rows, dtype=np.intp))).to_pylist()
            return found
        for row in rows:
            batch = bisect_right(self._begins, row) - 1
            found += self._batches[batch].slice(row - self._begins[batch], 1).to_pylist()
        return found

    def candidates(
        self, vector: Float32Array, k: int, way: Way, mask: NDArray[np.bool_] | None
    ) -> NDArray[np.intp]:
        """Rows among which the k nearest are, and few others.

        Args:
            mask: rows that count; None means all.
        """
        if way.kind == "graph" and self.graph is not None:
            near = self.graph.near(vector, way.fetch, way.width)
            kept = near if mask is None else near[mask[near]]
            if len(kept) >= min(k, len(self)):
                return kept
            way = Way("scan" if mask is None else "rows")
        if way.kind == "rows" and mask is not None:
            rows = np.flatnonzero(mask)
            return rows[_best(self.near_scores(rows, vector), k)]
        scores = self.scanned(vector)
        if mask is not None:
            rows = np.flatnonzero(mask)
            return rows[_best(scores[rows], k)]
        return _best(scores, k)

    def scored(self, rows: NDArray[np.intp], vector: Float32Array) -> NDArray[np.float64]:
        """Exact scores, for equal vectors equal wherever they stand."""
        exact = vector.astype(np.float64)
        blocks = [
            (self.vectors[rows[start : start + GATHERED_ROWS]] * exact).sum(axis=1)
            for start in range(0, len(rows), GATHERED_ROWS)
        ]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def scanned(self, vector: Float32Array) -> Float32Array:
        """Scores of all rows, off by `CLOSE` at most: (n,) float32."""
        return products(self.vectors, vector)

    def near_scores(self, rows: NDArray[np.intp], vector: Float32Array) -> Float32Array:
        """Scores of some rows, off by `CLOSE` at most."""
        return products_of(self.vectors, rows, vector)


def _best(scores: Float32Array, k: int) -> NDArray[np.intp]:
    """Places of the k highest scores, and of all that may be as high; in no order."""
    if k >= len(scores):
        return np.arange(len(scores))
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= last - CLOSE)

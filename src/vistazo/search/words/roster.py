"""Photo ids in their order, and where others stand among them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_KEPT = 8  # lists
# So many comparisons in Python take as long as Arrow takes to learn one id of the whole list.
_STEPS = 40


class Roster:
    """Ids that rise, each once; safe to use from several threads.

    Attributes:
        ids: (n,) strings.
    """

    def __init__(self, ids: pa.Array) -> None:
        self.ids = ids
        self._guard = threading.Lock()
        self._known: OrderedDict[int, tuple[pa.Array, NDArray[np.int32]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, photo_ids: Sequence[str]) -> NDArray[np.intp]:
        """Where ids stand, -1 for those that are not here: (m,)."""
        if _STEPS * len(photo_ids) > len(self.ids):
            return self._looked_up(pa.array(photo_ids, pa.string())).astype(np.intp)
        return np.array([self._row(each) for each in photo_ids], dtype=np.intp)

    def aligned(self, others: pa.Array) -> NDArray[np.int32]:
        """Where the ids of a list stand that lives as long as its state: (m,), -1 as above.

        Kept for the last lists, each known by being the same object.
        """
        with self._guard:
            if (known := self._known.get(id(others))) is not None:
                self._known.move_to_end(id(others))
                return known[1]
        if others.equals(self.ids):
            rows = np.arange(len(others), dtype=np.int32)
        else:
            rows = self._looked_up(others)
        with self._guard:
            # The list is kept too, so that no other object gets its number.
            self._known[id(others)] = others, rows
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return rows

    def _row(self, photo_id: str) -> int:
        row = bisect_left(self.ids, photo_id, key=lambda each: each.as_py())
        return row if row < len(self.ids) and self.ids[row].as_py() == photo_id else -1

    def _looked_up(self, others: pa.Array) -> NDArray[np.int32]:
        found = pc.index_in(others, value_set=self.ids)
        return np.asarray(pc.fill_null(found, -1), dtype=np.int32)

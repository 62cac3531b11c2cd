"""What a copy of the photos in memory is made from: a list of them first, then rows in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.store.filters import Filter
from vistazo.store.rows import HIT_COLUMNS

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.store.connection import Connection

# 16 MB of vectors: Arrow's answer stands beside the copy, and few large answers take less time.
_BLOCK_ROWS = 8192
_KEY = "sipHash64(photo_id)"
# Differs when anything differs that a copy holds, whoever changed it and by whatever statement.
_DIGEST = (
    "cityHash64(photo_embed, photo_image_url, description, width, height,"
    " mapKeys(attributes), mapValues(attributes))"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Every photo, in the order of the ids.

    Attributes:
        ids: (n,) strings.
        keys: (n,) uint64, hashes of the ids.
        digests: (n,) uint64, hashes of the rest that a copy holds.
    """

    ids: pa.Array
    keys: NDArray[np.uint64]
    digests: NDArray[np.uint64]

    def take(self, rows: NDArray[np.intp]) -> Listing:
        """Some of the photos; `rows` rise."""
        return Listing(self.ids.take(places(rows)), self.keys[rows], self.digests[rows])


def places(rows: NDArray[np.intp]) -> pa.Array:
    """Row numbers for Arrow's `take`; `pa.array` would load pandas first, for half a second."""
    whole = np.ascontiguousarray(rows, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


class Copying:
    """Reads the photos so that little stands in memory beside what is kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def listing(self) -> Listing:
        """All photos as they are now."""
        found = self._connection.table(
            f"SELECT photo_id, {_KEY} AS key, {_DIGEST} AS digest FROM photos"
        )
        found = found.take(pc.sort_indices(found["photo_id"])).combine_chunks()
        return Listing(
            _whole(found["photo_id"]),
            np.asarray(found["key"], dtype=np.uint64),
            np.asarray(found["digest"], dtype=np.uint64),
        )

    def stamp(self) -> int:
        """A number that tells these rows from others of as many photos and changes."""
        stamp = "groupBitXor(cityHash64(photo_id, added_at))"
        return int(self._connection.value(f"SELECT {stamp} FROM photos"))

    def matching_keys(self, filters: Filter) -> NDArray[np.uint64]:
        """Hashes of the ids of all photos that match."""
        where = f" WHERE {filters.sql}" if filters.sql else ""
        found = self._connection.table(f"SELECT {_KEY} AS key FROM photos{where}", filters.params)
        return np.asarray(found["key"], dtype=np.uint64)

    def blocks(
        self, ids: pa.Array, *, every: bool
    ) -> Iterator[tuple[int, Float32Array, pa.RecordBatch]]:
        """Rows of the photos with these ids, which must rise.

        Args:
            every: these are all photos of the library; by ranges they are read faster.
        Yields:
            Where the block begins, its vectors (rows, dim), and the columns that a hit shows.
        Raises:
            LookupError: the photos have changed meanwhile.
        """
        for start in range(0, len(ids), _BLOCK_ROWS):
            wanted = ids[start : start + _BLOCK_ROWS]
            found = self._rows(wanted, every=every)
            found = found.take(pc.sort_indices(found["photo_id"])).combine_chunks()
            if not _whole(found["photo_id"]).equals(wanted):
                raise LookupError("the photos have changed while they were read")
            numbers = _whole(found["photo_embed"]).flatten()
            dim = len(numbers) // len(wanted)
            vectors = np.asarray(numbers, dtype=np.float32)
            if len(numbers) != dim * len(wanted):
                raise LookupError("the vectors are not of one length")
            (batch,) = found.select(HIT_COLUMNS).to_batches()
            yield start, vectors.reshape(len(wanted), dim), batch

    def _rows(self, wanted: pa.Array, *, every: bool) -> pa.Table:
        names = ", ".join(("photo_embed", *HIT_COLUMNS))
        bounds = "photo_id >= {first:String} AND photo_id <= {last:String}"
        params = {"first": wanted[0].as_py(), "last": wanted[-1].as_py()}
        if not every:
            bounds += " AND photo_id IN {ids:Array(String)}"
            params["ids"] = wanted.to_pylist()
        return self._connection.table(f"SELECT {names} FROM photos WHERE {bounds}", params)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)

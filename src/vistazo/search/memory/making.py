"""A copy of the tables in memory: made whole, or from an older one and what has changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.search.memory.segment import Segment
from vistazo.search.memory.snapshot import Part, Snapshot
from vistazo.store.copying import Listing, places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vistazo.records import EncoderSpec
    from vistazo.store.state import State
    from vistazo.store.store import Store

_MOST_PARTS = 4
_MOST_DEAD = 0.25  # of all rows; above, everything is read anew
_MOST_NEW = 0.5


class GivenUp(Exception):
    """The copy is not wanted any more, or the photos cannot be copied."""


class TooOld(Exception):
    """Little of the older copy still holds, so that one from the tables is better."""


class Maker:
    """Makes snapshots of one library.

    Args:
        graph_rows: a segment of so many rows is to have a graph, and is left alone afterwards.
        given_up: whether to stop.
    """

    def __init__(self, store: Store, graph_rows: int, given_up: Callable[[], bool]) -> None:
        self._store = store
        self._graph_rows = graph_rows
        self._given_up = given_up

    def make(self, state: State, spec: EncoderSpec, old: Snapshot | None) -> Snapshot:
        """A snapshot of the tables, which are at `state`; of `old` what still holds is kept.

        Raises:
            GivenUp: no copy can be had, and the sentence says why.
            TooOld: try again without the old one, and let go of it before.
        """
        stamp = self._store.copying.stamp()
        listing = self._store.copying.listing()
        if len(listing.keys) != state.photos:
            raise GivenUp("the photos have changed while they were read")
        if len(np.unique(listing.keys)) != len(listing.keys):
            raise GivenUp("some photos have the same id")
        if old is not None and (old.encoder != spec.checksum or old.dim != spec.dim):
            raise TooOld
        parts, new = _kept(old, listing)
        if old is not None and self._too_old(parts, new, state):
            raise TooOld
        # New rows go together with those of parts that are small enough to be copied.
        small = [part for part in parts if len(part.segment) < self._graph_rows]
        if not len(new) and not any(part.dead() for part in small):
            return Snapshot(state, spec.checksum, parts, stamp=stamp)
        parts = [part for part in parts if part not in small]
        segment = self._read(listing, new, spec.dim, small)
        if len(segment):
            parts.append(Part.of(segment))
        return Snapshot(state, spec.checksum, parts, stamp=stamp)

    def _too_old(self, parts: Sequence[Part], new: NDArray[np.intp], state: State) -> bool:
        large = [part for part in parts if len(part.segment) >= self._graph_rows]
        dead = sum(part.dead() for part in large)
        several = len(large) >= _MOST_PARTS and len(new) > 0
        return several or max(dead / _MOST_DEAD, len(new) / _MOST_NEW) > state.photos

    def _read(
        self, listing: Listing, new: NDArray[np.intp], dim: int, small: Sequence[Part]
    ) -> Segment:
        """A segment of the photos `new` of the listing, and of the living rows of small parts."""
        rows_of = [_living(part) for part in small]
        held = _joined(
            [part.segment.listing.take(rows) for part, rows in zip(small, rows_of, strict=True)]
        )
        added = listing.take(new)
        total = len(held.keys) + len(added.keys)
        order = _order(held, added)
        whole = _joined([held, added]).take(order)
        # Where each row of `held`, then of `added`, stands in the segment.
        rank = np.empty(total, dtype=np.intp)
        rank[order] = np.arange(total)
        vectors = np.empty((total, dim), dtype=np.float32)
        at, columns = 0, []
        for part, rows in zip(small, rows_of, strict=True):
            vectors[rank[at : at + len(rows)]] = part.segment.vectors[rows]
            columns.append(part.segment.columns.take(places(rows)))
            at += len(rows)
        every = len(new) == len(listing.keys)
        try:
            for start, block, batch in self._store.copying.blocks(added.ids, every=every):
                if self._given_up():
                    raise GivenUp("the library is being closed")
                if block.shape[1] != dim or not np.isfinite(block).all():
                    raise GivenUp("some vectors are not of the library's encoder")
                vectors[rank[at + start : at + start + len(block)]] = block
                columns.append(pa.table(batch))
        except LookupError as error:
            raise GivenUp(str(error)) from error
        joined = pa.concat_tables(columns) if columns else pa.table({})
        if len(small):
            joined = joined.take(places(order))
        return Segment(whole, vectors, joined.combine_chunks())


def _kept(old: Snapshot | None, listing: Listing) -> tuple[list[Part], NDArray[np.intp]]:
    """Parts with what still holds of them, and which rows of the listing are in none."""
    missing = np.ones(len(listing.keys), dtype=np.bool_)
    order = np.argsort(listing.keys)
    keys = listing.keys[order]
    parts = []
    for part in old.parts if old else ():
        held = part.segment.listing
        alive = np.zeros(len(held.keys), dtype=np.bool_)
        if len(keys):
            at = np.searchsorted(keys, held.keys)
            at[at == len(keys)] = 0
            rows = order[at]
            alive = (keys[at] == held.keys) & (listing.digests[rows] == held.digests)
            if part.alive is not None:
                alive &= part.alive
            missing[rows[alive]] = False
        if alive.any():
            parts.append(Part.of(part.segment, alive))
    return parts, np.flatnonzero(missing)


def _living(part: Part) -> NDArray[np.intp]:
    if part.alive is None:
        return np.arange(len(part.segment))
    return np.flatnonzero(part.alive)


def _joined(listings: Sequence[Listing]) -> Listing:
    if not listings:
        empty = np.empty(0, dtype=np.uint64)
        return Listing(pa.array([], pa.string()), empty, empty)
    return Listing(
        pa.concat_arrays([each.ids for each in listings]),
        np.concatenate([each.keys for each in listings]),
        np.concatenate([each.digests for each in listings]),
    )


def _order(held: Listing, added: Listing) -> NDArray[np.intp]:
    """Rows of both, one after the other, in the order of the ids."""
    if not len(held.keys):
        return np.arange(len(added.keys))
    return np.asarray(pc.sort_indices(pa.concat_arrays([held.ids, added.ids]))).astype(np.intp)

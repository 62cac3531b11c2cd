"""Photos that are in a library more than once: the same bytes, or the same picture.

Photos are taken from the best to the least: most pixels, then most bytes, then longest here. One
that no better photo has taken takes all that are like it, so that each copy is like the one that is
kept, and no chain of small differences joins what is different.

Vectors are compared block by block from a file, and hashes are made only of photos whose vectors
are close: memory grows by a few numbers a photo.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from vistazo.records import uri_of
from vistazo.search.overview.copies import Copy, DuplicateGroup
from vistazo.search.overview.hashing import MIN_COSINE, Hashes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from vistazo.records import Float32Array
    from vistazo.store.connection import Connection
    from vistazo.store.filters import Filter
    from vistazo.store.store import Store

_ROWS, _COLUMNS = 1024, 8192  # of a block of scores, 32 MB
_READ = 4096  # vectors, and photos of groups, at once


def find_duplicates(
    connection: Connection,
    store: Store,
    filters: Filter,
    *,
    exact_only: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[DuplicateGroup]:
    """The groups of photos that are the same, those with most copies first, then by best id.

    Args:
        filters: look only among the photos that match.
        exact_only: only files of the same bytes; needs no comparing of pictures.
        on_progress: called with how many photos have been compared, and how many there are.
    """
    where = f" WHERE {filters.sql}" if filters.sql else ""
    table = connection.table(
        f"SELECT photo_id, content_hash FROM photos{where}"
        " ORDER BY toUInt64(width) * height DESC, size_bytes DESC, added_at, photo_id",
        filters.params,
    ).combine_chunks()
    ids: list[str] = table["photo_id"].to_pylist()
    owner = _same_bytes(table["content_hash"])
    firsts = np.flatnonzero(owner == np.arange(len(ids)))
    exact = np.searchsorted(firsts, owner)
    names = [ids[place] for place in firsts]
    hashes = Hashes(names, store.thumbnails)
    if not exact_only and len(firsts) > 1:
        owner = firsts[_near(connection, names, hashes, on_progress)][exact]
    return _groups(store, ids, owner, exact, hashes)


def _same_bytes(hashes: pa.ChunkedArray) -> NDArray[np.intp]:
    """For each photo the first with the same bytes."""
    known: dict[str, int] = {}
    return np.array(
        [
            known.setdefault(each, place) if each else place
            for place, each in enumerate(hashes.to_pylist())
        ],
        dtype=np.intp,
    )


def _near(
    connection: Connection,
    ids: Sequence[str],
    hashes: Hashes,
    on_progress: Callable[[int, int], None] | None,
) -> NDArray[np.intp]:
    """For each photo, best first, the one that takes it: itself when none does."""
    count = len(ids)
    owner = np.arange(count)
    with tempfile.TemporaryFile() as file:
        vectors = _spilled(connection, ids, file)
        for start in range(0, count, _ROWS):
            end = min(start + _ROWS, count)
            block = np.asarray(vectors[start:end])
            _take(block, block, start, start, owner, hashes, inside=True)
            leaders = np.flatnonzero(owner[start:end] == np.arange(start, end)) + start
            for left in range(end, count, _COLUMNS):
                others = np.asarray(vectors[left : left + _COLUMNS])
                _take(block, others, start, left, owner, hashes, rows=leaders)
            if on_progress is not None:
                on_progress(end, count)
    return owner


def _take(
    block: Float32Array,
    others: Float32Array,
    start: int,
    left: int,
    owner: NDArray[np.intp],
    hashes: Hashes,
    *,
    rows: NDArray[np.intp] | None = None,
    inside: bool = False,
) -> None:
    """Let the photos of a block take those of another that are like them and that nobody has."""
    places = np.arange(start, start + len(block)) if rows is None else rows
    free = np.flatnonzero(owner[left : left + len(others)] == np.arange(left, left + len(others)))
    if not len(places) or not len(free):
        return
    scores = block[places - start] @ others[free].T
    row, column = np.nonzero(scores >= MIN_COSINE)
    cosines = scores[row, column]
    first, second = places[row], free[column] + left
    if inside:  # of each pair the better one, which is the earlier, takes
        later = second > first
        first, second, cosines = first[later], second[later], cosines[later]
    if not len(first):
        return
    near = hashes.agree(first, second, cosines)
    for better, worse in zip(first[near].tolist(), second[near].tolist(), strict=True):
        # Sorted by the better one: that one's own fate is known by now.
        if owner[better] == better and owner[worse] == worse:
            owner[worse] = better


def _spilled(connection: Connection, ids: Sequence[str], file: IO[bytes]) -> Float32Array:
    """The vectors of photos in a file, rows as the ids."""
    place = {photo_id: number for number, photo_id in enumerate(ids)}
    vectors: Float32Array | None = None
    for names, numbers in _read(connection):
        if vectors is None:
            shape = (len(ids), numbers.shape[1])
            vectors = np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
        known = [(place[name], row) for row, name in enumerate(names) if name in place]
        if known:
            into, rows = np.array(known).T
            vectors[into] = numbers[rows]
    assert vectors is not None
    return vectors


def _read(connection: Connection) -> Iterator[tuple[list[str], Float32Array]]:
    """Ids and vectors of all photos, a few thousand at once, by their key."""
    last = ""
    while True:
        table = connection.table(
            "SELECT photo_id, photo_embed FROM photos WHERE photo_id > {last:String}"
            " ORDER BY photo_id LIMIT {n:UInt64}",
            {"last": last, "n": _READ},
        ).combine_chunks()
        if not table.num_rows:
            return
        names = table["photo_id"].to_pylist()
        flat = np.asarray(table["photo_embed"].chunk(0).flatten(), dtype=np.float32)
        yield names, flat.reshape(len(names), -1)
        last = names[-1]


def _groups(
    store: Store,
    ids: Sequence[str],
    owner: NDArray[np.intp],
    exact: NDArray[np.intp],
    hashes: Hashes,
) -> list[DuplicateGroup]:
    """Records of the groups.

    Args:
        owner: the best copy of each photo.
        exact: a number that files of the same bytes share, and their place in `hashes`.
    """
    members: dict[int, list[int]] = {}
    for place in np.flatnonzero(owner != np.arange(len(ids))).tolist():
        members.setdefault(int(owner[place]), []).append(place)
    groups: list[DuplicateGroup] = []
    batch: list[list[int]] = []
    for best, copies in members.items():
        batch.append([best, *copies])
        if sum(map(len, batch)) >= _READ:
            groups += _made(store, ids, batch, exact, hashes)
            batch = []
    groups += _made(store, ids, batch, exact, hashes)
    return sorted(groups, key=lambda group: (-len(group.copies), group.best.photo_id))


def _made(
    store: Store,
    ids: Sequence[str],
    batch: Sequence[Sequence[int]],
    exact: NDArray[np.intp],
    hashes: Hashes,
) -> list[DuplicateGroup]:
    """Groups whose photos are still there."""
    names = [ids[place] for places in batch for place in places]
    photos, vectors = store.get(names), store.embeddings(names)

    def copy(place: int, best: int) -> Copy:
        photo, same = photos[ids[place]], exact[place] == exact[best]
        return Copy(
            photo_id=ids[place],
            uri=uri_of(photo.url),
            width=photo.width,
            height=photo.height,
            size_bytes=photo.size_bytes,
            kind="exact" if same else "near",
            score=min(1.0, float(vectors[ids[place]] @ vectors[ids[best]])),
            bits=0 if same else hashes.bits(int(exact[best]), int(exact[place])),
        )

    groups = []
    for places in batch:
        there = [place for place in places if ids[place] in photos and ids[place] in vectors]
        if len(there) > 1 and there[0] == places[0]:
            best, *copies = (copy(place, places[0]) for place in there)
            groups.append(DuplicateGroup(best, tuple(copies)))
    return groups

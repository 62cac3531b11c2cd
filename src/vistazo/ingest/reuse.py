"""Vectors the library has already: of a file that was touched, copied or moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistazo.ingest.prepare import Prepared
from vistazo.ingest.triage import alive
from vistazo.records import Float32Array, Photo
from vistazo.store.store import Store


@dataclass(frozen=True, slots=True)
class Reused:
    """An item with the vector of the same content.

    Attributes:
        embedding: (dim,) float32, L2 norm 1.
        thumbnail: WebP or JPEG bytes.
        moved_from: the row whose file has gone while this one appeared; None for a copy.
    """

    prepared: Prepared
    embedding: Float32Array
    thumbnail: bytes
    moved_from: Photo | None


class Reuse:
    """Finds photos of the same content.

    Args:
        source: name of the run's source; only within it does a file move.
    """

    def __init__(self, store: Store, source: str) -> None:
        self._store = store
        self._source = source
        self._taken_over: set[str] = set()  # rows that a moved file has replaced in this run

    def find(self, known: Sequence[Prepared]) -> tuple[list[Reused], list[Prepared]]:
        """Sort prepared items into those with a vector and those that need one after all."""
        same: dict[str, list[Photo]] = {}
        hashes = {prepared.photo.content_hash for prepared in known}
        for photo in self._store.find("content_hash", sorted(hashes)):
            same.setdefault(photo.content_hash, []).append(photo)
        # One would do, unless its thumbnail is missing; of a picture with a thousand copies the
        # others need not be fetched.
        ids = [photo.photo_id for photos in same.values() for photo in photos[:3]]
        vectors, thumbnails = self._store.embeddings(ids), self._store.thumbnails(ids)
        whole = vectors.keys() & thumbnails.keys()
        found: list[Reused] = []
        rest: list[Prepared] = []
        for prepared in known:
            photos = same.get(prepared.photo.content_hash, [])
            giver = next((photo.photo_id for photo in photos if photo.photo_id in whole), None)
            if giver is None:
                rest.append(prepared)
                continue
            moved_from = self._moved_from(prepared, photos)
            found.append(Reused(prepared, vectors[giver], thumbnails[giver], moved_from))
        return found, rest

    def _moved_from(self, prepared: Prepared, same: Sequence[Photo]) -> Photo | None:
        old = prepared.work.old
        if old is not None and old.url == prepared.photo.url:
            return None
        for photo in same:
            free = photo.source == self._source and photo.photo_id not in self._taken_over
            if free and not alive(photo.url):
                self._taken_over.add(photo.photo_id)
                return photo
        return None

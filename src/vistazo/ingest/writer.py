"""The end of the pipeline: rows and failures, written together in small batches."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from vistazo.errors import InsertError, ItemError, StorageFull, StoreError
from vistazo.ingest.interrupts import interrupts_deferred
from vistazo.ingest.journal import Journal
from vistazo.ingest.prepare import Prepared
from vistazo.ingest.triage import id_taken
from vistazo.records import Failure, Float32Array, Photo
from vistazo.sources.base import Item
from vistazo.store.store import NewPhoto, Store

FLUSH_ROWS = 256
FLUSH_S = 2.0

Outcome = Literal["added", "updated", "moved", "unchanged"]


@dataclass(slots=True)
class Tally:
    """What has become of the items so far; `failures` counts causes, standing ones included."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """How many items have failed."""
        return self.failures.total()


@dataclass(frozen=True, slots=True)
class _Row:
    item: Item
    new: NewPhoto
    old: Photo | None
    stale: tuple[Photo, ...]
    outcome: Outcome


class Writer:
    """Collects finished items and writes them every 256 rows or 2 seconds.

    Args:
        source: name of the run's source.
        failures: those that stood before the run, by URL.
    Attributes:
        whole: False after a write that failed midway and needs the next run's repair.
    """

    def __init__(
        self, source: str, store: Store, journal: Journal, failures: Mapping[str, Failure]
    ) -> None:
        self.tally = Tally()
        self.whole = True
        self._source = source
        self._store = store
        self._journal = journal
        self._before = failures
        self._rows: list[_Row] = []
        self._failures: list[Failure] = []
        self._flushed_at = time.monotonic()

    def add(
        self,
        prepared: Prepared,
        embedding: Float32Array,
        *,
        thumbnail: bytes,
        moved_from: Photo | None = None,
    ) -> None:
        """Take a finished photo.

        Args:
            embedding: (dim,) float32, L2 norm 1.
            thumbnail: WebP or JPEG bytes.
            moved_from: the row of the same picture under a path that has gone.
        """
        work, photo = prepared.work, prepared.photo
        stale = tuple(
            row for row in (work.stale, moved_from) if row and row.photo_id != photo.photo_id
        )
        outcome = _outcome(photo, work.old, stale=work.stale is not None, moved=moved_from)
        new = NewPhoto(photo, embedding, thumbnail)
        self._rows.append(_Row(work.item, new, work.old, stale, outcome))

    def fail(self, item: Item, error: ItemError) -> None:
        """Take a failed item."""
        before = self._before.get(item.url)
        failure = Failure(
            url=item.url,
            stage=error.stage,
            code=error.code,
            message=str(error),
            attempts=before.attempts + 1 if before else 1,
            fingerprint=item.fingerprint,
            source=self._source,
        )
        self._failures.append(failure)
        self.tally.failures[error.code] += 1

    def flush_if_due(self) -> None:
        """Write when enough has gathered, or when the last time is long ago."""
        waiting = len(self._rows) + len(self._failures)
        late = time.monotonic() - self._flushed_at > FLUSH_S
        if waiting >= FLUSH_ROWS or (waiting and late):
            self.flush()

    def flush(self) -> None:
        """Write all that has been taken.

        Raises:
            StorageFull: the disk is full; what was written before stays.
            StoreError: the database refused every one of several rows.
        """
        with interrupts_deferred():
            self.whole = False
            rows, self._rows = self._rows, []
            self._insert(rows)
            failures, self._failures = self._failures, []
            mended = {row.item.url for row in rows} & self._before.keys()
            self._journal.clear(mended - {failure.url for failure in failures})
            self._journal.record(failures)
            self.whole = True
        self._flushed_at = time.monotonic()

    def _insert(self, rows: Sequence[_Row]) -> None:
        rows = self._checked(rows)
        try:
            self._replace(rows)
            return
        except StorageFull:
            raise
        except StoreError as error:
            refused = error
        self._store.repair()  # the refused batch has left thumbnails
        kept = 0
        for row in rows:
            try:
                self._replace([row])
                kept += 1
            except StorageFull:
                raise
            except StoreError as error:
                self.fail(row.item, InsertError(str(error)))
        if kept == 0 and len(rows) > 1:
            raise refused  # not the items' fault
        self._store.repair()

    def _checked(self, rows: Sequence[_Row]) -> list[_Row]:
        """Rows whose id no other file has got since the triage, without stale rows that have."""
        ids = [photo.photo_id for row in rows for photo in (row.new.photo, *row.stale)]
        known = self._store.shown(ids, ("photo_id", "photo_image_url"))
        owners = {photo_id: row["photo_image_url"] for photo_id, row in known.items()}
        good: list[_Row] = []
        for row in rows:
            photo = row.new.photo
            owner = owners.get(photo.photo_id, photo.url)
            if owner != photo.url and (row.old is None or owner != row.old.url):
                self.fail(row.item, id_taken(photo.photo_id, owner))
                continue
            owners[photo.photo_id] = photo.url
            stale = tuple(old for old in row.stale if owners.get(old.photo_id) == old.url)
            good.append(replace(row, stale=stale))
        return good

    def _replace(self, rows: Sequence[_Row]) -> None:
        stale_ids = [photo.photo_id for row in rows for photo in row.stale]
        self._store.replace([row.new for row in rows], stale_ids)
        self.tally.outcomes.update(row.outcome for row in rows)


def _outcome(photo: Photo, old: Photo | None, *, stale: bool, moved: Photo | None) -> Outcome:
    if moved is not None:
        return "moved"
    if old is None:
        return "updated" if stale else "added"
    same = old.content_hash == photo.content_hash and old.metadata == photo.metadata
    return "unchanged" if same and old.url == photo.url else "updated"

"""One run: walk a source, read and decode while the encoder works, write in small batches.

    source -> triage -> reading (fetch, decode, shrink) -> encoder (its threads) -> writer

Every arrow is bounded: a folder of a million photos takes no more memory than one of a thousand.
Results are taken in the order they are done, so that one slow item does not hold up the others.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from vistazo.errors import EmbedError, ItemError, SourceError, StoreError
from vistazo.ingest.decode import DEFAULT_LIMITS, DecodeLimits
from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.embedding import Embedded, Embedding
from vistazo.ingest.interrupts import interrupts_deferred
from vistazo.ingest.prepare import KnownContent, Prepared, Preparer
from vistazo.ingest.progress import Counting, Progress
from vistazo.ingest.reading import Reading
from vistazo.ingest.reuse import Reuse
from vistazo.ingest.triage import Triage, Work, alive
from vistazo.ingest.vectors import checked, unseen
from vistazo.ingest.writer import Writer
from vistazo.records import Failure, Float32Array, IngestReport, printable, uri_of

if TYPE_CHECKING:
    from vistazo.config import Settings
    from vistazo.encoders.base import Encoder
    from vistazo.ingest.journal import Journal
    from vistazo.sources.base import Item, Source
    from vistazo.store.store import Store

T = TypeVar("T")

_WALK_CHUNK = 500
_KNOWN_CHUNK = 256
_DELETE_CHUNK = 10_000
_REPORT_S = 0.1


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """How a run works.

    Attributes:
        retry_failed: take up only items that failed before.
        prune: remove photos of this source whose file has gone.
        whole: False when only a part of the source is walked: failures in the rest then stand.
        batch_size: pictures embedded in one call.
        threads: that read and decode.
        limits: what a picture may cost.
        downloads: how pictures with a web address are fetched.
    """

    retry_failed: bool = False
    prune: bool = False
    whole: bool = True
    batch_size: int = 32
    threads: int = field(default_factory=lambda: min(8, os.cpu_count() or 1))
    limits: DecodeLimits = DEFAULT_LIMITS
    downloads: DownloadPlan = field(default_factory=DownloadPlan)

    @classmethod
    def of(cls, settings: Settings, *, retry_failed: bool, prune: bool, whole: bool) -> IngestPlan:
        """The plan that a user's settings make."""
        return cls(
            retry_failed=retry_failed,
            prune=prune,
            whole=whole,
            batch_size=settings.batch_size,
            threads=settings.threads or cls().threads,
            limits=DecodeLimits(max_pixels=settings.max_pixels),
            downloads=DownloadPlan.of(settings),
        )


def index(
    source: Source,
    encoder: Encoder,
    store: Store,
    journal: Journal,
    plan: IngestPlan,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Bring a library up to date with a source.

    Stopped anywhere, the same call continues. One run at a time: a second one would repair what
    the first is writing.

    Args:
        on_progress: called in this thread, several times a second.
    Raises:
        SourceError: the source cannot be read, or has no pictures; nothing is pruned then.
        StorageFull: the disk is full; what was written stays.
        KeyboardInterrupt: after writing what had been embedded.
    """
    started = time.monotonic()
    if journal.unfinished():
        store.repair()
        journal.close_unfinished()
    failures = {failure.url: failure for failure in journal.failures(source.name)}
    writer = Writer(source.name, store, journal, failures)
    run_id = journal.start(source.name)
    run = _Run(source, encoder, store, plan, failures, writer, on_progress)
    try:
        run.work()
    except BaseException as error:
        # An orderly stop leaves nothing to repair; where the database itself has failed, the run
        # counts as unfinished and the next one repairs.
        if writer.whole and not isinstance(error, StoreError):
            with interrupts_deferred():
                writer.flush()
                journal.end(run_id, source.name)
        raise
    if plan.whole:
        journal.clear(run.vanished())
    pruned = run.prune() if plan.prune else 0
    journal.end(run_id, source.name)
    outcomes = writer.tally.outcomes
    return IngestReport(
        added=outcomes["added"],
        updated=outcomes["updated"],
        moved=outcomes["moved"],
        unchanged=outcomes["unchanged"],
        pruned=pruned,
        failures=dict(writer.tally.failures.most_common()),
        seconds=time.monotonic() - started,
    )


class _Run:
    """The state of one run."""

    def __init__(
        self,
        source: Source,
        encoder: Encoder,
        store: Store,
        plan: IngestPlan,
        failures: dict[str, Failure],
        writer: Writer,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._source = source
        self._encoder = encoder
        self._store = store
        self._plan = plan
        self._failures = failures
        self._writer = writer
        self._on_progress = on_progress
        self._triage = Triage(store, source.name, failures, retry_failed=plan.retry_failed)
        self._reading = Reading(
            Preparer(source, encoder, KnownContent(store.content_prefixes()), plan.limits),
            plan.downloads,
            threads=plan.threads,
            # Four batches keep both cores busy through one slow decode: see bench/ingest.py.
            ahead=4 * plan.batch_size,
        )
        self._embedding = Embedding(encoder)
        self._reuse = Reuse(store, source.name)
        self._fresh: list[Prepared] = []  # need a vector
        self._known: list[Prepared] = []  # whose content may have one in the library
        self._met: set[str] = set()  # failures whose item is still in the source, and no better
        total = len(failures) if plan.retry_failed else None
        self._counting = Counting(source, total, wanted=on_progress is not None)
        self._seen = 0
        self._reported_at = 0.0
        self._done = 0

    def work(self) -> None:
        """Walk the whole source."""
        try:
            for done in self._reading.results(self._works()):
                if done is not None:
                    self._take(*done)
                # Rather a batch that is not full than an encoder that waits.
                self._embed_waiting(all_of_them=done is None or self._embedding.idle)
                self._settle(self._embedding.results())
                self._tick()
            self._embed_waiting(all_of_them=True)
            self._settle(self._embedding.results(all_of_them=True))
            self._writer.flush()
            self._report(last=True)
        finally:
            self._counting.stop()
            self._reading.close()
            self._settle(self._embedding.close())
        if not self._seen:
            folder = printable(uri_of(self._source.name))
            remedy = "give a folder that has some"
            if self._plan.prune:
                # The place of a disk that is not mounted is an empty folder too.
                remedy = "nothing was pruned; if they have gone for good, prune the folder above"
            raise SourceError(f"there are no pictures in {folder}; {remedy}")

    def _take(self, work: Work, result: Prepared | ItemError) -> None:
        if isinstance(result, Prepared):
            (self._known if result.pixels is None else self._fresh).append(result)
        else:
            self._fail(work.item, result)

    def _embed_waiting(self, *, all_of_them: bool) -> None:
        """Give vectors to what waits, in whole batches or all of it."""
        if self._known and (all_of_them or len(self._known) >= _KNOWN_CHUNK):
            known, self._known = self._known, []
            self._fresh += self._reuse_vectors(known)
        size = self._plan.batch_size
        while len(self._fresh) >= (1 if all_of_them else size):
            self._embedding.add(self._fresh[:size])
            del self._fresh[:size]
            self._settle(self._embedding.results())

    def vanished(self) -> set[str]:
        """Failures whose item is no longer in the source, or is well again; after `work`."""
        return self._failures.keys() - self._met

    def prune(self) -> int:
        """Remove the source's photos whose file has gone; how many there were."""
        gone = [
            photo_id for photo_id, url in self._store.under(self._source.name) if not alive(url)
        ]
        with interrupts_deferred():
            return sum(self._store.delete(chunk) for chunk in _chunks(iter(gone), _DELETE_CHUNK))

    def _works(self) -> Iterator[Work]:
        """What must be read; everything else is settled here."""
        for chunk in _chunks(self._source.items(), _WALK_CHUNK):
            self._seen += len(chunk)
            self._met.update(item.url for item in chunk if item.url in self._failures)
            result = self._triage.sort(chunk)
            self._met.difference_update(result.mended)
            for item, error in result.failed:
                self._fail(item, error)
            tally = self._writer.tally
            tally.outcomes["unchanged"] += result.unchanged
            tally.failures.update(failure.code for failure in result.standing)
            self._done += result.unchanged + len(result.standing)
            self._tick()
            for work in result.work:
                if work.item.embedding is None:
                    yield work
                else:
                    self._take_over(work, work.item.embedding)

    def _reuse_vectors(self, known: Sequence[Prepared]) -> list[Prepared]:
        """Give photos the vector of the same content; returns those that need one after all."""
        found, rest = self._reuse.find(known) if known else ([], [])
        for reused in found:
            self._writer.add(
                reused.prepared,
                reused.embedding,
                thumbnail=reused.thumbnail,
                moved_from=reused.moved_from,
            )
        self._done += len(found)
        fresh: list[Prepared] = []
        for prepared in rest:
            again = self._reading.again(prepared.work)
            if isinstance(again, Prepared):
                fresh.append(again)
            else:
                self._fail(prepared.work.item, again)
        return fresh

    def _settle(self, results: Sequence[Embedded]) -> None:
        """Take what the encoder has done."""
        for prepared, result in results:
            if isinstance(result, EmbedError):
                self._fail(prepared.work.item, result)
            else:
                self._writer.add(prepared, result, thumbnail=prepared.thumbnail)
                self._done += 1

    def _take_over(self, work: Work, embedding: Float32Array) -> None:
        """Write an item with the vector it brings."""
        try:
            vector = checked(embedding, self._encoder.spec.dim)
        except EmbedError as error:
            self._fail(work.item, error)
        else:
            self._writer.add(unseen(work, self._source.name), vector, thumbnail=b"")
            self._done += 1
        self._tick()

    def _fail(self, item: Item, error: ItemError) -> None:
        self._writer.fail(item, error)
        self._done += 1

    def _tick(self) -> None:
        self._writer.flush_if_due()
        self._report()

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is None or (now - self._reported_at < _REPORT_S and not last):
            return
        self._reported_at = now
        total = self._done if last else self._counting.total
        self._on_progress(Progress(self._done, total, self._writer.tally.failed))


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk

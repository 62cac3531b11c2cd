"""A library's photos embedded anew, by another encoder, beside the vectors that it has.

    photos without a vector -> read (file, thumbnail or web), decode -> encoder -> kept vectors
    none is missing         -> a table beside `photos` -> the two exchange their names

Stopped anywhere, the same call continues; the old vectors answer until the exchange.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vistazo.errors import (
    EmbedError,
    FetchError,
    ImageError,
    ItemError,
    LibraryBusy,
    LibraryEmpty,
    UsageError,
)
from vistazo.ingest.decode import decode
from vistazo.ingest.embedding import Embedded, Embedding
from vistazo.ingest.hosts import is_web
from vistazo.ingest.interrupts import interrupts_deferred
from vistazo.ingest.pipeline import IngestPlan
from vistazo.ingest.prepare import Prepared
from vistazo.ingest.progress import Progress
from vistazo.ingest.triage import Work
from vistazo.records import EncoderSpec, Float32Array, Photo, printable, uri_of
from vistazo.sources.base import Item
from vistazo.store.kept_vectors import KeptVectors, Pending
from vistazo.store.switch import build_twin, exchange

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder
    from vistazo.ingest.fetch import Downloader
    from vistazo.store.connection import Connection
    from vistazo.store.store import Store

FLUSH_ROWS = 256
_THUMBNAILS = 256  # read from the database at once
_TRIES = 3
_EXAMPLES = 5
_REPORT_S = 0.1


@dataclass(frozen=True, slots=True)
class ReembedPlan:
    """How photos are embedded anew.

    Attributes:
        ingest: threads, batches, limits and downloads, as for indexing.
        thumbnails: take every stored thumbnail, and look at a file only where there is none.
        leave_out: remove photos that cannot be embedded, instead of keeping the old encoder.
        index_rows: from how many photos on there is a vector index.
    """

    ingest: IngestPlan
    thumbnails: bool = False
    leave_out: bool = False
    index_rows: int = 100_000


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What became of a library's vectors.

    Attributes:
        encoder: whose vectors were made.
        replaced: whose vectors the library had; they are kept for the way back.
        switched: False when some photos could not be embedded; all is as it was then.
        embedded: photos embedded by this run; the others had a vector from an earlier one.
        failures: causes with their counts.
        examples: some photos that failed, (path or address, reason).
        removed: photos left out.
    """

    encoder: EncoderSpec
    replaced: EncoderSpec
    switched: bool
    embedded: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[tuple[str, str], ...] = ()
    removed: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How many photos could not be embedded."""
        return sum(self.failures.values())


def reembed(
    encoder: Encoder,
    connection: Connection,
    store: Store,
    plan: ReembedPlan,
    adopt: Callable[[], None],
    on_progress: Callable[[Progress], None] | None = None,
) -> ReembedReport:
    """Give every photo a vector of this encoder, and then make them the library's.

    Call it while nobody else writes: see `Connection.writing` and `sole_writer`.

    Args:
        adopt: called in the moment that the new vectors become the library's.
        on_progress: called in this thread, several times a second.
    Raises:
        LibraryEmpty: there is no photo.
        UsageError: the library's vectors are this encoder's.
        LibraryBusy: photos were changed by SQL again and again meanwhile.
        StorageFull: the disk is full; what was embedded stays.
    """
    started = time.monotonic()
    old = _present(store)
    if old == encoder.spec:
        raise UsageError(
            f"the library's vectors are those of '{printable(old.name)}' already; to make them"
            " anew by another encoder give its name"
        )
    kept = KeptVectors(connection)
    kept.prepare()
    run = _Run(encoder, store, kept, plan, on_progress)
    removed = 0
    for _ in range(_TRIES):
        run.work()
        if run.failed and plan.leave_out and len(run.failed) < store.count():
            removed += store.delete(run.failed)
        elif run.failed:
            return run.report(old, started, switched=False)
        indexed = store.count() >= plan.index_rows
        if build_twin(connection, store, old, encoder.spec, indexed=indexed):
            with interrupts_deferred():
                exchange(connection, store, encoder.spec, adopt)
            return run.report(old, started, switched=True, removed=removed)
    raise _unsteady()


def roll_back(
    connection: Connection,
    store: Store,
    plan: ReembedPlan,
    encoder_of: Callable[[EncoderSpec], Encoder],
    adopt: Callable[[], None],
    on_progress: Callable[[Progress], None] | None = None,
) -> ReembedReport:
    """Go back to the encoder that was replaced last; only photos new since then are embedded.

    Args:
        encoder_of: gives that encoder; called only when some photo lacks its vector.
        adopt: as for `reembed`.
    Raises:
        UsageError: no encoder was replaced.
    """
    started = time.monotonic()
    present = _present(store)
    kept = KeptVectors(connection)
    kept.prepare()
    before = kept.replaced(present)
    if before is None:
        raise UsageError("there is nothing to go back to: no encoder of this library was replaced")
    if kept.missing(before):
        return reembed(encoder_of(before), connection, store, plan, adopt, on_progress)
    indexed = store.count() >= plan.index_rows
    if not build_twin(connection, store, present, before, indexed=indexed):
        raise _unsteady()
    with interrupts_deferred():
        exchange(connection, store, before, adopt)
    return ReembedReport(before, present, True, seconds=time.monotonic() - started)


def _present(store: Store) -> EncoderSpec:
    recorded = store.encoder()
    if recorded is None or not store.count():
        raise LibraryEmpty("the library is empty. Run: vistazo index FOLDER")
    return recorded


def _unsteady() -> LibraryBusy:
    return LibraryBusy(
        "photos were changed by SQL while their new vectors were put in place: run the same command"
        " again when nobody writes"
    )


class _Run:
    """The state of one run."""

    def __init__(
        self,
        encoder: Encoder,
        store: Store,
        kept: KeptVectors,
        plan: ReembedPlan,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._encoder = encoder
        self._store = store
        self._kept = kept
        self._plan = plan
        self._on_progress = on_progress
        self._web: Downloader | None = None
        self._guard = threading.Lock()
        self._under_way: dict[str, Pending] = {}
        self._ready: list[tuple[Pending, Float32Array]] = []
        self._reported_at = 0.0
        self._embedded = 0
        self._total = 0
        self._begin()

    def _begin(self) -> None:
        self.failed: list[str] = []
        self._causes: Counter[str] = Counter()
        self._examples: list[tuple[str, str]] = []

    def report(
        self, old: EncoderSpec, started: float, *, switched: bool, removed: int = 0
    ) -> ReembedReport:
        """What this run did."""
        return ReembedReport(
            encoder=self._encoder.spec,
            replaced=old,
            switched=switched,
            embedded=self._embedded,
            failures=dict(self._causes.most_common()),
            examples=tuple(self._examples),
            removed=removed,
            seconds=time.monotonic() - started,
        )

    def work(self) -> None:
        """Embed every photo that has no vector yet; `failed` are those that still have none."""
        if not self._plan.leave_out:
            self._begin()
        self.failed = []
        self._total = self._store.count()
        # What this run has embedded is counted apart, also where it begins once more.
        self._have = self._total - self._kept.missing(self._encoder.spec) - self._embedded
        ingest = self._plan.ingest
        embedding = Embedding(self._encoder)
        waiting: list[Prepared] = []
        pool = ThreadPoolExecutor(ingest.threads, "vistazo-decode")
        try:
            for pending, prepared in self._prepared(pool, 4 * ingest.batch_size):
                if isinstance(prepared, Prepared):
                    waiting.append(prepared)
                else:
                    self._fail(pending, prepared)
                if len(waiting) >= ingest.batch_size or (waiting and embedding.idle):
                    embedding.add(waiting)
                    waiting = []
                self._settle(embedding.results())
                self._report()
            if waiting:
                embedding.add(waiting)
            self._settle(embedding.results(all_of_them=True))
            self._report(last=True)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            if self._web is not None:
                self._web.close()
                self._web = None
            self._settle(embedding.close())
            with interrupts_deferred():
                self._flush()

    def _prepared(
        self, pool: ThreadPoolExecutor, ahead: int
    ) -> Iterator[tuple[Pending, Prepared | ItemError]]:
        """Every photo that lacks a vector, with the encoder's input, in their order."""
        under_way: deque[tuple[Pending, Future[Prepared | ItemError]]] = deque()
        for pending, thumbnail in self._with_thumbnails():
            under_way.append((pending, pool.submit(self._prepare, pending, thumbnail)))
            while len(under_way) >= ahead or (under_way and under_way[0][1].done()):
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()

    def _with_thumbnails(self) -> Iterator[tuple[Pending, bytes]]:
        for chunk in self._kept.pending(self._encoder.spec):
            for start in range(0, len(chunk), _THUMBNAILS):
                part = chunk[start : start + _THUMBNAILS]
                thumbnails = self._store.thumbnails([pending.photo_id for pending in part])
                for pending in part:
                    yield pending, thumbnails.get(pending.photo_id, b"")

    def _prepare(self, pending: Pending, thumbnail: bytes) -> Prepared | ItemError:
        """The encoder's input for one photo; in a decoding thread."""
        try:
            picture = decode(
                self._bytes(pending, thumbnail),
                min_side=self._encoder.input_side,
                limits=self._plan.ingest.limits,
            )
            pixels = self._encoder.preprocess(picture.image)
        except ItemError as error:
            return error
        except Exception as error:  # a worker's edge: whatever one picture does, the run goes on
            reason = printable(str(error) or type(error).__name__)[:200]
            return ImageError(f"the picture cannot be prepared ({reason})", code="unexpected")
        photo = Photo(pending.photo_id, pending.url, 0, 0)
        self._under_way[pending.photo_id] = pending
        work = Work(Item(pending.url, pending.photo_id), pending.photo_id)
        return Prepared(work, photo, pixels, b"")

    def _bytes(self, pending: Pending, thumbnail: bytes) -> bytes:
        """The file where it is still what was indexed, else the thumbnail, else what the web has."""
        if not (thumbnail and self._plan.thumbnails) and (data := _file(pending)):
            return data
        if thumbnail:
            return thumbnail
        if not is_web(pending.url):
            raise FetchError(
                "its file is gone or another one now, and there is no thumbnail", code="missing"
            )
        data = self._downloader().submit(pending.url).result()
        self._downloader().release(len(data))
        return data

    def _downloader(self) -> Downloader:
        from vistazo.ingest.fetch import Downloader

        with self._guard:
            if self._web is None:
                self._web = Downloader(self._plan.ingest.downloads)
            return self._web

    def _settle(self, results: list[Embedded]) -> None:
        for prepared, result in results:
            pending = self._under_way.pop(prepared.work.photo_id)
            if isinstance(result, EmbedError):
                self._fail(pending, result)
            else:
                self._ready.append((pending, result))
        if len(self._ready) >= FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        ready, self._ready = self._ready, []
        self._kept.add(
            self._encoder.spec, [photo for photo, _ in ready], [vector for _, vector in ready]
        )
        self._embedded += len(ready)

    def _fail(self, pending: Pending, error: ItemError) -> None:
        self.failed.append(pending.photo_id)
        self._causes[error.code] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append((printable(uri_of(pending.url)), str(error)))

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is None or (now - self._reported_at < _REPORT_S and not last):
            return
        self._reported_at = now
        done = self._have + self._embedded + len(self._ready) + len(self.failed)
        self._on_progress(Progress(done, self._total, len(self.failed)))


def _file(pending: Pending) -> bytes:
    """The bytes of a local photo whose file has not changed; empty otherwise."""
    if not (pending.content_hash and pending.url.startswith("file:")):
        return b""
    try:
        data = Path(uri_of(pending.url)).read_bytes()
    except (OSError, ValueError):
        return b""
    same = hashlib.blake2b(data, digest_size=16).hexdigest() == pending.content_hash
    return data if same else b""

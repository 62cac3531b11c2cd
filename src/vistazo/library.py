"""The library: one facade over everything below; the only place where names become objects."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from vistazo.analytics.demand import Totals, demand, totals
from vistazo.analytics.load import load_conversions, repair_conversions
from vistazo.config import Settings
from vistazo.encoders import registry
from vistazo.errors import EncoderMismatch, PhotoNotFound
from vistazo.ingest import pipeline
from vistazo.ingest.decode import DecodeLimits
from vistazo.ingest.journal import Journal
from vistazo.ingest.pipeline import IngestPlan
from vistazo.ingest.progress import Progress
from vistazo.ingest.query_image import read_query_image
from vistazo.records import (
    Demand,
    EncoderSpec,
    Failure,
    Float32Array,
    IngestReport,
    LoadReport,
    Photo,
    Query,
    printable,
)
from vistazo.search.engine import DatabasePath, Engine
from vistazo.search.hits import Hits
from vistazo.sources.folder import FolderSource
from vistazo.store import schema, sqlread
from vistazo.store.connect import Address, connect, disconnect, parse
from vistazo.store.store import IndexStatus, Store

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder
    from vistazo.sources.base import Source


@dataclass(frozen=True, slots=True)
class Stats:
    """What a library holds.

    Attributes:
        library: its folder.
        encoder: None before the first photo.
        photos: how many.
        sources: photos by the name of the source that brought them.
        failures: causes of the items that could not be taken in, with their counts.
        vector_index: state of the vector index; `Absent` in a small library.
    """

    library: str
    encoder: EncoderSpec | None
    photos: int
    sources: Mapping[str, int]
    failures: Mapping[str, int]
    conversions: Totals
    vector_index: IndexStatus


def open(
    path_or_dsn: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    settings: Settings | None = None,
) -> Library:
    """Open a library, or make one.

    Args:
        path_or_dsn: a folder, or `chdb:///folder`; None takes VISTAZO_DB, vistazo.toml or the
            user's data directory.
        create: make the library where there is none.
        settings: None reads the environment and vistazo.toml.
    Raises:
        LibraryNotFound, LibraryInvalid, LibraryBusy, LibraryNewer: it cannot be opened.
    """
    settings = settings or Settings.load()
    return Library(parse(path_or_dsn or settings.library_path()), settings, create=create)


class Library:
    """One searchable collection of photos with the log of their downloads.

    Methods may be called from several threads: searching while indexing works. Use it as a
    context manager, or call `close`. Made by `vistazo.open`.
    """

    def __init__(self, address: Address, settings: Settings, *, create: bool = True) -> None:
        self._address = address
        self._settings = settings
        self._connection = connect(address, create=create, wait_s=settings.wait_s)
        try:
            schema.migrate(self._connection)
            repair_conversions(self._connection)
        except BaseException:
            disconnect(address)
            raise
        self._open = True
        self._store = Store(self._connection)
        self._journal = Journal(self._connection)
        self._path = DatabasePath(self._store)
        self._engine = Engine(self._store, self._path, self._encoder, read_query_image)
        self._encoder_lock = threading.Lock()
        self._loaded_encoder: Encoder | None = None

    @property
    def path(self) -> Path:
        """The library's folder."""
        return self._address.folder

    # Filling

    def index(
        self,
        source: str | os.PathLike[str] | Source,
        *,
        encoder: str | Encoder | None = None,
        prune: bool = False,
        retry_failed: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Bring the library up to date with a folder of pictures.

        Unchanged files are left alone, moved ones keep their vector. A bad file becomes a row of
        `failures`, and the run goes on. Stopped anywhere, the same call continues.

        Args:
            encoder: a name or an object; None takes the library's own, for a new library the
                setting `encoder`.
            prune: remove photos whose file has gone.
            retry_failed: take up only files that failed before.
            on_progress: called several times a second, in this thread.
        Raises:
            SourceError: the folder cannot be read or holds no pictures.
            EncoderMismatch: the library's vectors come from another encoder.
            StorageFull: the disk is full; what was written stays.
        """
        pictures = source_of(source)
        chosen = self._choose_encoder(encoder)
        plan = IngestPlan(
            retry_failed=retry_failed,
            prune=prune,
            batch_size=self._settings.batch_size,
            threads=self._settings.threads or IngestPlan().threads,
            limits=DecodeLimits(max_pixels=self._settings.max_pixels),
        )
        report = pipeline.index(pictures, chosen, self._store, self._journal, plan, on_progress)
        if self._store.count() >= self._settings.vector_index_rows:
            self._store.keep_indexed(chosen.spec.dim)
        self._path.refresh()
        return report

    def load_conversions(
        self,
        file: str | os.PathLike[str],
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> LoadReport:
        """Load a log of downloads, TSV in Unsplash's columns or Parquet.

        A file that was loaded before is left alone, or replaced when its content has changed.

        Args:
            on_progress: called with the number of rows read so far.
        Raises:
            SourceError: the file cannot be read or lacks a column.
        """
        return load_conversions(self._connection, file, on_progress=on_progress)

    # Finding

    def search(
        self, text: str | None = None, *, image: Any = None, k: int = 10, where: str = ""
    ) -> Hits:
        """The k photos that fit a text, or look like an image, best first.

        Args:
            text: words; a text longer than the encoder reads is cut.
            image: a path, the bytes of an image file, or a `PIL.Image.Image`.
            k: 1 to 100,000; fewer hits come back only when fewer photos match.
            where: a filter, such as "width > 1000 and taken >= 2019"; see docs/filters.md.
        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: the library holds no photo.
        """
        return self.find(Query(text=text, image=image, k=k, where=where))

    def similar(self, photo_id: str, k: int = 10, *, where: str = "") -> Hits:
        """The k photos most like one of the library, never that photo itself.

        Raises:
            PhotoNotFound: there is no such photo.
        """
        return self.find(Query(photo_id=photo_id, k=k, where=where))

    def find(self, query: Query) -> Hits:
        """Answer a query of any kind."""
        if query.text is not None:
            title = query.text
        else:
            title = f"like {query.photo_id}" if query.photo_id else "like the image"
        return Hits(self._engine.search(query), self.thumbnails, title)

    def random(self, k: int = 1, *, where: str = "") -> Hits:
        """Up to k different photos by chance; their score is NaN."""
        return Hits(self._engine.random(k, where), self.thumbnails)

    def photo(self, photo_id: str) -> Photo:
        """One photo with all that is known of it.

        Raises:
            PhotoNotFound: there is no such photo.
        """
        found = self._store.get([photo_id])
        if photo_id not in found:
            shown = printable(photo_id)
            raise PhotoNotFound(f"there is no photo with the id '{shown}' in the library")
        return found[photo_id]

    def thumbnails(self, photo_ids: Sequence[str]) -> dict[str, bytes]:
        """WebP bytes, longer side at most 320 pixels, by photo id."""
        return self._store.thumbnails(photo_ids)

    # Asking

    def demand(self, query: Query) -> Demand:
        """How often people downloaded what a query finds, and what they had searched for.

        One SQL statement joins the search with the log of downloads.
        """
        statement = self._path.statement(self._engine.target(query))
        return demand(
            self._connection, statement.sql, statement.params, settings=statement.settings
        )

    def sql(
        self, query: str, params: Mapping[str, Any] | None = None, *, write: bool = False
    ) -> pa.Table:
        """Run one SQL statement; `embed('a red car')` in it stands for that text's vector.

        Args:
            params: values for `{name:Type}` placeholders.
            write: allow a statement that changes something.
        Returns:
            An Arrow table; `.to_pandas()` and `.to_pylist()` are its own.
        Raises:
            InvalidSQL: the text is wrong, or it writes and `write` is False.
        """
        if not write:
            sqlread.check_read_only(query)
        text, values = sqlread.expand_embed(query, self._embed, params)
        if not sqlread.is_write(query):
            return self._connection.table(text, values)
        self._connection.execute(text, values)
        self._store.note_change()
        self._path.refresh()
        return pa.table({})

    def failures(self) -> list[Failure]:
        """Every item that could not be taken in and still stands as failed, by URL."""
        return self._journal.failures()

    def stats(self) -> Stats:
        """What the library holds."""
        causes: dict[str, int] = {}
        for failure in self._journal.failures():
            causes[failure.code] = causes.get(failure.code, 0) + 1
        return Stats(
            library=printable(str(self.path)),
            encoder=self._store.encoder(),
            photos=self._store.count(),
            sources=self._store.sources(),
            failures=causes,
            conversions=totals(self._connection),
            vector_index=self._store.index_status(),
        )

    def index_status(self) -> IndexStatus:
        """State of the vector index."""
        return self._store.index_status()

    def close(self) -> None:
        """Give the library back; another process can open it then."""
        if self._open:
            self._open = False
            disconnect(self._address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # The encoder

    @property
    def encoder(self) -> EncoderSpec | None:
        """The encoder that made the vectors; None before the first photo."""
        return self._store.encoder()

    def encoder_choice(self, wanted: str | None = None) -> tuple[str, str]:
        """Which encoder a new library would get, and why (empty where it was asked for by name).

        Raises:
            UnknownEncoder: there is none of this name.
        """
        return registry.resolve(wanted or self._settings.encoder)

    @property
    def encoder_notice(self) -> str:
        """What a user should know once of the library's encoder; empty when there is nothing."""
        return self._encoder().notice if self._store.encoder() else ""

    def _encoder(self) -> Encoder:
        """The encoder that made the library's vectors, loaded once."""
        with self._encoder_lock:
            if self._loaded_encoder is None:
                recorded = self._store.encoder()
                name = recorded.name if recorded else self._settings.encoder
                self._loaded_encoder = self._checked(registry.create(registry.resolve(name)[0]))
            return self._loaded_encoder

    def _choose_encoder(self, wanted: str | Encoder | None) -> Encoder:
        """The encoder for indexing; recorded when the library is still empty."""
        recorded = self._store.encoder()
        filled = recorded is not None and self._store.count() > 0
        if wanted is None or wanted == registry.AUTO:
            wanted = recorded.name if filled and recorded else self._settings.encoder
        if isinstance(wanted, str):
            name, _ = registry.resolve(wanted)
            if filled and recorded and name != recorded.name:
                raise EncoderMismatch(_mismatch(self.path, recorded, name))
            encoder = registry.create(name)
        else:
            encoder = wanted
        if filled:
            self._checked(encoder)
        elif recorded != encoder.spec:
            self._store.record_encoder(encoder.spec)
        with self._encoder_lock:
            self._loaded_encoder = encoder
        return encoder

    def _checked(self, encoder: Encoder) -> Encoder:
        recorded = self._store.encoder()
        if recorded is not None and recorded != encoder.spec:
            name = encoder.spec.name
            if name == recorded.name:
                name = f"another build of it ({encoder.spec.checksum[:8]})"
            raise EncoderMismatch(_mismatch(self.path, recorded, name))
        return encoder

    def _embed(self, text: str) -> Float32Array:
        return self._encoder().encode_texts([text]).reshape(-1)


def source_of(source: str | os.PathLike[str] | Source) -> Source:
    """The source a path stands for; a source stays itself.

    Raises:
        SourceError: there is no such folder.
    """
    if isinstance(source, (str, os.PathLike)):
        return FolderSource(source)
    return source


def _mismatch(path: Path, recorded: EncoderSpec, name: str) -> str:
    return (
        f"the library {printable(str(path))} was made with the encoder '{recorded.name}'"
        f" ({recorded.checksum[:8]}), and vectors of {name} cannot be compared with its own;"
        " give another --db to start a new library"
    )

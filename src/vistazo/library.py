"""The library: one facade over everything below; the only place where names become objects."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import pyarrow as pa

from vistazo.analytics.demand import demand, totals
from vistazo.analytics.load import load_conversions, load_tables, repair_loads
from vistazo.analytics.trends import Downloads
from vistazo.browsing import Browsing
from vistazo.config import Settings
from vistazo.encoders.base import fits
from vistazo.encoders.choice import EncoderChoice
from vistazo.encoders.registry import Options
from vistazo.errors import Unsupported, UsageError
from vistazo.ingest.journal import Journal
from vistazo.ingest.query_image import read_named_image, read_query_image
from vistazo.records import (
    Demand,
    Failure,
    IndexStatus,
    IngestReport,
    LoadReport,
    Query,
    Stats,
    printable,
)
from vistazo.search.engine import Engine
from vistazo.search.hits import Hits, title_of
from vistazo.search.memory.resident import ResidentPath
from vistazo.search.paging import Paging
from vistazo.search.paths import DatabasePath
from vistazo.sources.base import BringsTables, BringsVectors, First
from vistazo.store import schema, sqlread
from vistazo.store.bounded import SqlLimits
from vistazo.store.connect import Address, Server, beside, connect, disconnect
from vistazo.store.store import Store
from vistazo.store.switch import finish_exchange
from vistazo.vectors import Vectors

if TYPE_CHECKING:  # or, what a search does without, where it is used
    from vistazo.datasets.build import BuildPlan, BuildReport
    from vistazo.encoders.base import Encoder
    from vistazo.ingest.progress import Progress
    from vistazo.sources.base import Source
    from vistazo.wishes import Wishes


class Library(Browsing, Vectors):
    """One searchable collection of photos with the log of their downloads.

    Methods may be called from several threads: searching while indexing works. Use it as a
    context manager, or call `close`. Made by `vistazo.open`.
    `connection` is for the parts of vistazo that speak SQL, `paging` for those that show pages.
    """

    def __init__(
        self,
        address: Address | Server,
        settings: Settings,
        *,
        encoder: str | Encoder | None = None,
        create: bool = True,
    ) -> None:
        self._address = address
        self._settings = settings
        options = Options.of(settings)  # may refuse them: before anything is open
        self.connection = connect(address, create=create, wait_s=settings.wait_s)
        try:
            schema.migrate(self.connection)
            repair_loads(self.connection)
            finish_exchange(self.connection)
        except BaseException:
            disconnect(address, half_made=True)
            raise
        self._open = True
        self._store = Store(self.connection)
        self._journal = Journal(self.connection)
        self._path = DatabasePath(self._store)
        self._encoder = EncoderChoice(
            self.name, encoder, options, self._recorded_encoder, self._store.epoch
        )
        self._resident = ResidentPath(
            self._store, self._path, settings.resident_max_bytes, self.folder
        )
        self._engine = Engine(
            self._store,
            self._resident,
            self._encoder.get,
            read_query_image,
            partial(read_named_image, settings=settings),
            self._resident.folder,
        )
        self.paging = Paging(self.connection, self._store, self._engine, self._resident)

    @property
    def name(self) -> str:
        """The library's folder, or its DSN without the password, in one printable line."""
        return self._address.name

    @property
    def folder(self) -> Path | None:
        """The library's folder; None where it is on a database server."""
        return None if isinstance(self._address, Server) else self._address.folder

    @property
    def path(self) -> Path:
        """The library's folder; `Unsupported` where it has none."""
        if self.folder is None:
            raise Unsupported(f"the library {self.name} is on a server and has no folder")
        return self.folder

    # Filling

    def index(
        self,
        source: str | os.PathLike[str] | Source,
        *,
        encoder: str | Encoder | None = None,
        limit: int | None = None,
        prune: bool = False,
        retry_failed: bool = False,
        wait_for_index: bool = True,
        photos_only: bool = False,
        vectors_of: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Bring the library up to date with a folder of pictures, a list, or a data set.

        Unchanged pictures are left alone, moved ones keep their vector. A bad one becomes a row of
        `failures`, and the run goes on. Stopped anywhere, the same call continues.

        Args:
            source: a folder, `unsplash:DIR`, `urls:FILE`, `parquet:PATH`, `hf:OWNER/DATASET`, or
                a source of your own.
            encoder: as for `vistazo.open`.
            limit: take only the first so many items of the source.
            prune: remove photos whose file has gone.
            retry_failed: take up only what failed before.
            wait_for_index: return when the vector index of a large library is built. Searches are
                right meanwhile; closing the library cuts a build short.
            photos_only: leave alone what a data set brings beside photos: conversions, keywords,
                collections and colors.
            vectors_of: name of the encoder that made a data set's embeddings, where it does not
                say.
            on_progress: called several times a second, in this thread.
        Raises:
            SourceError: the source cannot be read or holds no pictures.
            EncoderMismatch: the library's vectors come from another encoder.
            StorageFull: the disk is full; what was written stays.
            LibraryBusy: another process is indexing or loading; only on a server.
        """
        from vistazo.ingest import pipeline
        from vistazo.sources.named import source_of

        if limit is not None and (type(limit) is not int or limit < 1):
            raise UsageError(f"limit must be a whole number from 1, not {limit!r}")
        pictures = source_of(source, vectors_of=vectors_of)
        plan = pipeline.IngestPlan.of(
            self._settings, retry_failed=retry_failed, prune=prune, whole=limit is None
        )
        purpose = f"indexing {printable(pictures.name)}"
        with self.connection.writing, self.connection.sole_writer(purpose):
            chosen = self._encoder.get(encoder)
            if isinstance(pictures, BringsVectors):
                pictures = pictures.for_encoder(chosen.spec)
            if not fits(self._store.encoder(), chosen.spec):
                self._store.record_encoder(chosen.spec)
            walked = pictures if limit is None else First(pictures, limit)
            report = pipeline.index(walked, chosen, self._store, self._journal, plan, on_progress)
        large = self._store.count() >= self._settings.vector_index_rows
        if large:
            self._store.keep_indexed(chosen.spec.dim)
        self._path.refresh()
        if isinstance(pictures, BringsTables) and not (photos_only or retry_failed):
            report = replace(report, loads=load_tables(self.connection, pictures.tables()))
            self.note_change()  # a filter may ask for keywords
        if isinstance(pictures, BringsVectors):
            report = replace(report, notes=tuple(pictures.notes))
        if wait_for_index and large:
            self.wait_for_index()
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
        return load_conversions(self.connection, file, on_progress=on_progress)

    # Giving away

    def build_dataset(
        self,
        source: str | os.PathLike[str] | Source,
        out: str | os.PathLike[str],
        plan: BuildPlan | None = None,
    ) -> BuildReport:
        """Write the photos of an indexed source, and their conversions, as Parquet files.

        Raises:
            DatasetError: nothing of the source is in the library, or `out` cannot be written.
        """
        from vistazo.datasets import build
        from vistazo.sources.named import source_of

        return build.build(self.connection, source_of(source), out, plan or build.BuildPlan())

    # Finding

    def search(
        self,
        text: str | None = None,
        *,
        image: Any = None,
        k: int = 10,
        where: str = "",
        like: Sequence[str] = (),
        dislike: Sequence[str] = (),
        **wishes: Unpack[Wishes],
    ) -> Hits:
        """The k photos that fit a text, or look like an image, best first.

        Args:
            text: words, or weights, negatives, pictures and filters: docs/searching.md.
            image: a path, the bytes of an image file, or a `PIL.Image.Image`.
            k: 1 to 100,000; fewer hits come back only when fewer photos match.
            where: a filter, such as "width > 1000 and taken >= 2019"; see docs/filters.md.
            like, dislike: ids of photos to find more of, or less.
            wishes: how hits are put in order: mode, words_weight, popular, fold, diverse.. as in
                `Query`.
        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: the library holds no photo.
        """
        return self.find(
            Query(
                text=text,
                image=image,
                k=k,
                where=where,
                like=tuple(like),
                dislike=tuple(dislike),
                **wishes,
            )
        )

    def similar(
        self, photo_id: str, k: int = 10, *, where: str = "", **wishes: Unpack[Wishes]
    ) -> Hits:
        """The k photos most like one of the library, never that photo itself.

        Raises:
            PhotoNotFound: there is no such photo.
        """
        return self.find(Query(photo_id=photo_id, k=k, where=where, **wishes))

    def find(self, query: Query) -> Hits:
        """Answer a query of any kind."""
        title = title_of(query)
        return Hits(self._engine.search(query), self.thumbnails, title)

    # Asking

    def demand(self, query: Query) -> Demand:
        """How often people downloaded what a query finds, and what they had searched for."""

        def ask() -> Demand:
            found = self._engine.statement(query, self._path)
            return demand(self.connection, found.sql, found.params, settings=found.settings)

        return self._engine.steady(ask)

    def downloads(self, query: Query | None = None) -> Downloads:
        """Questions about downloads: top keywords, countries, months, what rises, mismatches.

        Args:
            query: count only downloads of the photos it finds; None counts the whole log.
        """
        found = None if query is None else self._engine.statement(query, self._path)
        return Downloads(self.connection, found)

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
        text, values = sqlread.expand_embed(query, self.embed, params)
        if not sqlread.is_write(query):
            return self.connection.table(text, values)
        self.connection.execute(text, values)
        self.note_change()
        return pa.table({})

    def note_change(self) -> None:
        """Take note of photos that were changed by other means than this object's."""
        self._store.note_change()
        self._path.refresh()

    def read_sql(
        self, query: str, params: Mapping[str, Any] | None = None, *, limits: SqlLimits
    ) -> pa.Table:
        """Run one reading statement for somebody else: within limits, over known tables only.

        Raises:
            InvalidSQL: the text is wrong, writes, or reads anything but the library's tables.
        """
        with beside(self._address, self.connection) as connection:
            return limits.run(connection, query, self.embed, params)

    def failures(self) -> list[Failure]:
        """Every item that could not be taken in and still stands as failed, by URL."""
        return self._journal.failures()

    def stats(self) -> Stats:
        """What the library holds."""
        causes = dict(Counter(failure.code for failure in self._journal.failures()))
        return Stats(
            library=self.name,
            encoder=self.encoder,
            photos=self._store.count(),
            sources=self._store.sources(),
            failures=causes,
            conversions=totals(self.connection),
            vector_index=self._store.index_status(),
        )

    def index_status(self) -> IndexStatus:
        """State of the vector index: `Absent`, `InProgress`, `Built` or `Error`."""
        return self._store.index_status()

    def wait_for_index(self, timeout_s: float = math.inf) -> IndexStatus:
        """Wait until the vector index is built, at most so long; its state then."""
        return self._store.wait_indexed(timeout_s)

    def close(self) -> None:
        """Give the library back; another process can open it then."""
        if self._open:
            self._open = False
            self._resident.close()
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

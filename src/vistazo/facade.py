"""What can be asked of a library, wherever it is: open in this process, or behind a server.

`library.Library` and `remote.RemoteLibrary` have this shape, as `opening.open` proves to mypy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, Self, Unpack

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa

    from vistazo.datasets.build import BuildPlan, BuildReport
    from vistazo.encoders.base import Encoder
    from vistazo.evaluation.report import Evaluation
    from vistazo.ingest.progress import Progress
    from vistazo.records import (
        CountryDownloads,
        Demand,
        EncoderSpec,
        Failure,
        IndexStatus,
        IngestReport,
        KeywordDownloads,
        LoadReport,
        Mismatch,
        MonthDownloads,
        Photo,
        Query,
        RisingKeyword,
        Stats,
    )
    from vistazo.search.hits import Hits
    from vistazo.search.overview.atlas import PhotoMap
    from vistazo.search.overview.copies import DuplicateGroup
    from vistazo.sources.base import Source
    from vistazo.wishes import Wishes


class AsksDownloads(Protocol):
    """Questions to the log of downloads; see `analytics.trends.Downloads`."""

    def total(self) -> int:
        """How many downloads there were."""

    def top_keywords(self, limit: int = ..., /) -> tuple[KeywordDownloads, ...]:
        """What was searched for before a download, most frequent first."""

    def by_country(self, limit: int = ..., /) -> tuple[CountryDownloads, ...]:
        """Where downloads came from, most frequent first."""

    def by_month(self) -> tuple[MonthDownloads, ...]:
        """Downloads by month of UTC, from the first to the last."""

    def rising(self, days: int = ..., limit: int = ...) -> tuple[RisingKeyword, ...]:
        """Keywords whose share of the downloads has grown most."""

    def mismatches(self, limit: int = ..., /) -> tuple[Mismatch, ...]:
        """Searched for X, but downloaded Y."""


class Facade(Protocol):
    """A library; what each method does is told by `library.Library`."""

    @property
    def name(self) -> str:
        """The library's folder, or its DSN without the password, in one printable line."""

    @property
    def path(self) -> Path:
        """The library's folder, on the machine that has it open."""

    @property
    def encoder(self) -> EncoderSpec | None:
        """The encoder that made the vectors."""

    @property
    def encoder_notice(self) -> str:
        """What a user should know once of the library's encoder."""

    def encoder_choice(self) -> tuple[str, str]:
        """Which encoder a new library gets, and why."""

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
        """Bring the library up to date with a source."""

    def load_conversions(
        self,
        file: str | os.PathLike[str],
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> LoadReport:
        """Load a log of downloads."""

    def build_dataset(
        self,
        source: str | os.PathLike[str] | Source,
        out: str | os.PathLike[str],
        plan: BuildPlan | None = None,
    ) -> BuildReport:
        """Write a source's photos and their conversions as Parquet files."""

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
        """The k photos that fit a text, or look like an image."""

    def similar(
        self, photo_id: str, k: int = 10, *, where: str = "", **wishes: Unpack[Wishes]
    ) -> Hits:
        """The k photos most like one of the library."""

    def find(self, query: Query) -> Hits:
        """Answer a query of any kind."""

    def random(self, k: int = 1, *, where: str = "") -> Hits:
        """Up to k different photos by chance."""

    def photo(self, photo_id: str) -> Photo:
        """One photo with all that is known of it."""

    def thumbnails(self, photo_ids: Sequence[str]) -> dict[str, bytes]:
        """WebP or JPEG bytes by photo id."""

    def demand(self, query: Query) -> Demand:
        """How often people downloaded what a query finds."""

    def downloads(self, query: Query | None = None) -> AsksDownloads:
        """Questions about downloads."""

    def duplicates(
        self,
        *,
        exact: bool = False,
        where: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[DuplicateGroup]:
        """Groups of photos that are the same."""

    def map(self, *, where: str = "", themes: int | None = None, limit: int = 25_000) -> PhotoMap:
        """Photos in the plane, and their themes."""

    def evaluate(
        self,
        labels: str | os.PathLike[str],
        *,
        split: str = "test",
        column: str | None = None,
        template: str = "a photo of {}",
        among: str = "set",
        search: bool = False,
        depth: int = 100,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Evaluation:
        """How well texts find the pictures that a labelled set says they should."""

    def sql(
        self, query: str, params: Mapping[str, Any] | None = None, *, write: bool = False
    ) -> pa.Table:
        """Run one SQL statement."""

    def failures(self) -> list[Failure]:
        """Every item that stands as failed."""

    def stats(self) -> Stats:
        """What the library holds."""

    def index_status(self) -> IndexStatus:
        """State of the vector index."""

    def wait_for_index(self, timeout_s: float = math.inf) -> IndexStatus:
        """Wait until the vector index is built."""

    def close(self) -> None:
        """Give the library back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

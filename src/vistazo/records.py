"""What moves through the house: plain frozen records, no behaviour beyond naming."""

from __future__ import annotations

import datetime as dt
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from vistazo.asking import Query as Query
from vistazo.downloads import CountryDownloads as CountryDownloads
from vistazo.downloads import KeywordDownloads as KeywordDownloads
from vistazo.downloads import Mismatch as Mismatch
from vistazo.downloads import MonthDownloads as MonthDownloads
from vistazo.downloads import RisingKeyword as RisingKeyword

if TYPE_CHECKING:
    from vistazo.arrays import Float32Array as Float32Array
    from vistazo.arrays import UInt8Array as UInt8Array


def __getattr__(name: str) -> Any:
    if name not in ("Float32Array", "UInt8Array"):
        raise AttributeError(f"module 'vistazo.records' has no attribute {name!r}")
    return getattr(importlib.import_module("vistazo.arrays"), name)


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What a library records of the encoder that made its vectors.

    Attributes:
        name: as given to `--encoder`.
        dim: length of an embedding.
        checksum: SHA-256 (hex) over the weights and everything that shapes their input.
    """

    name: str
    dim: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source or the picture's own EXIF says of a photo; empty means unknown.

    Attributes:
        taken_at: local time of the camera, without a zone.
        latitude, longitude: degrees, WGS 84, north and east positive.
        attributes: whatever else the source brings, by its column's name.
    """

    description: str = ""
    photographer: str = ""
    camera: str = ""
    place: str = ""
    taken_at: dt.datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of `photos`, without its vector.

    Attributes:
        photo_id: the source's id, or 11 URL-safe characters hashed from the relative path.
        url: `file:` URL or web address, as the column `photo_image_url` holds it.
        content_hash: BLAKE2b-128 (hex) of the file's bytes.
        fingerprint: changes when the file or what its source says of it changes.
        size_bytes: of the file.
        width, height: pixels, upright (EXIF orientation applied).
        format: `JPEG`, `PNG`, ... as Pillow names it.
        source: the folder or table that brought it.
    """

    photo_id: str
    url: str
    width: int
    height: int
    format: str = ""
    size_bytes: int = 0
    content_hash: str = ""
    fingerprint: str = ""
    source: str = ""
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def uri(self) -> str:
        """The path of a local photo, the address of any other."""
        return uri_of(self.url)


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo that was found.

    Attributes:
        photo_id: key of the photo in `photos`, `conversions` and `thumbnails`.
        uri: path of a local photo, address of any other.
        score: cosine similarity in [-1, 1], higher is better; exact. NaN where nothing was
            compared (`Library.random`). Words and downloads change the order of hits, not this.
        width, height: pixels, upright.
        why: what brought it here, such as `picture 0.21`, `caption: boat, lake`.
        unusual: by how many spreads (robust standard deviations) the score lies above the middle
            of all photos' scores for this query; NaN where nothing was compared.
        weak: nothing of the library really matches the query, and this is the best of it.
    """

    photo_id: str
    uri: str
    score: float
    description: str = ""
    width: int = 0
    height: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    unusual: float = float("nan")
    weak: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON; a path that is not UTF-8 is shown with escapes."""
        return {
            "photo_id": self.photo_id,
            "uri": printable(self.uri),
            "score": None if self.score != self.score else round(self.score, 6),
            "description": self.description,
            "width": self.width,
            "height": self.height,
            "attributes": dict(self.attributes),
            "why": list(self.why),
            "unusual": None if self.unusual != self.unusual else round(self.unusual, 3),
            "weak": self.weak,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a query finds, and how it was found.

    Attributes:
        hits: best first; for newest photos the score is NaN.
        total: photos that match the filter, this page's and all others.
        version: of the library; it rises with every change.
        path: what answered: `database`, `index`, `resident` or `newest`.
        reason: a sentence that says why.
        stages_ms: milliseconds for `embed`, `search` and `metadata`.
        weak: nothing really matches the query; the hits are the best of what there is.
    """

    hits: tuple[Hit, ...]
    total: int
    version: int
    path: str
    reason: str
    stages_ms: Mapping[str, float]
    weak: bool = False


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value that photos have, how many have it, and the filter that keeps only these."""

    value: str
    count: int
    where: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that could not be taken in; a row of `failures`.

    Attributes:
        stage: `fetch`, `decode`, `embed` or `insert`.
        code: the cause in a word, the same for all items that failed alike.
        message: one sentence.
        attempts: how often it was tried.
        fingerprint: of the file when it failed; a changed file is tried again.
    """

    url: str
    stage: str
    code: str
    message: str
    attempts: int = 1
    fingerprint: str = ""
    source: str = ""

    @property
    def uri(self) -> str:
        """The path of a local item, the address of any other."""
        return uri_of(self.url)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest run did.

    Attributes:
        added: photos embedded and new.
        updated: photos whose file or metadata had changed.
        moved: photos whose file was found under another path; the vector was kept.
        unchanged: photos left alone.
        pruned: rows removed because their file has gone.
        failures: causes with their counts, this run's and those that still stand.
        seconds: wall clock.
        loads: what became of a data set's other files, by their names.
        notes: sentences for the user, such as why a data set's embeddings were left out.
    """

    added: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    pruned: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    loads: Mapping[str, LoadReport] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """How many items of the source have failed and still stand as failures."""
        return sum(self.failures.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that was found, with how often it was downloaded."""

    photo_id: str
    uri: str
    score: float
    downloads: int


@dataclass(frozen=True, slots=True)
class Demand:
    """Downloads of the photos that a query finds.

    Attributes:
        candidates: the k nearest photos, most downloaded first; those never downloaded are last.
        most_popular: the first of them, None when none was ever downloaded.
        top_keywords: (keyword, downloads) of the most popular one, most frequent first.
    """

    candidates: tuple[Candidate, ...]
    most_popular: Candidate | None
    top_keywords: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What loading a file of conversions, keywords, collections or colors did.

    Attributes:
        rows: those now in the library from this file.
        rejected: lines that could not be read as a row.
        unknown_photos: loaded rows whose photo is not in the library (yet).
        replaced: rows of an earlier state of the same file that were taken out.
        state: `loaded`, or `unchanged` when the same content was there already.
    """

    rows: int
    rejected: int = 0
    unknown_photos: int = 0
    replaced: int = 0
    state: Literal["loaded", "unchanged"] = "loaded"
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """What the conversions of a library amount to.

    Attributes:
        conversions: rows.
        loads: files' contents among them, each counted once.
        photos: different photos that were downloaded.
        keywords: different keywords, the empty one not counted.
        top_keywords: the five most frequent, with their downloads.
        unknown_photos: conversions whose photo is not in the library (yet).
    """

    conversions: int
    loads: int
    photos: int
    keywords: int
    top_keywords: tuple[tuple[str, int], ...]
    unknown_photos: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """State of the vector index: `Absent`, `InProgress`, `Built` or `Error` with its reason."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a library holds.

    Attributes:
        library: its folder.
        encoder: None before the first photo.
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


def url_of(path: str | os.PathLike[str]) -> str:
    """The `file:` URL of an absolute path; keeps bytes that are not UTF-8, and newlines."""
    return Path(path).as_uri()


def uri_of(url: str) -> str:
    """The path behind a `file:` URL (undecodable bytes as surrogates), else the URL itself."""
    if not url.startswith("file:"):
        return url
    return unquote(urlsplit(url).path, errors="surrogateescape")


def printable(text: str) -> str:
    """`text` in one line of valid UTF-8: control characters and stray bytes as escapes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")

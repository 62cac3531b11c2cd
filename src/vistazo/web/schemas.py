"""What the interface answers and takes, as OpenAPI describes it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Base of all: what an answer lacks here, it has not."""

    model_config = ConfigDict(extra="forbid")


class Cause(Model):
    """What went wrong."""

    code: str
    message: str


class Refused(Cause):
    """Why a request is refused; `position` is where, from 0, in a query that cannot be read."""

    position: int | None = None


class Error(Model):
    """The one shape of every error."""

    error: Refused


class Health(Model):
    """That the server is up."""

    status: Literal["ok"]
    version: str


class HitOut(Model):
    """A photo that was found; `score` is the cosine similarity, null where nothing was compared.

    `why` says what brought it here. `unusual` is by how many spreads the score lies above the middle
    of all photos' for this query. `weak`: nothing really matches, and this is the best there is.
    """

    photo_id: str
    uri: str
    score: float | None
    description: str
    width: int
    height: int
    attributes: dict[str, str]
    why: list[str]
    unusual: float | None
    weak: bool
    thumbnail: str
    page: str


class QueryOut(Model):
    """What was looked for. `image_key` finds the same image again while it is kept."""

    kind: Literal["text", "image", "url", "photo", "liked", "newest", "random"]
    text: str | None = None
    photo_id: str | None = None
    image_key: str | None = None
    where: str = ""


class Stages(Model):
    """Milliseconds."""

    embed: float
    search: float
    metadata: float


class Explain(Model):
    """How the hits were found."""

    path: str
    reason: str
    stages_ms: Stages


class FacetValueOut(Model):
    """`where` is the filter that keeps only photos with this value."""

    value: str
    count: int
    where: str


class FacetOut(Model):
    """The values of one facet, most frequent first."""

    name: str
    values: list[FacetValueOut]


class Facets(Model):
    """Facets of a result set; `photos` is how many were counted."""

    facets: list[FacetOut]


class SearchOut(Model):
    """A page of hits. `total` counts all photos that match the filter; by words, those that have any.

    The order is that of pictures, words and downloads together; `score` is the picture's. `weak`:
    nothing in the library really matches.
    """

    hits: list[HitOut]
    next_cursor: str | None
    query: QueryOut
    total: int
    explain: Explain | None = None
    facets: list[FacetOut] | None = None
    notice: str | None = None
    weak: bool = False


class PhotoOut(Model):
    """Everything that is known of a photo."""

    photo_id: str
    uri: str
    url: str
    description: str
    photographer: str
    camera: str
    place: str
    taken_at: dt.datetime | None
    latitude: float | None
    longitude: float | None
    width: int
    height: int
    format: str
    size_bytes: int
    content_hash: str
    source: str
    attributes: dict[str, str]
    downloads: int
    original: str
    thumbnail: str


class MonthOut(Model):
    """Downloads of the month that begins on this day, in UTC."""

    month: dt.date
    downloads: int


class KeywordOut(Model):
    """Downloads after a search for this keyword."""

    keyword: str
    downloads: int


class CountryOut(Model):
    """Downloads from a country; empty where the log does not say."""

    country: str
    downloads: int


class Downloads(Model):
    """How often photos were downloaded, when, from where and after which search."""

    total: int
    months: list[MonthOut]
    keywords: list[KeywordOut]
    countries: list[CountryOut]


class CandidateOut(Model):
    """A photo with its downloads."""

    photo_id: str
    uri: str
    score: float | None
    downloads: int
    thumbnail: str


class DemandOut(Model):
    """Photos, most downloaded first, and what was searched for by those who took the first."""

    candidates: list[CandidateOut]
    most_popular: CandidateOut | None
    top_keywords: list[KeywordOut]


class Selection(Model):
    """Photos that somebody picked."""

    photo_ids: list[str] = Field(min_length=1, max_length=10_000)


class SqlIn(Model):
    """One reading statement; `params` fill its {name:Type} placeholders."""

    query: str = Field(min_length=1, max_length=100_000)
    params: dict[str, str | int | float | bool | list[str] | list[float]] = Field(
        default_factory=dict
    )
    max_rows: int = Field(default=1000, ge=1, le=100_000)


class ColumnOut(Model):
    """A column of a result."""

    name: str
    type: str


class SqlOut(Model):
    """Rows as lists; whole numbers beyond 2^53, bytes and times are texts."""

    columns: list[ColumnOut]
    rows: list[list[Any]]
    truncated: bool
    elapsed_ms: float


class SqlText(Model):
    """A statement."""

    sql: str


class EncoderOut(Model):
    """The encoder that made the vectors."""

    name: str
    dim: int
    checksum: str


class TotalsOut(Model):
    """The log of downloads."""

    conversions: int
    loads: int
    photos: int
    keywords: int
    unknown_photos: int
    top_keywords: list[KeywordOut]


class IndexOut(Model):
    """State of the vector index."""

    state: str
    reason: str


class StatsOut(Model):
    """What the library holds."""

    library: str
    encoder: EncoderOut | None
    encoder_notice: str
    photos: int
    sources: dict[str, int]
    failures: dict[str, int]
    conversions: TotalsOut
    vector_index: IndexOut
    version: int


class FailureOut(Model):
    """An item that could not be taken in."""

    uri: str
    stage: str
    code: str
    message: str
    attempts: int
    source: str


class Failures(Model):
    """Items that stand as failed, by address; `total` counts all of them."""

    failures: list[FailureOut]
    total: int

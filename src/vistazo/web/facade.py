"""`/library`: every answer of the Python facade, whole; what `vistazo.open` asks a server.

The other rooms answer pages: rounded, a page at a time, in valid text. Here a record has all its
fields, a score all its digits, and a path the bytes that its file system gave it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Request, Response, UploadFile
from fastapi.routing import APIRoute
from pydantic import Field

import vistazo
from vistazo.errors import (
    EncoderMismatch,
    InvalidFilter,
    InvalidQuery,
    InvalidSQL,
    StoreError,
    VistazoError,
)
from vistazo.records import Query
from vistazo.search.feedback import MAX_JUDGED
from vistazo.search.query import MAX_TERMS, parse
from vistazo.store.bounded import SqlLimits
from vistazo.web import schemas, uploads
from vistazo.web.indexing import Accepted, JobIn
from vistazo.web.jobs import Jobs, Tell, plain
from vistazo.web.keys import Role
from vistazo.web.refusals import Forbidden
from vistazo.web.session import Writer

if TYPE_CHECKING:
    import pyarrow as pa

    from vistazo.config import Settings
    from vistazo.ingest.progress import Progress
    from vistazo.library import Library
    from vistazo.records import Float32Array, Hit
    from vistazo.store.bounded import Guard
    from vistazo.web.queries import Reader

API = 1  # of these routes; a client of another number says so and does not try
ARROW = "application/vnd.apache.arrow.stream"
_MAX_ROWS = 100_000  # of a reader's statement
_MAX_NUMBERS = 8192  # of a vector


class QueryIn(schemas.Model):
    """What is looked for: one of the first three. Each value is judged as `Query` judges it."""

    text: str | None = Field(default=None, max_length=1_000_000)
    photo_id: str | None = Field(default=None, max_length=100_000)
    vector: list[float] | None = Field(default=None, max_length=_MAX_NUMBERS)
    images: dict[str, list[float]] = Field(
        default_factory=dict,
        max_length=MAX_TERMS,
        description="vectors of the pictures that the text names",
    )
    k: Any = 10
    where: str = Field(default="", max_length=1_000_000)
    like: list[str] = Field(default_factory=list, max_length=MAX_JUDGED + 1)
    dislike: list[str] = Field(default_factory=list, max_length=MAX_JUDGED + 1)
    fold: bool = False
    diverse: Any = 0.0
    encoder: str | None = Field(default=None, max_length=200)
    mode: Any = "both"
    words_weight: Any = 0.5
    popular: Any = 0.0
    popular_for: Any = "all"
    half_life_days: Any = None
    cut: bool = True


class RandomIn(schemas.Model):
    """How many photos, of which."""

    k: Any = 1
    where: str = Field(default="", max_length=1_000_000)


class PhotoIn(schemas.Model):
    """A photo."""

    photo_id: str


class MapIn(schemas.Model):
    """Which photos to put on a map, and how many themes."""

    where: str = Field(default="", max_length=1_000_000)
    themes: Any = None
    limit: Any = 25_000


class PhotosIn(schemas.Model):
    """Photos."""

    photo_ids: list[str] = Field(max_length=500)


class DownloadsIn(schemas.Model):
    """A question about downloads; without one only the query is judged."""

    query: QueryIn | None = None
    question: (
        Literal["total", "top_keywords", "by_country", "by_month", "rising", "mismatches"] | None
    ) = None
    options: dict[Literal["limit", "days"], Any] = Field(default_factory=dict)


class StatementIn(schemas.Model):
    """One SQL statement; `params` fill its {name:Type} placeholders."""

    query: str = Field(min_length=1, max_length=1_000_000)
    params: dict[str, Any] = Field(default_factory=dict)
    write: bool = False


class IndexIn(JobIn):
    """What to index, and what of it."""

    photos_only: bool = False
    vectors_of: str | None = Field(default=None, max_length=200)


class _Detailed(APIRoute):
    """Tells in headers what of an error the common shape does not hold."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response: Response = await handle(request)
            except (EncoderMismatch, InvalidFilter, InvalidQuery, StoreError) as raised:
                shape: Any = request.app.exception_handlers[VistazoError]
                response = shape(request, raised)
                if isinstance(raised, EncoderMismatch):
                    response.status_code = 409  # the caller named another
                elif isinstance(raised, (InvalidFilter, InvalidQuery)):
                    if raised.position is not None:
                        response.headers["X-Vistazo-Position"] = str(raised.position)
                else:
                    response.headers["X-ClickHouse-Exception-Code"] = str(raised.engine_code)
            return response

        return handled


def router(
    library: Library, settings: Settings, jobs: Jobs, guard: Guard, reader: Reader
) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/library", tags=["library"], route_class=_Detailed)

    @routes.get("")
    def about() -> Response:
        """Which library this is, and which encoder made its vectors."""
        encoder = library.encoder
        return _json(
            {
                "api": API,
                "version": vistazo.__version__,
                "name": library.name,
                "folder": str(library.folder or ""),
                "encoder": encoder and dataclasses.asdict(encoder),
            }
        )

    @routes.get("/encoder")
    def encoder(name: str | None = None) -> Response:
        """Which encoder a new library gets and why; what to know of the one that is used."""
        library.check_encoder(name)
        return _json({"choice": library.encoder_choice(), "notice": library.encoder_notice})

    @routes.post("/vector")
    def vector(image: Annotated[UploadFile, File(description="a picture")]) -> Response:
        """The vector of an image, to be sent as a query's."""
        picture = uploads.read_image(image.file.read(), settings.max_pixels)
        return _json({"vector": library.paging.vector(picture).tolist()})

    @routes.post("/find")
    def find(asked: QueryIn) -> Response:
        """The k hits of a query."""
        return _json({"hits": [_hit(hit) for hit in library.find(_query(library, reader, asked))]})

    @routes.post("/random")
    def by_chance(asked: RandomIn) -> Response:
        """Photos by chance."""
        return _json({"hits": [_hit(hit) for hit in library.random(asked.k, where=asked.where)]})

    @routes.post("/map")
    def photo_map(asked: MapIn) -> Response:
        """Photos in the plane, and their themes."""
        made = library.map(where=asked.where, themes=asked.themes, limit=asked.limit).to_dict()
        return _json(made | {"places": [list(each.values()) for each in made["places"]]})

    @routes.post("/photo")
    def photo(asked: PhotoIn) -> Response:
        """All that is known of a photo."""
        found = library.photo(asked.photo_id)
        fields = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
        facts = {
            each.name: getattr(found.metadata, each.name)
            for each in dataclasses.fields(found.metadata)
        }
        taken = found.metadata.taken_at
        facts |= {
            "taken_at": taken and taken.isoformat(),
            "attributes": dict(found.metadata.attributes),
        }
        return _json(fields | {"metadata": facts})

    @routes.post(
        "/thumbnails",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    def thumbnails(asked: PhotosIn) -> Response:
        """A line of JSON, [[id, bytes], ..], and then the thumbnails one after the other."""
        found = library.thumbnails(asked.photo_ids)
        sizes = json.dumps([[photo_id, len(data)] for photo_id, data in found.items()])
        body = sizes.encode("ascii") + b"\n" + b"".join(found.values())
        return _bytes(body, "application/octet-stream")

    @routes.post("/demand")
    def demand(asked: QueryIn) -> Response:
        """Downloads of what a query finds."""
        found = library.demand(_query(library, reader, asked))
        rows = [
            [each.photo_id, each.uri, _number(each.score), each.downloads]
            for each in found.candidates
        ]
        return _json({"candidates": rows, "top_keywords": found.top_keywords})

    @routes.post("/downloads")
    def downloads(asked: DownloadsIn) -> Response:
        """One question about the downloads of what a query finds, or of all."""
        query = None if asked.query is None else _query(library, reader, asked.query)
        found = library.downloads(query)
        if asked.question is None:
            return _json({"rows": []})
        if asked.question == "total":
            return _json({"total": found.total()})
        allowed = {"rising": {"days", "limit"}, "by_month": set()}.get(asked.question, {"limit"})
        options = {name: value for name, value in asked.options.items() if name in allowed}
        rows = getattr(found, asked.question)(**options)
        return _json({"rows": [dataclasses.astuple(row) for row in rows]})

    @routes.post("/sql", response_class=Response, responses={200: {"content": {ARROW: {}}}})
    def sql(asked: StatementIn, request: Request) -> Response:
        """The rows of a statement as an Arrow stream; the owner's run unlimited and may write."""
        is_owner = request.scope.get("state", {}).get("role") is Role.OWNER
        if asked.write and not is_owner:
            raise Forbidden("writing by SQL needs the owner's token here; else use the SQL port")
        if is_owner:
            return _arrow(library.sql(asked.query, asked.params, write=asked.write))
        limits = SqlLimits(guard, max_rows=_MAX_ROWS + 1)
        table = library.read_sql(asked.query, asked.params, limits=limits)
        if table.num_rows > _MAX_ROWS:
            raise InvalidSQL(f"the answer has more than {_MAX_ROWS:,} rows: add a LIMIT")
        return _arrow(table)

    @routes.get("/failures")
    def failures() -> Response:
        """Every item that stands as failed."""
        return _json({"failures": [dataclasses.asdict(each) for each in library.failures()]})

    @routes.get("/stats")
    def stats() -> Response:
        """What the library holds."""
        return _json(dataclasses.asdict(library.stats()))

    @routes.get("/vector-index")
    def vector_index() -> Response:
        """State of the vector index."""
        return _json(dataclasses.asdict(library.index_status()))

    @routes.post("/index", status_code=202, response_model=Accepted)
    def index(asked: IndexIn, _: Writer) -> Response:
        """Index a source, after the jobs that wait already."""
        library.check_encoder(asked.encoder)
        job = jobs.add("index", asked.source, _indexing(library, asked))
        return _json({"job_id": job.job_id}, 202)

    return routes


def _indexing(library: Library, asked: IndexIn) -> Callable[[Tell], Mapping[str, Any]]:
    def work(tell: Tell) -> Mapping[str, Any]:
        def on_progress(state: Progress) -> None:
            tell({"done": state.done, "total": state.total, "failed": state.failed})

        tell({"done": 0})
        report = library.index(
            asked.source,
            **asked.model_dump(exclude={"source"}),
            wait_for_index=False,
            on_progress=on_progress,
        )
        return {**plain(report), "failed": report.failed}

    return work


def _query(library: Library, reader: Reader, asked: QueryIn) -> Query:
    library.check_encoder(asked.encoder)
    vector = None if asked.vector is None else _vector(library, asked.vector)
    parsed = parse(asked.text or "")
    images = {name: _vector(library, numbers) for name, numbers in asked.images.items()}
    if not images.keys() >= set(parsed.images):
        images |= reader.images(parsed)
    wishes = asked.model_dump(exclude={"vector", "encoder", "images", "like", "dislike"})
    like, dislike = tuple(asked.like), tuple(asked.dislike)
    return Query(vector=vector, images=images, like=like, dislike=dislike, **wishes)


def _vector(library: Library, numbers: list[float]) -> Float32Array:
    with np.errstate(over="ignore"):
        vector = np.asarray(numbers, dtype=np.float32)
    encoder = library.encoder
    if encoder is not None and (len(vector) != encoder.dim or not np.isfinite(vector).all()):
        raise InvalidQuery(f"a vector of this library has {encoder.dim} finite numbers")
    return vector


def _hit(hit: Hit) -> list[Any]:
    numbers = (_number(hit.score), hit.description, hit.width, hit.height)
    place = (hit.why, _number(hit.unusual), hit.weak)
    return [hit.photo_id, hit.uri, *numbers, dict(hit.attributes), *place]


def _number(score: float) -> float | None:
    return None if score != score else score


def _json(value: Any, status: int = 200) -> Response:
    # Escapes keep a file name's stray bytes, which UTF-8 cannot hold.
    data = json.dumps(value, ensure_ascii=True, default=str, separators=(",", ":"))
    return _bytes(data.encode("ascii"), "application/json", status)


def _arrow(table: pa.Table) -> Response:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return _bytes(sink.getvalue().to_pybytes(), ARROW)


def _bytes(data: bytes, media_type: str, status: int = 200) -> Response:
    return Response(data, status, {"Cache-Control": "no-store"}, media_type=media_type)

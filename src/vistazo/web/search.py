"""`/search` and `/facets`: what a text, an image or a photo finds, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from vistazo.errors import InvalidQuery
from vistazo.records import FacetValue, Hit, Page, printable
from vistazo.records import Query as Wishes
from vistazo.search.facets import NAMES
from vistazo.search.hits import NOTHING_MATCHES
from vistazo.search.paging import MAX_OFFSET
from vistazo.web import schemas
from vistazo.web.answers import answer
from vistazo.web.queries import MAX_K, MAX_TEXT, Asked, Parameters, cursor_of, read_cursor
from vistazo.web.uploads import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vistazo.library import Library
    from vistazo.web.queries import Reader

_USUAL = "camera,year,country,category,format"
_COUNTED = 200  # hits that facets are counted over

Cursor = Annotated[str | None, Query(max_length=200, description="of the page before")]
Names = Annotated[str, Query(max_length=200, description=f"of {', '.join(NAMES)}, by commas")]


def thumbnail_of(photo_id: str) -> str:
    """The address of a photo's thumbnail."""
    return f"/api/v1/photos/{quote(photo_id, safe='')}/thumbnail"


def router(library: Library, reader: Reader) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["search"])

    @routes.get("/search", response_model=schemas.SearchOut)
    def search(
        given: Parameters,
        cursor: Cursor = None,
        explain: bool = False,
        facets: bool = False,
    ) -> Response:
        """Photos that fit a text, look like an image or a photo; without any, the newest."""
        return answer(_page(library, reader.read(given), cursor, explain, facets))

    @routes.post("/search", response_model=schemas.SearchOut)
    def search_by_image(
        image: Annotated[UploadFile, File(description="a picture of at most 32 MB")],
        k: Annotated[int, Form(ge=1, le=MAX_K)] = 20,
        cursor: Annotated[str | None, Form(max_length=200)] = None,
        where: Annotated[str, Form(max_length=MAX_TEXT)] = "",
        explain: Annotated[bool, Form()] = False,
        facets: Annotated[bool, Form()] = False,
        popular: Annotated[float, Form(ge=0, le=1)] = 0.0,
        half_life_days: Annotated[float | None, Form(ge=0.001, le=100_000)] = None,
        cut: Annotated[bool, Form()] = True,
        fold: Annotated[bool, Form()] = False,
        diverse: Annotated[float, Form(ge=0, le=1)] = 0.0,
    ) -> Response:
        """Photos that look like the image sent; `query.image_key` pages on by GET."""
        data = image.file.read(MAX_IMAGE_BYTES + 1)
        if len(data) > MAX_IMAGE_BYTES:
            raise InvalidQuery(f"the image is larger than {MAX_IMAGE_BYTES >> 20} MB")
        wishes = Wishes(
            k=k,
            where=where,
            popular=popular,
            half_life_days=half_life_days,
            cut=cut,
            fold=fold,
            diverse=diverse,
        )
        return answer(_page(library, reader.image(data, wishes), cursor, explain, facets))

    @routes.get("/facets", response_model=schemas.Facets)
    def facets(
        given: Parameters,
        of: Names = _USUAL,
        first: Annotated[int, Query(ge=1, le=5000, description="hits to count")] = _COUNTED,
    ) -> Response:
        """What the first hits have in common; without a query, all photos of the filter."""
        asked = reader.read(given).with_k(first)
        return answer(schemas.Facets(facets=_facets(library, asked, of)))

    return routes


def _page(
    library: Library, asked: Asked, cursor: str | None, explain: bool, facets: bool
) -> schemas.SearchOut:
    offset, version = read_cursor(cursor)
    if asked.query is None:
        page = library.paging.newest(asked.k, asked.where, offset)
    else:
        page = library.paging.find(asked.query, offset)
    end = offset + len(page.hits)
    more = end < page.total and end <= MAX_OFFSET and bool(page.hits)
    notice = None
    if version not in (None, page.version):
        notice = (
            "the library has changed since the first page: some photos may repeat or be missing"
        )
    elif end < page.total and not more:
        notice = f"no more than {MAX_OFFSET:,} hits can be paged through; narrow the search"
    elif page.weak:
        notice = NOTHING_MATCHES
    return schemas.SearchOut(
        hits=[hit_out(hit) for hit in page.hits],
        next_cursor=cursor_of(end, page.version if version is None else version) if more else None,
        query=schemas.QueryOut(
            kind=asked.kind,
            text=asked.text,
            photo_id=asked.query.photo_id if asked.query else None,
            image_key=asked.image_key,
            where=asked.where,
        ),
        total=page.total,
        explain=_explain(page) if explain else None,
        facets=_facets(library, asked.with_k(_COUNTED), _USUAL) if facets else None,
        notice=notice,
        weak=page.weak,
    )


def hit_out(hit: Hit) -> schemas.HitOut:
    """A hit, ready for JSON."""
    return schemas.HitOut(
        **hit.to_dict(),
        thumbnail=thumbnail_of(hit.photo_id),
        page=f"/#photo={quote(hit.photo_id, safe='')}",
    )


def _explain(page: Page) -> schemas.Explain:
    stages = schemas.Stages(**page.stages_ms)
    return schemas.Explain(path=page.path, reason=page.reason, stages_ms=stages)


def _facets(library: Library, asked: Asked, of: str) -> list[schemas.FacetOut]:
    names = list(dict.fromkeys(name for name in of.replace(",", " ").split()))
    found: Mapping[str, list[FacetValue]] = library.paging.facets(names, asked.query, asked.where)
    return [
        schemas.FacetOut(
            name=name,
            values=[
                schemas.FacetValueOut(
                    value=printable(each.value), count=each.count, where=each.where
                )
                for each in values
            ],
        )
        for name, values in found.items()
    ]

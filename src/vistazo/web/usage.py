"""`/downloads`: how often what a query finds was downloaded, when, where, and after which search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

from vistazo.errors import InvalidQuery
from vistazo.records import Candidate, Demand, printable
from vistazo.web import schemas
from vistazo.web.answers import answer
from vistazo.web.queries import Asked, Parameters
from vistazo.web.search import thumbnail_of

if TYPE_CHECKING:
    from vistazo.analytics.trends import Downloads
    from vistazo.library import Library
    from vistazo.web.queries import Reader

_TOP = 20
Limit = Annotated[int, Query(ge=1, le=500, description="keywords and countries")]


def router(library: Library, reader: Reader) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["downloads"])

    @routes.get("/downloads", response_model=schemas.Downloads)
    def downloads(given: Parameters, limit: Limit = _TOP) -> Response:
        """Downloads of the k photos found; without a query or filter, of the whole log."""
        asked = reader.read(given)
        if asked.query is not None:
            return answer(_downloads(library.downloads(asked.query), limit))
        if not asked.where.strip():
            return answer(_downloads(library.downloads(), limit))
        return answer(downloads_of(library, _newest(library, asked), limit))

    @routes.get("/downloads/demand", response_model=schemas.DemandOut)
    def demand(given: Parameters) -> Response:
        """The k photos found, most downloaded first, with the top keywords of the first."""
        asked = reader.read(given)
        if asked.query is None:
            return answer(_demand(library.selection(_newest(library, asked)).demand()))
        return answer(_demand(library.demand(asked.query)))

    @routes.post("/downloads/selected", response_model=schemas.DemandOut)
    def selected(selection: schemas.Selection) -> Response:
        """The photos picked, most downloaded first, with the top keywords of the first."""
        _check_ids(selection.photo_ids)
        return answer(_demand(library.selection(selection.photo_ids).demand()))

    return routes


def downloads_of(
    library: Library, photo_ids: Sequence[str], limit: int = _TOP
) -> schemas.Downloads:
    """Downloads of photos."""
    return _downloads(library.selection(photo_ids).downloads(), limit)


def total_of(library: Library, photo_id: str) -> int:
    """How often a photo was downloaded."""
    return library.selection([photo_id]).downloads().total()


def _check_ids(photo_ids: Sequence[str]) -> None:
    if any(len(photo_id) > 1024 for photo_id in photo_ids):
        raise InvalidQuery("a photo id has at most 1,024 characters")


def _newest(library: Library, asked: Asked) -> list[str]:
    return [hit.photo_id for hit in library.paging.newest(asked.k, asked.where).hits]


def _downloads(found: Downloads, limit: int) -> schemas.Downloads:
    return schemas.Downloads(
        total=found.total(),
        months=[
            schemas.MonthOut(month=each.month, downloads=each.downloads)
            for each in found.by_month()
        ],
        keywords=[
            schemas.KeywordOut(keyword=printable(each.keyword), downloads=each.downloads)
            for each in found.top_keywords(limit)
        ],
        countries=[
            schemas.CountryOut(country=printable(each.country), downloads=each.downloads)
            for each in found.by_country(limit)
        ],
    )


def _demand(found: Demand) -> schemas.DemandOut:
    popular = found.most_popular
    return schemas.DemandOut(
        candidates=[_candidate(each) for each in found.candidates],
        most_popular=_candidate(popular) if popular else None,
        top_keywords=[
            schemas.KeywordOut(keyword=printable(keyword), downloads=downloads)
            for keyword, downloads in found.top_keywords
        ],
    )


def _candidate(each: Candidate) -> schemas.CandidateOut:
    return schemas.CandidateOut(
        photo_id=each.photo_id,
        uri=printable(each.uri),
        score=None if math.isnan(each.score) else round(each.score, 6),
        downloads=each.downloads,
        thumbnail=thumbnail_of(each.photo_id),
    )

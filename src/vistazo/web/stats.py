"""`/health`, `/stats` and `/failures`: how the library is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

import vistazo
from vistazo.records import printable
from vistazo.web import schemas
from vistazo.web.answers import answer

if TYPE_CHECKING:
    from vistazo.library import Library
    from vistazo.records import Totals


def router(library: Library) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["library"])

    @routes.get("/health", response_model=schemas.Health)
    def health() -> Response:
        """Whether the server is up; asks the library nothing."""
        return answer(schemas.Health(status="ok", version=vistazo.__version__))

    @routes.get("/stats", response_model=schemas.StatsOut)
    def stats() -> Response:
        """What the library holds."""
        found = library.stats()
        encoder = None
        if found.encoder is not None:
            spec = found.encoder
            encoder = schemas.EncoderOut(name=spec.name, dim=spec.dim, checksum=spec.checksum)
        return answer(
            schemas.StatsOut(
                library=found.library,
                encoder=encoder,
                encoder_notice=library.encoder_notice if encoder else "",
                photos=found.photos,
                sources={printable(name): photos for name, photos in found.sources.items()},
                failures=dict(found.failures),
                conversions=_totals(found.conversions),
                vector_index=schemas.IndexOut(
                    state=found.vector_index.state, reason=printable(found.vector_index.reason)
                ),
                version=library.paging.version(),
            )
        )

    @routes.get("/failures", response_model=schemas.Failures)
    def failures(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 500,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> Response:
        """Items that could not be taken in and still stand as failed."""
        found = library.failures()
        return answer(
            schemas.Failures(
                failures=[
                    schemas.FailureOut(
                        uri=printable(each.uri),
                        stage=each.stage,
                        code=each.code,
                        message=printable(each.message),
                        attempts=each.attempts,
                        source=printable(each.source),
                    )
                    for each in found[offset : offset + limit]
                ],
                total=len(found),
            )
        )

    return routes


def _totals(found: Totals) -> schemas.TotalsOut:
    return schemas.TotalsOut(
        conversions=found.conversions,
        loads=found.loads,
        photos=found.photos,
        keywords=found.keywords,
        unknown_photos=found.unknown_photos,
        top_keywords=[
            schemas.KeywordOut(keyword=printable(keyword), downloads=downloads)
            for keyword, downloads in found.top_keywords
        ],
    )

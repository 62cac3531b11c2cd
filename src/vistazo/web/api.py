"""The REST interface, `/api/v1`: its rooms put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from vistazo.web import (
    duplicates,
    evaluations,
    export,
    facade,
    indexing,
    map,
    photos,
    schemas,
    search,
    sql,
    stats,
    uploads,
    usage,
)
from vistazo.web.kept_images import KeptImages
from vistazo.web.queries import Reader

if TYPE_CHECKING:
    from vistazo.config import Settings
    from vistazo.library import Library
    from vistazo.records import Float32Array
    from vistazo.store.bounded import Guard
    from vistazo.web.jobs import Jobs
    from vistazo.web.remote_image import RemoteImages

PREFIX = "/api/v1"
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": schemas.Error, "description": "What is wrong, in a sentence."},
    "5XX": {"model": schemas.Error, "description": "The server, the library or the disk failed."},
}


def router(
    library: Library,
    settings: Settings,
    remote: RemoteImages,
    guard: Guard,
    sessions: APIRouter,
    jobs: Jobs,
) -> APIRouter:
    """Every route below `/api/v1`."""

    def vector(data: bytes) -> Float32Array:
        return library.paging.vector(uploads.read_image(data, settings.max_pixels))

    reader = Reader(KeptImages(), remote, vector)
    routes = APIRouter(prefix=PREFIX, responses=ERRORS)
    for room in (
        stats.router(library),
        search.router(library, reader),
        usage.router(library, reader),
        sql.router(library, reader, guard),
        photos.router(library),
        export.router(library),
        indexing.router(library, jobs),
        duplicates.router(library, jobs),
        evaluations.router(library, jobs),
        map.router(library),
        facade.router(library, settings, jobs, guard, reader),
        sessions,
    ):
        routes.include_router(room)
    return routes

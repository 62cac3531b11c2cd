"""`/map`: photos in the plane with their themes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

from vistazo.search.overview.map import DEFAULT_PHOTOS
from vistazo.search.overview.themes import MAX_THEMES
from vistazo.web import schemas
from vistazo.web.answers import answer
from vistazo.web.queries import MAX_TEXT
from vistazo.web.refusals import Busy

if TYPE_CHECKING:
    from vistazo.library import Library

_KEPT = 8  # maps
_PATIENCE_S = 5.0


class PlaceOut(schemas.Model):
    """Where a photo is, from 0 to 1; `theme` is a place in `themes`."""

    photo_id: str
    x: float
    y: float
    theme: int


class ThemeOut(schemas.Model):
    """Photos that belong together; `example` is the photo nearest to their middle."""

    words: list[str]
    said_by: str
    photos: int
    example: str
    x: float
    y: float


class MapOut(schemas.Model):
    """A map; `total` counts the photos of the filter, also those that were left out."""

    places: list[PlaceOut]
    themes: list[ThemeOut]
    total: int
    method: str


class MakingOut(schemas.Model):
    """How far the map of a filter is that is being made; both 0 where none is."""

    done: int
    total: int


def router(library: Library) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["map"])
    kept: OrderedDict[tuple[object, ...], MapOut] = OrderedDict()
    slot = threading.Semaphore()
    making: dict[str, tuple[int, int]] = {}

    @routes.get("/map", response_model=MapOut)
    def photo_map(
        where: Annotated[str, Query(max_length=MAX_TEXT, description="a filter")] = "",
        themes: Annotated[int | None, Query(ge=1, le=MAX_THEMES)] = None,
        limit: Annotated[int, Query(ge=1, le=DEFAULT_PHOTOS, description="photos")] = (
            DEFAULT_PHOTOS
        ),
    ) -> Response:
        """Photos of a filter, like ones near each other; kept until the library changes."""
        key = (library.paging.version(), where, themes, limit)
        if not slot.acquire(timeout=_PATIENCE_S):
            raise Busy("a map is being made; ask again in a moment")
        try:
            if key not in kept:

                def note(done: int, total: int) -> None:
                    making[where] = (done, total)

                made = library.map(where=where, themes=themes, limit=limit, on_progress=note)
                kept[key] = MapOut(**made.to_dict())
                while len(kept) > _KEPT:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return answer(kept[key])
        finally:
            making.pop(where, None)
            slot.release()

    @routes.get("/map/progress", response_model=MakingOut)
    def progress(where: Annotated[str, Query(max_length=MAX_TEXT)] = "") -> Response:
        """How far a map is that somebody has asked for."""
        done, total = making.get(where, (0, 0))
        return answer(MakingOut(done=done, total=total))

    return routes

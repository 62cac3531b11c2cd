"""`/photos/ID`: one photo, its thumbnail, and photos by chance."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from vistazo.errors import PhotoNotFound
from vistazo.records import Photo, printable
from vistazo.web import answers, schemas
from vistazo.web.answers import answer
from vistazo.web.conditions import Version
from vistazo.web.search import hit_out, thumbnail_of
from vistazo.web.usage import downloads_of, total_of

if TYPE_CHECKING:
    from vistazo.library import Library

# Addresses do not change with the picture, so a browser asks again after a day.
_THUMBNAIL_HEADERS = {"Cache-Control": "private, max-age=86400"}


def router(library: Library) -> APIRouter:
    """The routes; the convertor `anything` must be known by now."""
    routes = APIRouter(tags=["photos"])

    @routes.get(
        "/photos/{photo_id:anything}/thumbnail",
        response_class=Response,
        responses={200: {"content": {"image/webp": {}, "image/jpeg": {}}}, 304: {}},
    )
    def thumbnail(photo_id: str, request: Request) -> Response:
        """The photo, at most 320 pixels wide and high: WebP, or a small JPEG as it came."""
        data = library.thumbnails([photo_id]).get(photo_id)
        if data is None:
            library.photo(photo_id)
            text = f"photo '{printable(photo_id)}' came with its vector and has no thumbnail"
            return answers.error(404, "thumbnail", text)
        version = Version(f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"')
        headers = _THUMBNAIL_HEADERS | version.headers()
        if version.is_had(request.headers):
            return Response(status_code=304, headers=headers)
        kind = "image/jpeg" if data.startswith(b"\xff\xd8") else "image/webp"
        return Response(data, headers=headers, media_type=kind)

    @routes.get("/photos/{photo_id:anything}/downloads", response_model=schemas.Downloads)
    def downloads(photo_id: str) -> Response:
        """How often the photo was downloaded, by month, keyword and country."""
        library.photo(photo_id)
        return answer(downloads_of(library, [photo_id]))

    @routes.get("/photos/{photo_id:anything}", response_model=schemas.PhotoOut)
    def photo(photo_id: str) -> Response:
        """All that is known of a photo."""
        if not photo_id:
            raise PhotoNotFound("the address names no photo")
        return answer(_photo(library.photo(photo_id), total_of(library, photo_id)))

    @routes.get("/random", response_model=schemas.SearchOut)
    def by_chance(
        k: Annotated[int, Query(ge=1, le=500)] = 1,
        where: Annotated[str, Query(max_length=10_000)] = "",
    ) -> Response:
        """Different photos by chance."""
        hits = library.random(k, where=where)
        query = schemas.QueryOut(kind="random", where=where)
        return answer(
            schemas.SearchOut(
                hits=[hit_out(hit) for hit in hits], next_cursor=None, query=query, total=len(hits)
            )
        )

    return routes


def _photo(photo: Photo, downloads: int) -> schemas.PhotoOut:
    facts = photo.metadata
    return schemas.PhotoOut(
        photo_id=photo.photo_id,
        uri=printable(photo.uri),
        url=printable(photo.url),
        description=facts.description,
        photographer=facts.photographer,
        camera=facts.camera,
        place=facts.place,
        taken_at=facts.taken_at,
        latitude=facts.latitude,
        longitude=facts.longitude,
        width=photo.width,
        height=photo.height,
        format=photo.format,
        size_bytes=photo.size_bytes,
        content_hash=photo.content_hash,
        source=photo.source,
        attributes=dict(facts.attributes),
        downloads=downloads,
        original=f"/images/{quote(photo.photo_id, safe='')}",
        thumbnail=thumbnail_of(photo.photo_id),
    )

"""`/images/PHOTO_ID`: a photo of the library, in the shape that the address asks for.

a local file      the file itself, or a picture made of it; once gone, small ones of its thumbnail
a web address     small pictures of the thumbnail, else a redirection to the address
neither           small pictures of the thumbnail
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.convertors import Convertor, register_url_convertor

from vistazo.errors import ImageError
from vistazo.ingest.decode import DEFAULT_LIMITS, THUMBNAIL_SIDE, DecodeLimits, decode
from vistazo.ingest.hosts import is_web, with_image_query
from vistazo.records import Photo, printable
from vistazo.web import answers
from vistazo.web.conditions import Version
from vistazo.web.originals import NoOriginal, Original, Originals
from vistazo.web.shape import MEDIA_TYPES, Shape, render

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from vistazo.config import Settings
    from vistazo.library import Library

PREFIX = "/images/"
# A picture that was indexed anew shows after so long at the latest.
_HEADERS = {"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"}
_TYPES = {"TIFF": "image/tiff", "GIF": "image/gif", "BMP": "image/bmp", "HEIF": "image/heic"} | {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
# For the interface's description.
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in _TYPES.values()}},
    206: {"description": "The part that was asked for."},
    302: {"description": "The photo is at another address."},
    304: {"description": "The client has it already."},
}
_RENDERING = "1"  # part of every ETag: raise it when the same shape gives other bytes


class _Anything(Convertor[str]):
    """Any characters, newlines among them: a photo's id is its source's to choose."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Limits of making pictures.

    Attributes:
        limits: of decoding.
        at_once: pictures made side by side; others wait.
        cache_bytes: of pictures kept after they were made.
        scaling_hosts: web servers that are told the shape when a request is led to them.
    """

    limits: DecodeLimits = DEFAULT_LIMITS
    at_once: int = field(default_factory=lambda: min(8, os.cpu_count() or 2))
    cache_bytes: int = 64 * 1024 * 1024
    scaling_hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The plan that a user's settings make."""
        hosts = tuple(settings.image_query_hosts.replace(",", " ").split())
        return cls(limits=DecodeLimits(settings.max_pixels), scaling_hosts=hosts)


def router(library: Library, plan: ImagePlan) -> APIRouter:
    """The route `/images/PHOTO_ID`."""
    register_url_convertor("anything", _Anything())
    routes = APIRouter()
    images = _Images(library, plan)
    path = PREFIX + "{photo_id:anything}"
    routes.add_api_route(path, images.get, methods=["GET"], response_class=Response)
    routes.add_api_route(path, images.get, methods=["HEAD"], include_in_schema=False)
    return routes


class _Images:
    def __init__(self, library: Library, plan: ImagePlan) -> None:
        self._library = library
        self._plan = plan
        self._originals = Originals()
        self._made = _Recent(plan.cache_bytes)
        self._slots: CapacityLimiter | None = None

    async def get(self, photo_id: str, request: Request) -> Response:
        """A photo: its file, or with `w`, `h`, `fit`, `fm` or `q` a picture made of it."""
        shape = Shape.read(request.query_params)
        photo = await to_thread.run_sync(self._library.photo, photo_id)
        try:
            if shape is None:
                return await self._file(photo, request)
            return await self._shaped(photo, shape, request)
        except NoOriginal as error:
            if is_web(photo.url):
                return self._redirected(photo, shape, request)
            return answers.error(404, "photo-file", str(error))

    async def _file(self, photo: Photo, request: Request) -> Response:
        original = await to_thread.run_sync(self._originals.open, photo, limiter=self._limiter)
        handed_over = False
        try:
            version = Version(f'"{photo.content_hash}"', original.modified_s)
            headers = _HEADERS | version.headers() | {"Accept-Ranges": "bytes"}
            if version.is_had(request.headers):
                return Response(status_code=304, headers=headers)
            try:
                part = version.part(request.headers, original.size)
            except LookupError:
                text = f"the file has {original.size:,} bytes, and none of those asked for"
                wanted = {"Content-Range": f"bytes */{original.size}"}
                return answers.error(416, "range", text, wanted)
            start, end = part or (0, original.size)
            if part is not None:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{original.size}"
            headers["Content-Length"] = str(end - start)
            media_type = _TYPES[original.kind]
            status = 200 if part is None else 206
            if request.method == "HEAD":
                return Response(status_code=status, headers=headers, media_type=media_type)
            handed_over = True
            return _Sent(original, start, end, status, headers, media_type)
        finally:
            if not handed_over:
                original.close()

    async def _shaped(self, photo: Photo, shape: Shape, request: Request) -> Response:
        kind = shape.format_for(photo.format)
        asked = repr(replace(shape, query="", format=kind))
        digest = hashlib.blake2b(f"{_RENDERING} {asked}".encode(), digest_size=8).hexdigest()
        version = Version(f'"{photo.content_hash}-{digest}"')
        if photo.content_hash and version.is_had(request.headers):
            return Response(status_code=304, headers=_HEADERS | version.headers())
        made = self._made.get(version.etag)
        if made is None:
            try:
                answer = await to_thread.run_sync(
                    self._make, photo, shape, kind, limiter=self._limiter
                )
            except ImageError as error:
                text = f"photo '{printable(photo.photo_id)}' cannot be shown: {error}"
                return answers.error(422, error.code, text)
            made, whole = answer
            if whole or (is_web(photo.url) and photo.content_hash):
                self._made.put(version.etag, made)
            else:  # a file may come back
                version = Version(f'"{hashlib.blake2b(made, digest_size=16).hexdigest()}"')
                if version.is_had(request.headers):
                    return Response(status_code=304, headers=_HEADERS | version.headers())
        return Response(made, headers=_HEADERS | version.headers(), media_type=MEDIA_TYPES[kind])

    def _make(self, photo: Photo, shape: Shape, kind: str) -> tuple[bytes, bool]:
        """A picture, and whether it is made of the photo's own file."""
        try:
            with self._originals.open(photo) as original:
                data, whole = original.read(), True
        except NoOriginal:
            small = shape.fits_in(THUMBNAIL_SIDE)
            thumbnails = self._library.thumbnails([photo.photo_id]) if small else {}
            if photo.photo_id not in thumbnails:
                raise
            data, whole = thumbnails[photo.photo_id], False
        side = shape.min_side(photo.width, photo.height)
        picture = decode(data, min_side=side, limits=self._plan.limits)
        return render(picture, shape, kind), whole

    def _redirected(self, photo: Photo, shape: Shape | None, request: Request) -> Response:
        here = request.headers.get("host", "")
        address = urlsplit(photo.url)
        if address.netloc.lower() == here.lower() and address.path.startswith(PREFIX):
            text = f"the address of photo '{printable(photo.photo_id)}' is this server's own"
            return answers.error(404, "photo-file", text)
        query = shape.query if shape else ""
        url = with_image_query(photo.url, query, self._plan.scaling_hosts)
        return RedirectResponse(url, 302, headers={"Referrer-Policy": "no-referrer"} | _HEADERS)

    @property
    def _limiter(self) -> CapacityLimiter:
        if self._slots is None:  # it belongs to the event loop, which runs by now
            self._slots = CapacityLimiter(self._plan.at_once)
        return self._slots


class _Sent(StreamingResponse):
    """Part of an open file, closed when it was sent or nobody reads on."""

    def __init__(
        self,
        original: Original,
        start: int,
        end: int,
        status: int,
        headers: dict[str, str],
        media_type: str,
    ) -> None:
        super().__init__(original.stream(start, end), status, headers, media_type)
        self._original = original

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._original.close()


class _Recent:
    """The pictures made last, up to so many bytes together."""

    def __init__(self, size_bytes: int) -> None:
        self._size = size_bytes
        self._held = 0
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: str) -> bytes | None:
        with self._guard:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: str, picture: bytes) -> None:
        if len(picture) > self._size // 8:
            return
        with self._guard:
            self._held += len(picture) - len(self._pictures.pop(key, b""))
            self._pictures[key] = picture
            while self._held > self._size:
                self._held -= len(self._pictures.popitem(last=False)[1])

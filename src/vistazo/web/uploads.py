"""Bodies of requests: how large they may be, and images among them, decoded within limits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vistazo.errors import ImageError, InvalidQuery
from vistazo.ingest.decode import DecodeLimits, decode
from vistazo.web import answers

if TYPE_CHECKING:
    from fastapi.responses import Response
    from PIL.Image import Image
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 80_000_000
_MAX_OTHER_BYTES = 2 * 1024 * 1024
_MIN_SIDE = 512  # no encoder reads more of a picture's shorter side
_AT_ONCE = 2  # pictures decoded side by side: each may take hundreds of megabytes

_decoding = threading.BoundedSemaphore(_AT_ONCE)


def read_image(data: bytes, max_pixels: int) -> Image:
    """A caller's image as an upright RGB picture.

    Raises:
        InvalidQuery: it is none, or larger than allowed.
    """
    limits = DecodeLimits(min(max_pixels, MAX_PIXELS))
    try:
        with _decoding:
            return decode(data, min_side=_MIN_SIDE, limits=limits).image
    except ImageError as error:
        raise InvalidQuery(f"the image cannot be searched with: {error}") from error


class BodyLimit:
    """ASGI middleware: a body that is too large is refused before, or while, it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application read no more than the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        form = headers.get(b"content-type", b"").lower().startswith(b"multipart/")
        limit = MAX_IMAGE_BYTES + 64 * 1024 if form else _MAX_OTHER_BYTES
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        taken = 0
        started = False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not started:
                await _too_large(limit)(scope, receive, send)


class _TooLarge(BaseException):
    """Not an error of the application's: nothing in between may answer it."""


def _too_large(limit: int) -> Response:
    text = f"the request is larger than {limit // (1024 * 1024)} MB"
    return answers.error(413, "too-large", text, {"Connection": "close"})

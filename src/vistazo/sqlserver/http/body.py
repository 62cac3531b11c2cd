"""A request's body: read as it comes, decompressed, bounded, and watched for a client that left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.http.compression import Decoder
from vistazo.sqlserver.http.request import Request

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_TOO_LARGE = 229


class ClientLeft(Exception):
    """The client closed its connection; nobody waits for an answer."""


class Body:
    """One request's body.

    Args:
        max_bytes: after decompression.
    Attributes:
        pieces: what is still to come. Raises ClientLeft when the connection breaks, InvalidSQL
            when the body is too large or damaged.
    """

    def __init__(self, request: Request, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        names = [
            name
            for part in request.headers.get("content-encoding", "").split(",")
            if (name := part.strip().lower()) not in ("", "identity")
        ]
        if request.flag("decompress"):
            names.insert(0, "native")
        self._decoder = Decoder(names, max_bytes)
        self._ended = False
        # One generator for all readers: what it holds is not lost between them.
        self.pieces = self._read()

    async def begin(self, at_least: int) -> tuple[bytes, bool]:
        """The first bytes, so many or more, and whether they are all."""
        found = bytearray()
        while len(found) < at_least:
            piece = await anext(self.pieces, None)
            if piece is None:
                return bytes(found), True
            found += piece
        return bytes(found), False

    async def whole(self, begun: bytes, max_bytes: int) -> bytes:
        """All of it, after what was read already.

        Raises:
            InvalidSQL: it is larger than `max_bytes`.
        """
        found = bytearray(begun)
        async for piece in self.pieces:
            found += piece
            if len(found) > max_bytes:
                break
        if len(found) > max_bytes:
            raise InvalidSQL(
                f"the query is larger than {max_bytes:,} bytes, the limit of this server",
                engine_code=_TOO_LARGE,
            )
        return bytes(found)

    def watch(self, left: Callable[[], None]) -> asyncio.Task[None]:
        """Have `left` called when the client goes; to be cancelled once the answer is sent."""

        async def wait() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            left()

        return asyncio.get_running_loop().create_task(wait())

    async def _read(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            self._ended = not message.get("more_body", False)
            for piece in self._decoder.feed(message.get("body", b"")):
                if piece:
                    yield piece
        self._decoder.end()

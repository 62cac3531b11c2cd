"""Pictures to measure indexing with: a server on loopback whose every answer comes late."""

from __future__ import annotations

import asyncio
import io
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vistazo.sources.base import Item
from vistazo.sources.local import read_listed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_DIFFERENT = 1000  # pictures; of more, each is one of these with another number in its file
_WAIT_S = 120.0


def picture(number: int) -> bytes:
    """A JPEG of about 10 kB; no two numbers give the same bytes."""
    return _numbered(_painted(number % _DIFFERENT), number)


def _painted(seed: int, width: int = 200, height: int = 133) -> bytes:
    """As image hosts scale a photograph to 200 pixels."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (12, 18, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = chance.normal(0, 6, (height, width, 1))
    pixels = np.clip(np.asarray(image, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=75)
    return out.getvalue()


def _numbered(jpeg: bytes, number: int) -> bytes:
    # In a segment for applications: readers pass it over.
    own = b"vistazo %08d" % number
    return jpeg[:2] + b"\xff\xef" + (len(own) + 2).to_bytes(2, "big") + own + jpeg[2:]


class Addresses:
    """A source: the web address of each picture.

    Args:
        port: of the server on 127.0.0.1.
        count: how many there are.
    """

    name = "urls:bench"

    def __init__(self, port: int, count: int) -> None:
        self.port, self.count = port, count

    def items(self) -> Iterator[Item]:
        """One for each number from 0."""
        for number in range(self.count):
            yield Item(self.address(number), str(number))

    def address(self, number: int) -> str:
        """Where a picture is."""
        return f"http://127.0.0.1:{self.port}/{number}"

    def read(self, item: Item) -> bytes:
        """Never asked: every item has a web address.

        Raises:
            FetchError: always.
        """
        return read_listed(item)


@contextmanager
def serving(count: int, latency_s: float) -> Iterator[Addresses]:
    """A process of its own that serves so many pictures, each answer `latency_s` late.

    Raises:
        RuntimeError: it did not start.
    """
    told, ours = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(min(count, _DIFFERENT), latency_s, told), daemon=True
    )
    process.start()
    told.close()
    try:
        try:
            port = ours.recv() if ours.poll(_WAIT_S) else None
        except EOFError:
            port = None
        if port is None:
            raise RuntimeError("the server of the pictures did not start")
        yield Addresses(port, count)
    finally:
        process.terminate()
        process.join()


class _Serving(asyncio.Protocol):
    """As little of HTTP as keeps the server out of the measurement."""

    def __init__(self, pictures: list[bytes], latency_s: float) -> None:
        self._pictures = pictures
        self._latency_s = latency_s
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, self._head = self._head.split(b"\r\n\r\n", 1)
            number = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
            body = _numbered(self._pictures[number % _DIFFERENT], number)
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency_s, self._transport.write, answer % len(body) + body)


def _serve(different: int, latency_s: float, told: Connection) -> None:
    pictures = [_painted(seed) for seed in range(different)]

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Serving(pictures, latency_s), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())

"""An HTTP server on loopback that misbehaves as the path asks: `/cut`, `/status/404`, `/drip`."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gzip
import io
import ssl
import threading
import time
from collections import Counter
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from PIL import Image

HOST = "127.0.0.1"


def jpeg(colour: str = "red", size: tuple[int, int] = (48, 32)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


class Request:
    """What was asked."""

    def __init__(self, head: bytes, times: int) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.target = first.split(" ")[1]
        self.headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        parts = urlsplit(self.target)
        self.path = [unquote(step) for step in parts.path.split("/")[1:]]
        self.query = dict(parse_qsl(parts.query))
        self.times = times  # this target was asked for, this time included


class FaultyServer:
    """Serves from a thread of its own until it is left.

    Args:
        tls: a certificate makes it HTTPS.
        latency_s: before every answer.

    Attributes:
        requests: all that came, in order.
        active: requests that are being answered, and the most there ever were at once.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, latency_s: float = 0.0) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.active = 0
        self.most_active = 0
        self._tls = tls
        self._latency_s = latency_s
        self._times: Counter[str] = Counter()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def url(self, path: str, host: str = HOST) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}/{path}"

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return self._times[f"/{path}"]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, HOST, 0, ssl=self._tls, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"\x16":  # somebody wants TLS
                    reply(writer, b"", status="400 Bad Request")
                    await end(writer)
                await self._answer(first + await reader.readuntil(b"\r\n\r\n"), writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        target = head.split(b" ", 2)[1].decode("latin-1")
        self._times[target] += 1
        request = Request(head, self._times[target])
        self.requests.append(request)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        try:
            await asyncio.sleep(self._latency_s)
            await getattr(self, "do_" + request.path[0].replace("-", "_"))(request, writer)
        finally:
            self.active -= 1

    # What a path does

    async def do_good(self, request: Request, writer: asyncio.StreamWriter) -> None:
        colour = request.path[1].partition(".")[0] if len(request.path) > 1 else "red"
        reply(writer, jpeg(colour))

    async def do_cut(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg()[:100], **{"Content-Length": 500})
        await end(writer)

    async def do_cut_once(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await (self.do_cut if request.times == 1 else self.do_good)(request, writer)

    async def do_too_short_length(self, request: Request, writer: asyncio.StreamWriter) -> None:
        body = jpeg()
        reply(writer, body, **{"Content-Length": len(body) // 2})
        await end(writer)

    async def do_no_answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await end(writer)

    async def do_garbage(self, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        await end(writer)

    async def do_stall(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg()[:100], **{"Content-Length": 500})
        await asyncio.sleep(3600)

    async def do_silent(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async def do_drip(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"", **{"Content-Length": 100_000})
        while True:
            writer.write(b"\xff")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def do_drip_headers(self, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: yes\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def do_endless(self, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async def do_claims(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"", **{"Content-Length": int(request.path[1])})
        await asyncio.sleep(3600)

    async def do_size(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """A body of so many bytes, in pieces."""
        left = int(request.path[1])
        reply(writer, b"", **{"Content-Length": left})
        while left > 0:
            writer.write(bytes(min(left, 65536)))
            left -= 65536
            await writer.drain()

    async def do_empty(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"")

    async def do_status(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"<html>", status=f"{request.path[1]} So", **{"Content-Type": "text/html"})

    async def do_busy(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """429 with the Retry-After of the path (`date` is one second ahead), then a picture."""
        if request.times > 1 and request.path[1] != "3600":
            return await self.do_good(Request(b"GET /good HTTP/1.1", 1), writer)
        wait = request.path[1]
        if wait == "date":
            now = dt.datetime.fromtimestamp(time.time() + 2, dt.UTC)
            wait = format_datetime(now, usegmt=True)
        reply(writer, b"", status="429 Too Many Requests", **{"Retry-After": wait})
        return None

    async def do_third_time(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.times > 2:
            reply(writer, jpeg())
        else:
            reply(writer, b"", status="503 Service Unavailable")

    async def do_loop(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"", status="302 Found", Location=request.target)

    async def do_hops(self, request: Request, writer: asyncio.StreamWriter) -> None:
        left = int(request.path[1])
        place = f"../hops/{left - 1}" if left else "/good/blue.jpg"
        reply(writer, b"", status="301 Moved", Location=place)

    async def do_to(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"", status="307 There", Location=request.query["url"])

    async def do_nowhere(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"", status="302 Found")

    async def do_html(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"<html>sign in</html>", **{"Content-Type": "text/html; charset=utf-8"})

    async def do_typed(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg(), **{"Content-Type": "/".join(request.path[1:]) or None})

    async def do_tagged(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg(), **{"X-Robots-Tag": request.query["tag"]})

    async def do_text(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"no picture at all, whatever the header says")

    async def do_gzip(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, gzip.compress(jpeg()), **{"Content-Encoding": "gzip"})

    async def do_cut_gzip(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, gzip.compress(jpeg())[:-20], **{"Content-Encoding": "gzip"})

    async def do_bad_gzip(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg(), **{"Content-Encoding": "gzip"})

    async def do_bomb(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, gzip.compress(bytes(50_000_000)), **{"Content-Encoding": "gzip"})

    async def do_brotli(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, b"\x0b\x02", **{"Content-Encoding": "br"})

    async def do_cookie(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply(writer, jpeg(), **{"Set-Cookie": "who=you; Path=/"})


def reply(
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    status: str = "200 OK",
    **headers: object,
) -> None:
    """A whole answer; headers that are None are left out."""
    usual: dict[str, object] = {"Content-Type": "image/jpeg", "Content-Length": len(body)}
    lines = [f"{name}: {value}" for name, value in (usual | headers).items() if value is not None]
    writer.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1") + body)


async def end(writer: asyncio.StreamWriter) -> None:
    """Send what is written and hang up."""
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()
    raise EOFError

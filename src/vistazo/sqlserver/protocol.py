"""ClickHouse's HTTP interface over a library, as an ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vistazo.sqlserver.access import Access
from vistazo.sqlserver.engine.wire import ChdbWire
from vistazo.sqlserver.guard.checks import Checked, Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.sqlserver.http.body import Receive
from vistazo.sqlserver.http.exchange import Endpoint, Exchange, Headers, Scope, Send
from vistazo.sqlserver.http.limits import HttpLimits
from vistazo.sqlserver.http.sessions import Sessions
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.sqlserver.pipeline import Pipeline
from vistazo.store.embedded import engine_at

if TYPE_CHECKING:
    from vistazo.library import Library

_NO_HANDLE = (
    "There is no handle {}\nUse / or /ping for health checks.\nOr /replicas_status for more"
    " sophisticated health checks.\nSend queries from your program with POST method or GET"
    " /?query=...\n"
)


def app(
    library: Library,
    access: Access,
    *,
    limits: Limits | None = None,
    http_limits: HttpLimits | None = None,
) -> Protocol:
    """The application over an open library that lies in this process.

    Args:
        limits: of one query.
        http_limits: of one request, and of all together.
    """
    store = library.path / "store"
    # The guard asks on a connection of its own: a long search of somebody else must not hold it up.
    asking = engine_at(store)
    guard = Guard.over(asking, limits or Limits())

    def changed(checked: Checked) -> None:
        library.connection.note_change()
        if "photos" in checked.tables:
            library.note_change()

    vectors = VectorSQL(library.connection, library.embed)
    made = over(store, access, Pipeline(vectors, guard, changed), limits=http_limits)
    made.closing.append(asking.close)
    return made


def over(
    store: Path,
    access: Access,
    pipeline: Pipeline,
    *,
    limits: HttpLimits | None = None,
    settings: Mapping[str, str] | None = None,
) -> Protocol:
    """The application over the engine's files, open in this process."""
    limits = limits or HttpLimits()
    wire = ChdbWire(store, limits=limits, changed=pipeline.changed, settings=settings)
    return Protocol(wire, pipeline, access, limits)


class Protocol:
    """The application; `app` makes it.

    Attributes:
        closing: to be called at the end.
    """

    def __init__(
        self, wire: ChdbWire, pipeline: Pipeline, access: Access, limits: HttpLimits
    ) -> None:
        self._wire = wire
        self._closed = False
        self.closing: list[Callable[[], None]] = []
        self._endpoint = Endpoint(wire, pipeline, access, limits, Sessions(limits.sessions))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    def close(self) -> None:
        """End every statement; again, do nothing."""
        if not self._closed:
            self._closed = True
            self._wire.close()
            for call in self.closing:
                call()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method == "OPTIONS":
            await _reply(send, 204, b"", [(b"allow", b"GET, HEAD, POST, OPTIONS")])
        elif path in ("/ping", "/replicas_status"):
            await _reply(send, 200, b"Ok.\n")
        elif path not in ("/", ""):
            await _reply(send, 404, _NO_HANDLE.format(path).encode())
        elif method not in ("GET", "HEAD", "POST"):
            await _reply(send, 501, f"Method {method} is not implemented\n".encode())
        elif method != "POST" and b"query=" not in scope["query_string"]:
            await _reply(send, 200, b"Ok.\n")
        else:
            await Exchange(self._endpoint, scope, receive, send).serve()


async def _reply(send: Send, status: int, body: bytes, headers: Headers | None = None) -> None:
    found: Headers = [(b"content-type", b"text/html; charset=UTF-8"), *(headers or [])]
    if status != 204:
        found.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": body})

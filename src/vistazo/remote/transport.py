"""Requests to a server, and its errors as ours.

`http.client` of the standard library and not httpx: it loads in a fourth of the time, and what is
needed here is one request after the other on a connection that stays open.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import vistazo
from vistazo.errors import ServerError
from vistazo.records import printable
from vistazo.remote.failures import error_of

if TYPE_CHECKING:
    from vistazo.remote.address import ServerAddress

API = "/api/v1"
_JSON = "application/json"
ANSWER_S = 900.0  # a statement on a large library, or the first use of an encoder
_GONE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Transport:
    """Sends requests; safe to use from several threads, each request has a connection of its own.

    Args:
        connect_s: how long a server may take to be reached.

    Attributes:
        answer_s: how long it may keep silent then.
    """

    def __init__(self, address: ServerAddress, *, connect_s: float) -> None:
        self.address = address
        self.answer_s = ANSWER_S
        self._connect_s = connect_s
        self._idle: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._pid = os.getpid()

    def get(self, path: str) -> Any:
        """What a path below `/api/v1` answers, read from JSON."""
        return self._decoded(self.send("GET", path))

    def post(self, path: str, body: Mapping[str, Any], *, again: bool = True) -> Any:
        """What a path answers to a JSON body.

        Args:
            again: whether a request that found the connection closed may be sent once more.
        """
        return self._decoded(self.send("POST", path, _dumped(body), _JSON, again=again))

    def delete(self, path: str) -> Any:
        """What a path answers when it is taken away."""
        return self._decoded(self.send("DELETE", path))

    def ask(self, path: str, body: Mapping[str, Any], *, again: bool = True) -> bytes:
        """The bytes that a path answers to a JSON body."""
        return self.send("POST", path, _dumped(body), _JSON, again=again)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        media_type: str = "",
        *,
        again: bool = True,
    ) -> bytes:
        """Send a request; the bytes of the answer.

        Raises:
            ServerError: it cannot be reached, or breaks off.
            VistazoError: what the server says is wrong, as the error it is here.
        """

        def read(response: http.client.HTTPResponse) -> bytes:
            return response.read()

        return self._request(method, path, body, media_type, read, again=again)

    def events(self, path: str) -> Generator[tuple[str, Any]]:
        """Server-sent events as (name, data); ends with the server's stream."""
        connection = self._connected(None)
        try:
            response = self._sent(connection, "GET", path, None, "text/event-stream")
            name = ""
            while line := response.readline():
                label, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                if label == "event":
                    name = value
                elif label == "data":
                    yield name, json.loads(value)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._broken(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close what is open; a later request opens anew."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        media_type: str,
        read: Callable[[http.client.HTTPResponse], bytes],
        *,
        again: bool,
    ) -> bytes:
        kept = self._kept()
        connection = self._connected(kept)
        try:
            try:
                data = read(self._sent(connection, method, path, body, media_type))
            except _GONE:
                # The server closes connections that were idle for a while.
                if kept is None or not again:
                    raise
                connection.close()
                connection = self._connected(None)
                data = read(self._sent(connection, method, path, body, media_type))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._broken(error) from error
        except BaseException:
            connection.close()
            raise
        with self._guard:
            self._idle.append(connection)
        return data

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        media_type: str,
    ) -> http.client.HTTPResponse:
        headers = {"User-Agent": f"vistazo/{vistazo.__version__}"}
        if media_type:
            headers["Content-Type" if body is not None else "Accept"] = media_type
        if self.address.token:
            headers["Authorization"] = f"Bearer {self.address.token}"
        connection.sock.settimeout(self.answer_s)
        connection.request(method, self.address.prefix + API + path, body, headers)
        response = connection.getresponse()
        if response.status >= 300:
            raise error_of(response.status, _lower(response), response.read(65536), self.address)
        return response

    def _kept(self) -> http.client.HTTPConnection | None:
        with self._guard:
            if self._pid != os.getpid():  # a fork must not share its parent's connections
                self._idle, self._pid = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _connected(self, kept: http.client.HTTPConnection | None) -> http.client.HTTPConnection:
        if kept is not None:
            return kept
        to = self.address
        made: http.client.HTTPConnection
        if to.scheme == "https":
            made = http.client.HTTPSConnection(to.host, to.port, timeout=self._connect_s)
        else:
            made = http.client.HTTPConnection(to.host, to.port, timeout=self._connect_s)
        try:
            made.connect()
            made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnicodeError) as error:
            made.close()
            raise ServerError(
                f"the server {to.url} cannot be reached: {_reason(error)}; is it running?"
                " Start it with: vistazo serve"
            ) from error
        return made

    def _broken(self, error: Exception) -> ServerError:
        return ServerError(
            f"the server {self.address.url} broke off its answer ({_reason(error)}); is it still"
            " running? What it had done is kept"
        )

    def _decoded(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            raise ServerError(
                f"{self.address.url} does not answer as vistazo does; check the address"
            ) from error


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _dumped(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, default=_plain, allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return value.tolist()
    return str(value)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text))[:200].rstrip(".")

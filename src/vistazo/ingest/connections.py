"""Connections that only reach addresses that have been checked, and what their errors mean."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import cached_property

import httpcore
import httpx
from httpcore import SOCKET_OPTION

from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.hosts import is_public
from vistazo.ingest.names import Names
from vistazo.ingest.retries import Fault
from vistazo.records import printable

_KEPT_ALIVE_S = 15.0
_ADDRESSES = 3  # of a host that are tried


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpx's way to the network through `httpcore`, with our own opening of connections.

    One request at a time on a connection, which then waits for the next one to the same host.
    httpcore's own pool looks at every connection for each step of each request: with 64 of them
    that took 10 ms of processor time for each picture; this takes 0.7.

    Proxies of the environment are not used: behind one, no address could be checked.
    """

    def __init__(self, plan: DownloadPlan) -> None:
        self._backend = CheckedBackend(allow_private=plan.allow_private_addresses)
        self._most_idle = plan.concurrency
        self._idle: dict[httpcore.AsyncHTTPConnection, None] = {}  # latest last
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; errors come as `httpcore` raises them, see `faults_named`."""
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            extensions=request.extensions,
        )
        connection = await self._connection(asked.url.origin)
        try:
            response = await connection.handle_async_request(asked)
        except BaseException:
            await connection.aclose()  # cancelled before its first step, it stays open
            raise
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(self, connection, response),
            extensions=response.extensions,
        )

    async def keep(self, connection: httpcore.AsyncHTTPConnection) -> None:
        """Take back a connection whose response has been closed."""
        if self._closed:
            await connection.aclose()
        elif connection.is_idle():
            self._idle[connection] = None
            if len(self._idle) > self._most_idle:
                oldest = next(iter(self._idle))
                del self._idle[oldest]
                await oldest.aclose()

    async def aclose(self) -> None:
        """Close every connection that is not in use, and the others after it."""
        self._closed = True
        while self._idle:
            await self._idle.popitem()[0].aclose()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # SSL_CERT_FILE names a company's own authority

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        while True:
            fitting = (known for known in reversed(self._idle) if known.can_handle_request(origin))
            connection = next(fitting, None)
            if connection is None:
                return httpcore.AsyncHTTPConnection(
                    origin,
                    ssl_context=self._tls if origin.scheme == b"https" else None,
                    keepalive_expiry=_KEPT_ALIVE_S,
                    network_backend=self._backend,
                )
            del self._idle[connection]
            if not connection.has_expired():
                return connection
            await connection.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(
        self,
        transport: CheckedTransport,
        connection: httpcore.AsyncHTTPConnection,
        response: httpcore.Response,
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._response.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        try:
            await self._response.aclose()
        except BaseException:
            await self._connection.aclose()
            raise
        await self._transport.keep(self._connection)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Looks a host up itself, and connects to the very addresses that it has checked.

    Else a name could show a public address to the check and a private one to the connection
    (DNS rebinding). TLS still verifies the host's name.

    Raises:
        Fault: `dns`, `private-address` or `tls`.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._names = Names()
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        try:
            async with asyncio.timeout(timeout):
                found = await self._names.addresses(host)
        except TimeoutError as error:
            reason = f"looking up {printable(host)} took longer than {timeout:g} s"
            raise Fault(reason, code="dns", again=True) from error
        good = [number for number in found if self._allow_private or is_public(number)]
        if not good:
            shown = f"{printable(host)} ({found[0]})" if found[0] != host else host
            raise Fault(
                f"{shown} is on this machine or a private network, and"
                " allow_private_addresses is false",
                code="private-address",
            )
        refused: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        good = good[:_ADDRESSES]
        for number in good:
            try:
                stream = await self._plain.connect_tcp(
                    number,
                    port,
                    None if timeout is None else timeout / len(good),
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
            else:
                return _Stream(stream)
        assert refused is not None
        raise refused

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A plain stream that names the errors of TLS, which the pool above drops."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self.read = stream.read  # type: ignore[method-assign]
        self.write = stream.write  # type: ignore[method-assign]
        self.aclose = stream.aclose  # type: ignore[method-assign]
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except httpcore.ConnectError as error:
            if not isinstance(error.__cause__, ssl.SSLError):
                raise
            reason = f"no secure connection: {_reason(error.__cause__)}"
            raise Fault(reason, code="tls") from error
        except asyncio.CancelledError:  # which httpcore does not expect here
            await self._stream.aclose()
            raise


@contextlib.contextmanager
def faults_named() -> Iterator[None]:
    """Turn what the HTTP client raises into faults.

    Raises:
        Fault: `timeout`, `connect`, `cut`, `redirects` or `bad-url`.
    """
    try:
        yield
    except httpcore.ConnectTimeout as error:
        raise Fault("no connection in time", code="timeout", again=True) from error
    except httpcore.TimeoutException as error:
        raise Fault("the server fell silent", code="timeout", again=True) from error
    except httpcore.ConnectError as error:
        raise Fault(f"no connection: {_reason(error)}", code="connect", again=True) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Fault(f"the connection broke: {_reason(error)}", code="cut", again=True) from error
    except httpx.RemoteProtocolError as error:  # a Location that cannot be parsed
        raise Fault("it redirects to no web address", code="redirects") from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Fault(f"the address is malformed: {_reason(error)}", code="bad-url") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return printable(error.verify_message)
    return printable(str(error) or type(error).__name__)[:200]

"""One request and its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from vistazo.errors import InvalidSQL, VistazoError
from vistazo.sqlserver.access import Access, Role
from vistazo.sqlserver.engine.answer import Answer, Job
from vistazo.sqlserver.engine.handles import Summary
from vistazo.sqlserver.engine.wire import ChdbWire
from vistazo.sqlserver.http import exceptions
from vistazo.sqlserver.http.body import Body, ClientLeft, Receive
from vistazo.sqlserver.http.compression import Encoder, accepted, encoder
from vistazo.sqlserver.http.formats import INPUTS, TEXT, content_type
from vistazo.sqlserver.http.heads import InsertHead, insert_head
from vistazo.sqlserver.http.limits import HttpLimits
from vistazo.sqlserver.http.request import Request
from vistazo.sqlserver.http.sessions import Session, Sessions
from vistazo.sqlserver.pipeline import Count, Pipeline, Plan

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_log = logging.getLogger(__name__)

_HEAD_BYTES = 1 << 18  # an INSERT's head ends within
_BEFORE_BREAKING_S = 0.2
_SMALL = 1 << 16  # compressed in the event loop; more is compressed in a thread


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What every request shares.

    Attributes:
        name: of this server, for X-ClickHouse-Server-Display-Name.
    """

    wire: ChdbWire
    pipeline: Pipeline
    access: Access
    limits: HttpLimits
    sessions: Sessions
    name: str = "vistazo"


class Exchange:
    """One request of ClickHouse's interface, from its credentials to its last byte."""

    def __init__(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = False
        self._headers: Headers = [
            (b"x-clickhouse-server-display-name", endpoint.name.encode()),
            (b"x-clickhouse-timezone", endpoint.wire.timezone.encode()),
        ]

    async def serve(self) -> None:
        """Answer it, be it with an error."""
        try:
            self._request = Request.of(self._scope)
            role = self._endpoint.access.role(self._request.headers, self._request.query)
            await self._statement(role)
        except ClientLeft:
            return
        except Exception as error:
            if not isinstance(error, VistazoError):
                _log.exception("a request failed")
            await self._fail(error)

    async def _statement(self, role: Role) -> None:
        request, limits = self._request, self._endpoint.limits
        body = Body(request, self._receive, limits.max_body_bytes)
        boundary = request.form_boundary
        begun, complete = await body.begin(limits.max_query_bytes if boundary else _HEAD_BYTES)
        if boundary is not None:
            form = begun if complete else await body.whole(begun, limits.max_body_bytes)
            request.take_form(form, boundary)
            begun, complete = b"", True
        self._headers.append((b"x-clickhouse-query-id", _header(request.query_id)))
        prefix = request.query.get("query", "")
        text = (prefix.encode("utf-8", "surrogateescape") + b"\n" if prefix else b"") + begun
        head = insert_head(text)
        if head is None and not complete:
            text = await body.whole(text, limits.max_query_bytes)
        session = self._session(role)
        try:
            if head is None:
                await self._query(_decoded(text), body, session, role)
            else:
                await self._insert(head, text[head.data_at :], body, complete, session, role)
        finally:
            if session is not None and session.busy:
                self._endpoint.sessions.give_back(session)

    def _session(self, role: Role) -> Session | None:
        request = self._request
        session_id = request.query.get("session_id", "")
        if not session_id:
            return None
        return self._endpoint.sessions.take(
            role,
            session_id,
            request.session_timeout_s,
            must_exist=request.flag("session_check"),
        )

    def _job(self, sql: str, fmt: str, session: Session | None, role: Role) -> Job:
        request = self._request
        may_write = role == "writer" and request.method == "POST"

        def prepare(count: Count) -> Plan:
            return self._endpoint.pipeline.plan(
                sql,
                request.params,
                {**(session.settings if session else {}), **request.settings},
                request.database or "default",
                may_write=may_write,
                count=count,
            )

        return Job(prepare, fmt, request.query_id, readonly=not may_write)

    def _end(self, session: Session | None, job: Job) -> None:
        """Unlock the session before the answer ends: its client may send the next request then."""
        if session is None:
            return
        if job.plan is not None and job.plan.last.kind == "set":
            session.settings.update(job.plan.last.sets)
        self._endpoint.sessions.give_back(session)

    # A statement with an answer

    async def _query(self, sql: str, body: Body, session: Session | None, role: Role) -> None:
        limits = self._endpoint.limits
        bound = min(
            self._request.number("buffer_size", limits.buffer_bytes), limits.max_buffer_bytes
        )
        if self._request.flag("wait_end_of_query") or self._request.flag("http_wait_end_of_query"):
            bound = limits.max_buffer_bytes
        job = self._job(sql, self._request.fmt, session, role)
        answer = self._endpoint.wire.run(job)
        watch = body.watch(answer.abort)
        try:
            pieces: list[bytes] = []
            size = 0
            while piece := await answer.read():
                pieces.append(piece)
                size += len(piece)
                if size >= bound:
                    break
            else:
                self._end(session, job)
                await self._whole(b"".join(pieces), answer.fmt, answer.summary)
                return
            await self._stream(b"".join(pieces), answer, session, job)
        finally:
            watch.cancel()
            await answer.close()

    async def _whole(self, data: bytes, fmt: str | None, summary: Summary) -> None:
        packer = self._encoder()
        if data and packer is not None:
            data = await _packed(packer, data) + packer.flush()
        self._result_headers(fmt, summary)
        self._headers.append((b"content-length", str(len(data)).encode()))
        await self._start(200)
        await self._send({"type": "http.response.body", "body": data})

    async def _stream(
        self, first: bytes, answer: Answer, session: Session | None, job: Job
    ) -> None:
        tag = exceptions.new_tag()
        packer = self._encoder()
        self._result_headers(answer.fmt, answer.summary)
        self._headers.append((b"x-clickhouse-exception-tag", tag.encode()))
        await self._start(200)
        data = first
        try:
            while data:
                await self._send_piece(data, packer)
                data = await answer.read()
        except VistazoError as error:
            text = exceptions.text_of(error, self._endpoint.wire.version)
            await self._send_piece(exceptions.mid_stream(text, tag), packer, last=True)
            # No end of the body: as with the server, a client that knows nothing of the tag
            # finds the answer cut off. Some drop what they have not read when that happens.
            await asyncio.sleep(_BEFORE_BREAKING_S)
            return
        self._end(session, job)
        await self._send({"type": "http.response.body", "body": packer.flush() if packer else b""})

    async def _send_piece(self, data: bytes, packer: Encoder | None, *, last: bool = False) -> None:
        if packer is not None:
            data = await _packed(packer, data) + (packer.flush() if last else b"")
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _encoder(self) -> Encoder | None:
        request = self._request
        if request.flag("compress"):
            return encoder("native")
        if not request.flag("enable_http_compression"):
            return None
        name = accepted(request.headers.get("accept-encoding", ""))
        if name is None:
            return None
        self._headers.append((b"content-encoding", name.encode()))
        self._headers.append((b"vary", b"accept-encoding"))
        return encoder(name, request.number("http_zlib_compression_level", 3))

    def _result_headers(self, fmt: str | None, summary: Summary) -> None:
        if fmt is not None:
            self._headers.append((b"x-clickhouse-format", fmt.encode()))
        if self._request.flag("send_progress_in_http_headers"):
            self._headers.append((b"x-clickhouse-progress", summary.header().encode()))
        self._headers.append((b"x-clickhouse-summary", summary.header().encode()))
        self._headers.append((b"content-type", content_type(fmt).encode()))

    # A statement with data

    async def _insert(
        self,
        head: InsertHead,
        first: bytes,
        body: Body,
        complete: bool,
        session: Session | None,
        role: Role,
    ) -> None:
        endpoint = self._endpoint
        if not head.fmt.startswith(INPUTS):
            raise InvalidSQL(f"the format {head.fmt} is not taken here", engine_code=73)
        if head.fmt == "Values":
            if not complete:
                first, complete = await body.whole(first, endpoint.limits.max_values_bytes), True
            if not endpoint.pipeline.are_literals(first):
                # The engine evaluates such rows, so they are judged with the statement.
                sql = f"{head.text.removesuffix('FORMAT Values')} VALUES {_decoded(first)}"
                await self._query(sql, body, session, role)
                return
        job = self._job(head.text, head.fmt, session, role)
        summary = await endpoint.wire.insert(job, first, None if complete else body.pieces)
        self._end(session, job)
        await self._whole(b"", None, summary)

    # Both

    async def _start(self, status: int) -> None:
        self._started = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": self._headers}
        )

    async def _fail(self, error: Exception) -> None:
        if self._started:
            return
        code = exceptions.code_of(error)
        text = exceptions.text_of(error, self._endpoint.wire.version).encode() + b"\n"
        self._headers += [
            (b"x-clickhouse-exception-code", str(code).encode()),
            (b"content-type", TEXT.encode()),
            (b"content-length", str(len(text)).encode()),
        ]
        status = exceptions.status_of(code)
        if status == 401:
            self._headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
        await self._start(status)
        await self._send({"type": "http.response.body", "body": text})


async def _packed(packer: Encoder, data: bytes) -> bytes:
    if len(data) <= _SMALL:
        return packer.compress(data)
    return await asyncio.get_running_loop().run_in_executor(None, packer.compress, data)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidSQL(
            f"the query is not valid UTF-8 at byte {error.start + 1}",
            engine_code=exceptions.SYNTAX_ERROR,
        ) from error


def _header(text: str) -> bytes:
    # Nobody may add header lines by an id.
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text).encode()

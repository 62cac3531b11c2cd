"""An HTTP request as ClickHouse reads it: URL, headers, and parts of a form."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from vistazo.errors import InvalidSQL, StoreError

# Parameters that are no settings of the engine.
_OWN = frozenset(
    {"query", "database", "default_format", "query_id", "session_id", "session_timeout"}
    | {"session_check", "close_session", "user", "password", "quota_key", "role", "stacktrace"}
    | {"compress", "decompress", "wait_end_of_query", "buffer_size", "enable_http_compression"}
    | {"http_zlib_compression_level", "send_progress_in_http_headers", "add_http_cors_header"}
    | {"http_headers_progress_interval_ms", "client_protocol_version", "log_comment"}
    | {"http_write_exception_in_output_format", "http_wait_end_of_query", "http_response_headers"}
    | {"http_response_buffer_size", "http_native_compression_disable_checksumming_on_decompress"}
    | {"cancel_http_readonly_queries_on_client_close", "log_queries"}
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_DISPOSITION = re.compile(rb'\bname="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_BAD_ARGUMENTS = 36
_MAX_SESSION_S = 3600


@dataclass(slots=True)
class Request:
    """What a client asks, before its body is read.

    Attributes:
        headers: by lower-case name.
        query: the URL's parameters; the first of each name, as the server takes it.
        params: values for {name:Type}, in text form.
        settings: of the engine.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Request:
        """Read an ASGI scope.

        Raises:
            StoreError: the URL is not text.
        """
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        try:
            pairs = parse_qsl(
                scope["query_string"].decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=1000,
            )
        except (UnicodeDecodeError, ValueError) as error:
            raise StoreError(
                f"the URL cannot be read: {error}", engine_code=_BAD_ARGUMENTS
            ) from error
        request = cls(scope["method"], scope["path"], headers, {})
        for name, value in pairs:
            request.take(name, value)
        return request

    def take(self, name: str, value: str) -> None:
        """Take up one parameter, of the URL or of a form."""
        if name in self.query:
            return
        self.query[name] = value
        if name.startswith("param_"):
            self.params[name[6:]] = value
        elif name not in _OWN:
            if not _NAME.fullmatch(name):
                raise InvalidSQL(f"Setting {name} is neither a builtin setting", engine_code=115)
            self.settings[name] = value

    @property
    def database(self) -> str:
        """The database of names without one; empty where the client names none."""
        return self.query.get("database") or self.headers.get("x-clickhouse-database") or ""

    @property
    def fmt(self) -> str:
        """The format where the statement names none."""
        return (
            self.query.get("default_format")
            or self.headers.get("x-clickhouse-format")
            or "TabSeparated"
        )

    @property
    def query_id(self) -> str:
        """The client's name for this query, or one made up."""
        asked = self.query.get("query_id") or str(uuid.uuid4())
        self.query["query_id"] = asked
        return asked

    @property
    def session_timeout_s(self) -> int:
        """How long an unused session is kept.

        Raises:
            InvalidSQL: it is no number, or more than an hour.
        """
        text = self.query.get("session_timeout", "60")
        if not text.isascii() or not text.isdigit():
            raise InvalidSQL(f"Invalid session timeout: '{text}'", engine_code=374)
        if int(text) > _MAX_SESSION_S:
            raise InvalidSQL(
                f"Session timeout '{text}' is larger than max_session_timeout: {_MAX_SESSION_S}."
                " Maximum session timeout could be modified in configuration file.",
                engine_code=374,
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether a parameter is on."""
        return self.query.get(name, "0").lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """A parameter that is a whole number from 0."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default

    @property
    def form_boundary(self) -> bytes | None:
        """What parts a form's fields; None where the body is no form."""
        kind = self.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data"):
            return None
        found = re.search(r'boundary="?([^";]+)"?', kind)
        if found is None:
            raise InvalidSQL("the form has no boundary", engine_code=_BAD_ARGUMENTS)
        return found[1].encode("latin-1")

    def take_form(self, body: bytes, boundary: bytes) -> None:
        """Take up the fields of a multipart form; files are external tables, and refused."""
        for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
            if part.startswith(b"--"):
                return
            head, blank, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = _DISPOSITION.search(head)
            if not blank or name is None:
                raise InvalidSQL("the form cannot be read", engine_code=_BAD_ARGUMENTS)
            if b"filename=" in head.lower():
                raise InvalidSQL("external tables are not supported", engine_code=48)
            self.take(name[1].decode("utf-8", "replace"), value.decode("utf-8", "surrogateescape"))

"""A server's answer that something is wrong, as the error that it would be here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vistazo.errors import (
    AccessDenied,
    InvalidFilter,
    InvalidQuery,
    ItemError,
    ServerError,
    StoreError,
    VistazoError,
)
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.remote.address import ServerAddress

_DENIED = frozenset({"token", "forbidden", "attempts", "host", "cross-site"})


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, address: ServerAddress
) -> VistazoError:
    """The error of an answer with a status of 300 or more; `headers` by lower-case name."""
    try:
        cause = json.loads(body)["error"]
        code, message = str(cause["code"]), str(cause["message"])
    except (ValueError, KeyError, TypeError):
        return ServerError(
            f"{address.url} does not answer as vistazo does (HTTP status {status});"
            " check the address"
        )
    if code == "token" and status == 401:
        given = "does not take this token" if address.token else "asks for a token"
        return AccessDenied(
            f"the server {address.url} {given}: give the one it was started with in VISTAZO_TOKEN"
        )
    if code == "not-found":
        return ServerError(
            f"the server {address.url} speaks another version of the interface ({message}): give"
            " both the same version of vistazo"
        )
    found = error_named(code, message)
    if isinstance(found, InvalidFilter):
        found.position = _whole(headers.get("x-vistazo-position"))
    if isinstance(found, InvalidQuery) and "x-vistazo-position" in headers:
        found.position = _whole(headers["x-vistazo-position"])
    if isinstance(found, StoreError):
        found.engine_code = _whole(headers.get("x-clickhouse-exception-code"))
    return found


def error_named(code: str, message: str) -> VistazoError:
    """The error whose code this is."""
    message = printable(message)
    if code in _DENIED:
        return AccessDenied(message)
    for kind in _kinds(VistazoError):
        if kind.code == code and not issubclass(kind, ItemError):
            return kind(message)
    return ServerError(message)


def _kinds(base: type[VistazoError]) -> Iterator[type[VistazoError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0

"""Errors as ClickHouse words them over HTTP: text, status, and the end of a broken stream."""

from __future__ import annotations

import re
import secrets

from vistazo.errors import InvalidSQL, StorageFull, StoreError, VistazoError
from vistazo.records import printable

SYNTAX_ERROR = 62
UNKNOWN_EXCEPTION = 1002

# What this side raises by itself; the engine names its own.
NAMES = {
    36: "BAD_ARGUMENTS",
    40: "CHECKSUM_DOESNT_MATCH",
    46: "UNKNOWN_FUNCTION",
    48: "NOT_IMPLEMENTED",
    60: "UNKNOWN_TABLE",
    62: "SYNTAX_ERROR",
    73: "UNKNOWN_FORMAT",
    89: "UNKNOWN_COMPRESSION_METHOD",
    108: "NO_DATA_TO_INSERT",
    115: "UNKNOWN_SETTING",
    159: "TIMEOUT_EXCEEDED",
    164: "READONLY",
    194: "REQUIRED_PASSWORD",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    216: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    229: "QUERY_IS_TOO_LARGE",
    243: "NOT_ENOUGH_SPACE",
    271: "CANNOT_DECOMPRESS",
    307: "TOO_MANY_BYTES",
    372: "SESSION_NOT_FOUND",
    373: "SESSION_IS_LOCKED",
    374: "INVALID_SESSION_TIMEOUT",
    394: "QUERY_WAS_CANCELLED",
    452: "SETTING_CONSTRAINT_VIOLATION",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
    1002: "UNKNOWN_EXCEPTION",
}

# As src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse 26 has them; all others are 500.
_STATUSES = {
    400: {6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376}
    | {427, 441, 675, 676},
    401: {194},
    403: {192, 193, 497, 512, 516},
    404: {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511},
    408: {159},
    411: {381},
    413: {229},
    415: {779},
    501: {48},
    503: {76, 209, 439},
}
_STATUS_OF = {code: status for status, codes in _STATUSES.items() for code in codes}

_ENGINE = re.compile(r"Code: (\d+)\. DB::\w*Exception: ")
_VERSION = re.compile(r" \(version [^()]*(?:\([^()]*\))?\)$")


def of_engine(text: str) -> StoreError:
    """The error for a text that the engine raised; the text is kept whole."""
    found = _ENGINE.search(text)
    if found is None:
        return StoreError(text)
    text = text[found.start() :].strip()
    return StoreError(_VERSION.sub("", text), engine_code=int(found[1]))


def code_of(error: BaseException) -> int:
    """ClickHouse's number for an error."""
    if isinstance(error, StoreError) and error.engine_code:
        return error.engine_code
    if isinstance(error, InvalidSQL):
        return SYNTAX_ERROR
    if isinstance(error, StorageFull):
        return 243
    return UNKNOWN_EXCEPTION


def status_of(code: int) -> int:
    """The HTTP status of ClickHouse's number."""
    return _STATUS_OF.get(code, 500)


def text_of(error: BaseException, version: str) -> str:
    """One line as the server words it: number, message, name and version."""
    code = code_of(error)
    ending = f" (version {version} (vistazo))"
    known = isinstance(error, VistazoError)
    message = str(error) if known else "the server failed; its log says more"
    if _ENGINE.match(message):
        return message + ending
    name = NAMES.get(code, "UNKNOWN_EXCEPTION")
    message = printable(message).rstrip(". ")
    return f"Code: {code}. DB::Exception: {message}. ({name}){ending}"


def new_tag() -> str:
    """What marks this answer's own exception; data cannot hold it by chance."""
    return secrets.token_hex(8)


def mid_stream(text: str, tag: str) -> bytes:
    """What follows the data of a stream that broke, as ClickHouse 25.11 and later write it."""
    message = text.encode()[:16_000] + b"\n"
    mark = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
        mark,
        message,
        len(message),
        mark,
    )

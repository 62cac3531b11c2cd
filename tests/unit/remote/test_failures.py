"""Answers that something is wrong, as errors of ours."""

from __future__ import annotations

import json

import pytest

from vistazo import errors
from vistazo.remote.address import parse
from vistazo.remote.failures import error_named, error_of

HERE = parse("http://127.0.0.1:8000", "a secret")


def kinds(base: type[errors.VistazoError]) -> list[type[errors.VistazoError]]:
    return [base, *(each for kind in base.__subclasses__() for each in kinds(kind))]


# Those that have a name outside: a module may have a narrower one of its own.
WHOLE = [
    kind
    for kind in kinds(errors.VistazoError)
    if not issubclass(kind, errors.ItemError) and kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", WHOLE, ids=lambda kind: kind.__name__)
def test_every_error_comes_back_as_itself(kind: type[errors.VistazoError]) -> None:
    assert type(error_named(kind.code, "a sentence")) is kind
    body = json.dumps({"error": {"code": kind.code, "message": "a sentence"}}).encode()
    found = error_of(400, {}, body, HERE)
    assert (type(found), str(found)) == (kind, "a sentence")


@pytest.mark.parametrize("code", ["too-large", "http", "bug", "busy", "", "unreadable"])
def test_what_has_no_class_is_the_servers(code: str) -> None:
    assert type(error_named(code, "a sentence")) is errors.ServerError


@pytest.mark.parametrize("code", ["forbidden", "attempts", "host", "cross-site"])
def test_a_door_that_stays_shut(code: str) -> None:
    assert type(error_named(code, "a sentence")) is errors.AccessDenied


def test_details() -> None:
    body = b'{"error": {"code": "invalid-filter", "message": "no"}}'
    found = error_of(400, {"x-vistazo-position": "7"}, body, HERE)
    assert isinstance(found, errors.InvalidFilter)
    assert found.position == 7
    body = b'{"error": {"code": "invalid-sql", "message": "no"}}'
    found = error_of(400, {"x-clickhouse-exception-code": "62"}, body, HERE)
    assert isinstance(found, errors.InvalidSQL)
    assert found.engine_code == 62


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {}}'])
def test_an_answer_that_is_none_of_ours(body: bytes) -> None:
    found = error_of(502, {}, body, HERE)
    assert type(found) is errors.ServerError
    assert "HTTP status 502" in str(found)


def test_a_message_cannot_write_to_the_terminal() -> None:
    assert str(error_named("usage", "a\x1b[31m\nb")) == "a\\x1b[31m\\nb"


@pytest.mark.parametrize(
    ("text", "shown", "here"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("HTTP://LocalHost/", "http://localhost", True),
        ("https://[::1]:9/photos/", "https://[::1]:9/photos", True),
        ("http://photos.example:80", "http://photos.example", False),
        ("http://me:secret@10.0.0.7:8000", "http://10.0.0.7:8000", False),
    ],
)
def test_addresses(text: str, shown: str, here: bool) -> None:
    address = parse(text)
    assert (address.url, address.is_here) == (shown, here)
    assert "secret" not in repr(address)
    assert address.token == ("secret" if "secret" in text else "")


def test_a_token_that_cannot_be_sent() -> None:
    with pytest.raises(errors.InvalidSetting):
        parse("http://localhost", "a\r\nX-Other: b")

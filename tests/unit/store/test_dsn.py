from __future__ import annotations

import pytest

from vistazo.errors import LibraryInvalid, VistazoError
from vistazo.store.dsn import Server, parse, redacted

SECRET = "p@ss:w/rd?#%"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clickhouse://host", Server("clickhouse", "host", 8123)),
        ("CLICKHOUSE://host/", Server("clickhouse", "host", 8123)),
        ("clickhouse://host?secure=true", Server("clickhouse", "host", 8443, secure=True)),
        (
            "clickhouse://ana:p%40ss%3Aw%2Frd%3F%23%25@[::1]:9/photos?cluster={c}&verify=0",
            Server(
                "clickhouse",
                "::1",
                9,
                "ana",
                SECRET,
                "photos",
                verify=False,
                cluster="{c}",
            ),
        ),
        (
            "myscale://m.example:443/db?secure=1&ca_cert=/etc/ca.pem",
            Server("myscale", "m.example", 443, database="db", secure=True, ca_cert="/etc/ca.pem"),
        ),
    ],
)
def test_a_server(text: str, expected: Server) -> None:
    assert parse(text) == expected


def test_user_and_password_from_elsewhere() -> None:
    assert parse("clickhouse://h", user="u", password="p") == Server(
        "clickhouse", "h", 8123, "u", "p"
    )
    assert parse("clickhouse://a:b@h", user="u", password="p") == Server(
        "clickhouse", "h", 8123, "a", "b"
    )
    assert parse("clickhouse://a@h", user="u", password="p") == Server(
        "clickhouse", "h", 8123, "a", "p"
    )


def test_the_password_is_shown_nowhere() -> None:
    server = parse("clickhouse://ana:s3cret@h:9/db?secure=true&cluster=c")
    assert isinstance(server, Server)
    assert server.name == "clickhouse://ana@h:9/db?secure=true&cluster=c"
    assert parse(server.name, password="s3cret") == server
    assert "s3cret" not in f"{server!r} {server} {server.name} {server.place}"


@pytest.mark.parametrize(
    "text",
    [
        "clickhouse://",
        "clickhouse:///db",
        "clickhouse://u:s3cret@",
        "clickhouse://u:s3cret@h:port/db",
        "clickhouse://u:s3cret@h:0/db",
        "clickhouse://u:s3cret@h:99999/db",
        "clickhouse://u:s3cret/x@h:8123/db",
        "clickhouse://u:s3cret#x@h:8123/db",
        "clickhouse://u:s3cret?x@h:8123/db",
        "clickhouse://u:s3cret@[::1/db",
        "clickhouse://u:s3cret@h/db/s3cret",
        "clickhouse://u:s3cret@h/db#s3cret",
        "clickhouse://u:s3cret@h/d`b",
        "clickhouse://u:s3cret@h/db?cluster=a'b",
        "clickhouse://u:s3cret@h/db?secure=maybe",
        "clickhouse://u:s3cret@h/db?compress=1",
        "postgres://u:s3cret@h/db",
        "chdb://u:s3cret@h/db",
        "chdb://u:s3cret/x@h/db",
    ],
)
def test_what_cannot_be_read_says_so_without_the_password(text: str) -> None:
    with pytest.raises(VistazoError) as caught:
        parse(text, password="0ther")
    said = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "s3cret" not in said
    assert "0ther" not in said
    if text.startswith("clickhouse"):
        assert isinstance(caught.value, LibraryInvalid)
        assert "VISTAZO_DB_PASSWORD" in str(caught.value)


def test_redacted() -> None:
    assert redacted("clickhouse://u:a@b:c@h/db") == "clickhouse://u:***@h/db"
    assert redacted("chdb:///folder/a:b") == "chdb:///folder/a:b"
    assert redacted("clickhouse://u@h:8123/db") == "clickhouse://u@h:8123/db"

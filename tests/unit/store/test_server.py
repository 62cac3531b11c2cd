"""Servers that cannot be used, and what is said then; all on this machine."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

import vistazo
from endpoint import endpoint
from fakes import ColourEncoder
from vistazo.config import Settings
from vistazo.errors import LibraryInvalid, LibraryNotFound, StoreError, Unsupported
from vistazo.store import server as module
from vistazo.store.dsn import Server, parse
from vistazo.store.server import close_server, open_server


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with endpoint(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    assert not module._open


@contextmanager
def answering(reply: bytes | None, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that says the same to everybody, or with None hangs up, or with b"" says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    talk, _ = listening.accept()
                    talk.settimeout(5)
                    if context is not None:
                        talk = context.wrap_socket(talk, server_side=True)
                    if reply == b"":
                        held.append(talk)
                        continue
                    talk.recv(65536)
                    if reply is not None:
                        talk.sendall(reply)
                        talk.settimeout(0.5)
                        with contextlib.suppress(OSError):
                            while talk.recv(65536):  # or the reply is lost with what is unread
                                pass
                    talk.close()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for talk in held:
            talk.close()


def refused(address: str) -> str:
    with pytest.raises(StoreError) as caught:
        open_server(parse(address), create=True, wait_s=0)  # type: ignore[arg-type]
    said = str(caught.value)
    assert said.isprintable()
    assert ". " not in said
    assert "s3cret" not in said
    return said


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        free = port.getsockname()[1]
    assert "the connection was refused" in refused(f"clickhouse://127.0.0.1:{free}/db")


def test_no_such_host() -> None:
    assert "no such host is known" in refused("clickhouse://nowhere.invalid/db")


def test_a_wrong_password_or_user(dsn: str) -> None:
    server = parse(dsn)
    place = f"{server.host}:{server.port}"  # type: ignore[union-attr]
    for user in ("ana:s3cret", "ana", "eve:s3cret"):
        said = refused(f"clickhouse://{user}@{place}/db")
        assert said.startswith(f"the server at {place} does not let {user.split(':')[0]!r} in")
        assert "VISTAZO_DB_PASSWORD" in said


def test_tls_where_there_is_none(dsn: str) -> None:
    assert "TLS failed" in refused(f"{dsn}?secure=true")


def test_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(http("404 Not Found", "no"), context) as port:
        said = refused(f"clickhouse://127.0.0.1:{port}/db?secure=true")
        assert "TLS failed" in said
        assert "ca_cert=FILE" in said
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        for trusted in (f"ca_cert={tmp_path}/ca.pem", "verify=false"):
            if trusted == "verify=false":
                # urllib3 warns of it, as it should.
                with pytest.warns(Warning, match="Unverified HTTPS request"):
                    said = refused(f"clickhouse://127.0.0.1:{port}/db?secure=true&{trusted}")
            else:
                said = refused(f"clickhouse://127.0.0.1:{port}/db?secure=true&{trusted}")
            assert "is no ClickHouse server" in said


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (http("200 OK", "<html>"), "is no ClickHouse server"),
        (http("404 Not Found", "no"), "is no ClickHouse server"),
        (http("400 Bad", "Port 9000 is for clickhouse-client program"), "the port for HTTP"),
        (None, "it closed the connection without an answer"),
    ],
)
def test_something_else_answers(reply: bytes | None, said: str) -> None:
    with answering(reply) as port:
        assert said in refused(f"clickhouse://127.0.0.1:{port}/db")


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENCE_S", 1)
    with answering(b"") as port:
        assert "did not answer in time" in refused(f"clickhouse://127.0.0.1:{port}/db")


def test_what_is_not_there_or_of_another_kind(dsn: str) -> None:
    with pytest.raises(LibraryNotFound, match="no library in the database photos on 127"):
        vistazo.open(dsn, create=False)
    with pytest.raises(LibraryInvalid, match="is no MyScale: write clickhouse://"):
        vistazo.open(dsn.replace("clickhouse:", "myscale:"))
    with vistazo.open(dsn) as library:
        with pytest.raises(Unsupported, match="has no folder"):
            library.path  # noqa: B018
        with pytest.raises(LibraryInvalid, match="is not spread over a cluster"):
            vistazo.open(f"{dsn}?cluster=many")


def test_credentials_from_the_environment_and_silence(
    dsn: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = parse(dsn)
    monkeypatch.setenv("VISTAZO_DB", f"clickhouse://{server.host}:{server.port}/quiet")  # type: ignore[union-attr]
    monkeypatch.setenv("VISTAZO_DB_USER", server.user)  # type: ignore[union-attr]
    monkeypatch.setenv("VISTAZO_DB_PASSWORD", server.password)  # type: ignore[union-attr]
    with caplog.at_level(logging.DEBUG), vistazo.open(encoder=ColourEncoder()) as library:
        assert library.name.startswith("clickhouse://ana@127.0.0.1:")
        assert library.stats().library == library.name
        shown = f"{Settings.load()!r} {library.stats()!r} {vars(library)!r} {caplog.text}"
    assert server.password not in shown  # type: ignore[union-attr]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; from vistazo.cli.main import run; run(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def test_the_program_on_a_server(dsn: str, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = parse(dsn)
    assert isinstance(server, Server)
    place = f"clickhouse://ana@{server.place}/program"
    monkeypatch.setenv("VISTAZO_DB_PASSWORD", server.password)
    asked = program("stats", "--db", place)
    assert (asked.returncode, "no library in the database program" in asked.stderr) == (1, True)
    found = program("doctor", "--db", place)
    assert f"none yet at {place}" in found.stdout
    assert f"the library is on {server.place}" in found.stdout
    assert program("index", str(pictures / "b"), "--db", place).returncode == 0
    asked = program("stats", "--db", place, "--json")
    assert json.loads(asked.stdout)["library"] == place
    assert f"{place}: 3 photos" in program("doctor", "--db", place).stdout
    monkeypatch.setenv("VISTAZO_DB_PASSWORD", "wr0ng")
    asked = program("stats", "--db", place)
    assert asked.returncode == 1
    assert asked.stderr.startswith(f"error: the server at {server.place} does not let 'ana' in")
    assert asked.stderr.count("\n") == 1
    assert "wr0ng" not in asked.stderr


def test_a_fork_connects_anew(dsn: str) -> None:
    script = """
import os, sys
from vistazo.errors import StoreError
from vistazo.store.connect import connect, disconnect, parse
address = parse(sys.argv[1])
held = connect(address, create=True, wait_s=0)
child = os.fork()
if child == 0:
    try:
        held.value("SELECT 1")
    except StoreError as error:
        print("fork" in str(error))
    mine = connect(address, create=True, wait_s=0)
    print(mine.value("SELECT 2"))
    disconnect(address)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
print(held.value("SELECT 3"))
disconnect(address)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, dsn], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n2\n3\n", "")


def test_libraries_in_one_process_share_a_connection(dsn: str) -> None:
    address = parse(dsn)
    first = open_server(address, create=True, wait_s=0)  # type: ignore[arg-type]
    assert open_server(address, create=True, wait_s=0) is first  # type: ignore[arg-type]
    close_server(address)  # type: ignore[arg-type]
    assert first.value("SELECT 1") == 1
    close_server(address)  # type: ignore[arg-type]

"""`vistazo serve` as its users run it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from conftest import paint
from e2e.cli import error_of, run
from e2e.server import HANG_S, serving
from endpoint import endpoint

ROOT = Path(__file__).parents[2]
TWO = [sys.executable, str(Path(__file__).parent / "serve_two.py")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two photos."""
    home = tmp_path_factory.mktemp("home")
    for name in ("red", "blue"):
        paint(home / "pictures" / f"{name}.png", name)
    (home / "pictures" / "captions.csv").write_text("photo_id\nred\nblue\n")
    assert run("index", "pictures", "--db", "library", cwd=home).returncode == 0
    return home


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_photos_until_it_is_stopped(home: Path, number: signal.Signals) -> None:
    with serving("--db", "library", "--no-sql", "--port", "0", cwd=home) as server:
        assert server.said == {
            "library": "library, 2 photos",
            "page": server.said["page"],
            "photos": f"{server.web}/images/PHOTO_ID",
            "callers": "anybody on this machine may look at photos",
        }
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server.web)
        picture = httpx.get(f"{server.web}/images/red")
        assert picture.content == (home / "pictures" / "red.png").read_bytes()
        busy = run("serve", "--db", "library", "--no-sql", "--port", "0", cwd=home)
        assert str(server.process.pid) in error_of(busy)
        with httpx.Client() as client:  # its connection stays open
            assert client.get(f"{server.web}/healthz").json()["status"] == "ok"
            assert server.stop(number) == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""
    assert run("stats", "--db", "library", cwd=home).returncode == 0


def test_a_library_on_a_database_server(home: Path, tmp_path: Path) -> None:
    with endpoint(tmp_path) as dsn:
        assert run("index", "pictures", "--db", dsn, cwd=home).returncode == 0
        refused = run("serve", "--db", dsn, "--port", "0", "--sql-port", "0", cwd=home)
        assert refused.returncode == 2
        assert "give --no-sql" in error_of(refused)
        with serving("--db", dsn, "--no-sql", "--port", "0", cwd=home) as server:
            assert server.said["library"].endswith("photos, 2 photos")
            assert "s3cret" not in server.said["library"]
            picture = httpx.get(f"{server.web}/images/red")
            assert picture.content == (home / "pictures" / "red.png").read_bytes()
            assert server.stop() == 0


def test_both_ports_and_a_token_that_is_made(home: Path) -> None:
    ports = ("--port", "0", "--sql-port", "0")
    with serving("--db", "library", *ports, "--allow-write", cwd=home) as server:
        sql = f"http://127.0.0.1:{server.sql_port}"
        assert httpx.get(f"{sql}/ping").text == "Ok.\n"
        assert httpx.get(sql, params={"query": "SELECT count() FROM photos"}).text == "2\n"
        token = server.said["token"].split()[0]
        assert len(token) >= 32
        assert server.said["token"] == f"{token} (made for this run, not shown again)"
        create = "CREATE TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a"
        assert httpx.post(sql, content=create).status_code != 200
        made = httpx.post(sql, content=create, auth=("anybody", token))
        assert made.status_code == 200, made.text
        foreign = httpx.get(f"{sql}/ping", headers={"Host": "evil.example"})
        assert foreign.status_code == 421
        assert server.stop() == 0


def test_without_allow_write_nobody_writes(home: Path) -> None:
    ports = ("--port", "0", "--sql-port", "0")
    with serving("--db", "library", *ports, cwd=home) as server:
        assert "token" not in server.said
        assert server.said["callers"] == "anybody on this machine may read; nobody may write"
        sql = f"http://127.0.0.1:{server.sql_port}"
        create = "CREATE TABLE other (a UInt8) ENGINE = MergeTree ORDER BY a"
        assert httpx.post(sql, content=create).status_code != 200
        assert httpx.get(sql, params={"query": "EXISTS TABLE other"}).text == "0\n"


# The tests install two packages that bring a dialect for SQLAlchemy.
@pytest.mark.filterwarnings("ignore:The 'clickhouse.//' URL remains registered")
def test_the_uri_that_superset_takes(home: Path) -> None:
    ports = ("--port", "0", "--sql-port", "0")
    with serving("--db", "library", *ports, cwd=home) as server:
        engine = sqlalchemy.create_engine(
            f"clickhousedb://default@127.0.0.1:{server.sql_port}/default"
        )
        try:
            seen = sqlalchemy.inspect(engine)
            assert "default" in seen.get_schema_names()
            assert {"photos", "conversions"} <= set(seen.get_table_names("default"))
            columns = {column["name"] for column in seen.get_columns("photos", "default")}
            assert {"photo_id", "photo_embed", "taken_at"} <= columns
            with engine.connect() as connection:
                rows = connection.execute(
                    sqlalchemy.text("SELECT photo_id, width FROM photos ORDER BY photo_id")
                ).all()
            assert [tuple(row) for row in rows] == [("blue", 48), ("red", 48)]
        finally:
            engine.dispose()


def test_an_address_that_others_reach_needs_a_token(home: Path) -> None:
    wide = ("--db", "library", "--host", "0.0.0.0", "--port", "0", "--no-sql")
    refused = run("serve", *wide, cwd=home)
    assert refused.returncode == 2
    assert error_of(refused) == (
        "--host 0.0.0.0 can be reached from elsewhere: give a --token that callers must know, or"
        " listen on 127.0.0.1"
    )
    assert run("serve", *wide, "--allow-write", cwd=home).returncode == 2
    with serving(*wide, "--token", "correct horse", cwd=home) as server:
        address = server.web.replace("0.0.0.0", "127.0.0.1") + "/images/red"
        assert (
            server.said["callers"]
            == "with the token as password may look at photos; others nothing"
        )
        assert httpx.get(address).status_code == 401
        assert httpx.get(address, auth=("me", "correct horse")).status_code == 200


def test_a_token_that_is_given_guards_reading_too(home: Path) -> None:
    options = ("--db", "library", "--port", "0", "--no-sql", "--token", "correct horse")
    with serving(*options, cwd=home) as server:
        assert httpx.get(f"{server.web}/images/red").status_code == 401
        signed = {"Authorization": "Bearer correct horse"}
        assert httpx.get(f"{server.web}/images/red", headers=signed).status_code == 200


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--db", "nowhere"], 1, "there is no library at"),
        (["--token", "short"], 2, "the token must have 8 or more ASCII characters"),
        (["--host", "203.0.113.7"], 2, "--host 203.0.113.7 is no address of this machine"),
        (["--host", "no such host"], 2, "--host no such host is no address of this machine"),
        (["--port", "70000"], 2, "'--port'"),
    ],
)
def test_a_wrong_call(home: Path, options: list[str], code: int, said: str) -> None:
    result = run("serve", "--db", "library", "--port", "0", "--no-sql", *options, cwd=home)
    assert said in error_of(result)
    assert result.returncode == code


@pytest.mark.parametrize("option", ["--port", "--sql-port"])
def test_a_port_in_use(home: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = "--sql-port" if option == "--port" else "--port"
        result = run("serve", "--db", "library", free, "0", option, str(port), cwd=home)
    assert error_of(result) == (
        f"port {port} is in use; give another {option}, or 0 for a free one"
    )
    assert result.returncode == 1


@pytest.mark.parametrize(("options", "serves"), [([], True), (["SERVE=0"], False)])
def test_the_demo_ends_with_a_server(options: list[str], serves: bool) -> None:
    made = subprocess.run(
        ["make", "--dry-run", "demo", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "vistazo demo --db demo-library" in made.stdout
    assert ("vistazo serve --db demo-library" in made.stdout) == serves


@contextlib.contextmanager
def two() -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    process = subprocess.Popen(
        TWO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().split()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stream_is_cut_when_the_servers_stop(number: signal.Signals) -> None:
    with two() as (process, (streams, answers)):
        assert httpx.get(answers).text == "stubborn"
        with httpx.stream("GET", streams, timeout=HANG_S) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "line"
            process.send_signal(number)
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
        out, err = process.communicate(timeout=HANG_S)
        assert sorted(out.splitlines()) == ["endless: cancelled", "served", "stubborn: shut down"]
        assert out.endswith("served\n")
        assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("given_up", [False, True], ids=["while waiting", "after cancelling"])
def test_a_second_signal_ends_what_will_not_stop(given_up: bool) -> None:
    with two() as (process, (_, answers)):
        address = ("127.0.0.1", int(answers.rpartition(":")[2]))
        with socket.create_connection(address) as connection:
            connection.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert process.stdout is not None
            assert process.stdout.readline() == "stubborn: waiting\n"
            process.send_signal(signal.SIGTERM)
            # Until the first has been seen, a second one would be the same signal.
            with pytest.raises(ConnectionRefusedError):  # noqa: PT012
                while True:
                    # A call in the queue of a port that closes is cut off; the next is refused.
                    with contextlib.suppress(ConnectionResetError):
                        socket.create_connection(address).close()
            if given_up:
                assert b" 500 " in connection.recv(100)
            process.send_signal(signal.SIGTERM)
            assert process.wait(HANG_S) == 128 + signal.SIGTERM

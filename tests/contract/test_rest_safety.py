"""Who is let in, what is fetched, what is refused: the interface under people who mean harm."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

import vistazo
from faulty_server import FaultyServer
from rest import HOSTILE, OWNED, OWNER, client_of, library_at, refused
from vistazo.config import Settings
from vistazo.web.attempts import Attempts
from vistazo.web.door import Entry

BEARER = {"Authorization": f"Bearer {OWNER}"}
WRITES = [
    ("POST", "/jobs", {"source": "/nowhere"}),
    ("POST", "/conversions", {"file": "/nowhere"}),
    ("POST", "/failures/retry", {}),
    ("POST", "/evaluations", {"labels": "/nowhere"}),
    ("DELETE", "/jobs/any", None),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    with library_at(tmp_path_factory.mktemp("safety")) as opened:
        yield opened


@pytest.fixture
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with client_of(library, OWNED) as client:
        yield client


class TestAddresses:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0.0.0.0", "[::1]"]
        + ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "LOCALHOST.", "①②⑦.0.0.1"],
    )
    def test_this_machine_is_not_asked(self, client: httpx.Client, host: str) -> None:
        with FaultyServer() as inside:
            url = f"http://{host}:{inside.port}/good"
            answer = client.get("/api/v1/search", params={"url": url})
            assert refused(answer, 422) in ("private-address", "dns", "connect", "bad-url")
            assert (inside.requests, inside.connections) == ([], 0)

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://example.org/a.jpg",
            "gopher://127.0.0.1/",
            "//x",
            "javascript:0",
        ]
        + ["http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://192.168.1.1/"]
        + [
            "http://[fe80::1]/",
            "http://user:pass@127.0.0.1/",
            "http:///",
            "http://a b/",
            "data:,x",
        ],
    )
    def test_nor_anything_but_the_web(self, client: httpx.Client, url: str) -> None:
        answer = client.get("/api/v1/search", params={"url": url})
        assert refused(answer, 422) in ("private-address", "bad-url", "dns")

    def test_a_switch_lets_it(self, library: vistazo.Library) -> None:
        settings = Settings(allow_private_addresses=True)
        with FaultyServer() as inside, client_of(library, settings=settings) as client:
            for path, code in (("endless", "too-large"), ("garbage", "cut"), ("loop", "redirects")):
                answer = client.get("/api/v1/search", params={"url": inside.url(path)})
                assert refused(answer, 422) == code


class TestSql:
    @pytest.mark.parametrize(
        "query",
        [
            "SELECT file('/etc/passwd')",
            "SELECT `file`('/etc/passwd')",
            "SELECT \"file\"('/etc/passwd')",
            "SELECT * FROM file('/etc/passwd', LineAsString)",
            "SELECT * FROM url('http://127.0.0.1/', CSV, 'a String')",
            "SELECT * FROM remote('127.0.0.1', default.photos)",
            "SELECT * FROM '/etc/passwd'",
            "FROM '/etc/passwd' SELECT *",
            "SELECT * FROM `/etc/passwd`",
            "SELECT * FROM default.`/etc/passwd`",
            "SELECT * FROM default . `/etc/passwd`",
            "SELECT * FROM photos, '/etc/passwd'",
            "SELECT * FROM photos p, `/etc/passwd` q",
            "SELECT * FROM photos JOIN '/etc/passwd' USING photo_id",
            "SELECT (SELECT * FROM README)",
            "SELECT 1 IN `/etc/passwd`",
            "SELECT 1 IN (`/etc/passwd`)",
            "SELECT in(1, `/etc/passwd`)",
            "SELECT 1 GLOBAL NOT IN README",
            "SELECT nullIn(1, `/etc/passwd`)",
            "WITH x AS (SELECT * FROM '/etc/passwd') SELECT * FROM x",
            "SELECT * FROM (SELECT * FROM /* a */ `/etc/passwd`)",
            "SELECT * FROM {t:Identifier}",
            "SELECT * FROM system.processes",
            "SELECT * FROM system.query_log",
            "SELECT getServerSetting('max_connections')",
            "SELECT dictGet('d', 'a', 1)",
            "SELECT * FROM executable('ls', CSV, 'a String')",
            "SELECT * FROM merge('default', '.*')",
            "SELECT * FROM python('x')",
            "DESCRIBE '/etc/passwd'",
            "DESCRIBE TABLE `/etc/passwd`",
            "DESC file('/etc/passwd')",
            "EXPLAIN SELECT * FROM '/etc/passwd'",
            "SHOW CREATE TABLE `/etc/passwd`",
            "SHOW PROCESSLIST",
            "SELECT 1 INTO OUTFILE '/tmp/never'",
            "INSERT INTO photos (photo_id) VALUES ('x')",
            "DROP TABLE photos",
            "SET max_threads = 1",
            "SYSTEM SHUTDOWN",
            "SELECT 1; DROP TABLE photos",
            "",
            "SELECT '",
        ],
    )
    def test_what_is_not_run(self, client: httpx.Client, query: str) -> None:
        answer = client.post("/api/v1/sql", json={"query": query, "params": {"t": "README"}})
        assert refused(answer, 400) in ("invalid-sql", "usage")
        assert "root:" not in answer.text

    @pytest.mark.parametrize(
        "query",
        [
            "SELECT count() FROM photos WHERE photo_id IN (SELECT photo_id FROM conversions)",
            "SELECT p.photo_id, c.keyword FROM photos AS p JOIN conversions c USING (photo_id)",
            "WITH top AS (SELECT photo_id FROM photos LIMIT 3) SELECT * FROM top",
            "SELECT format FROM photos WHERE format IN ('JPEG', 'PNG') ORDER BY format DESC, width",
            "SELECT count() FROM default.photos",
            "SELECT name FROM system.tables WHERE database = 'default'",
            "SHOW TABLES",
            "DESCRIBE photos",
            "SELECT arrayJoin([1, 2]) AS x, concat('a, ', 'FROM README')",
            "SELECT 'FROM `/etc/passwd`' -- FROM '/etc/passwd'",
            "SELECT photo_id FROM photos ORDER BY distance(photo_embed, embed('red')) LIMIT 1",
        ],
    )
    def test_what_is(self, client: httpx.Client, query: str) -> None:
        answer = client.post("/api/v1/sql", json={"query": query})
        assert answer.status_code == 200, answer.text
        assert answer.json()["rows"]

    def test_it_takes_neither_all_the_time_nor_all_the_memory(self, client: httpx.Client) -> None:
        query = "SELECT groupArray(number) FROM numbers(1000000000)"
        answer = client.post("/api/v1/sql", json={"query": query})
        assert refused(answer, 400) == "invalid-sql"
        assert "more than" in answer.json()["error"]["message"]


class TestWriters:
    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    def test_others_change_nothing(
        self, client: httpx.Client, method: str, path: str, body: Any
    ) -> None:
        for headers in ({}, {"Authorization": "Bearer no"}, {"Cookie": "vistazo_1=x"}):
            answer = client.request(method, f"/api/v1{path}", json=body, headers=headers)
            assert refused(answer, 403) == "forbidden"

    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
        ],
    )
    def test_pages_of_others_do_not_either(
        self, client: httpx.Client, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> None:
        answer = client.request(method, f"/api/v1{path}", json=body, headers=BEARER | headers)
        assert refused(answer, 403) == "cross-site"

    def test_a_form_is_no_json(self, client: httpx.Client) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            headers = BEARER | {"Content-Type": kind}
            body = json.dumps({"source": "/nowhere"})
            answer = client.post("/api/v1/jobs", content=body, headers=headers)
            assert refused(answer, 400) == "usage"
        assert client.get("/api/v1/jobs").json() == {"jobs": []}

    def test_pages_of_others_read_nothing(self, client: httpx.Client) -> None:
        asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert refused(client.get("/api/v1/search?q=red", headers=asked), 403) == "cross-site"
        answer = client.get("/api/v1/search?q=red", headers={"Origin": "http://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        assert client.options("/api/v1/search", headers={"Origin": "http://e.x"}).status_code == 405

    def test_our_own_page_does(self, client: httpx.Client) -> None:
        own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        assert client.post("/api/v1/jobs", json={"source": "/x"}, headers=own).status_code == 403
        led = client.get(f"/?key={OWNER}&q=a+b&key=2")
        assert (led.status_code, led.headers["location"]) == (303, "/?q=a+b")
        cookie = led.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert OWNER not in cookie
        assert client.get("/api/v1/session").json() == {"may_read": True, "may_write": True}
        answer = client.post("/api/v1/jobs", json={"source": "/x"}, headers=own)
        assert answer.status_code == 202
        foreign = client.post(
            "/api/v1/jobs", json={"source": "/x"}, headers={"Origin": "http://evil.example"}
        )
        assert refused(foreign, 403) == "cross-site"
        client.delete("/api/v1/session")
        assert client.get("/api/v1/session").json()["may_write"] is False

    def test_a_session_for_a_token(self, client: httpx.Client) -> None:
        assert refused(client.post("/api/v1/session", json={"token": "no"}), 401) == "token"
        assert client.post("/api/v1/session", json={"token": OWNER}).json()["may_write"] is True
        assert client.get("/api/v1/session").json()["may_write"] is True

    def test_only_the_owner_runs_any_sql(self, library: vistazo.Library) -> None:
        """The token that others are given lets them write, and read no file of this machine."""
        entry = Entry(writers=("the-others-token",), owner=OWNER)
        read = {"query": "SELECT count() FROM file('/etc/passwd', 'LineAsString')"}
        write = {"query": "CREATE TABLE notes (a Int8) ENGINE = Memory", "write": True}
        with client_of(library, entry) as client:
            for token in ("the-others-token", OWNER):
                client.cookies.clear()
                assert client.get("/", params={"key": token}).status_code == 303
                assert client.get("/api/v1/session").json()["may_write"] is True
                assert refused(client.post("/api/v1/library/sql", json=read), 400)
                assert refused(client.post("/api/v1/library/sql", json=write), 403) == "forbidden"
            client.cookies.clear()
            client.headers["Authorization"] = "Bearer the-others-token"
            assert refused(client.post("/api/v1/library/sql", json=read), 400) == "invalid-sql"
            assert refused(client.post("/api/v1/library/sql", json=write), 403) == "forbidden"
            client.headers.update(BEARER)
            for body in (read, write, {"query": "DROP TABLE notes", "write": True}):
                answer = client.post("/api/v1/library/sql", json=body)
                assert answer.status_code == 200, answer.text


class TestDoor:
    @pytest.mark.parametrize("path", ["/api/v1/search", "/api/v1/stats", "/metrics", "/docs"])
    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
    def test_other_names(self, client: httpx.Client, path: str, host: str) -> None:
        assert refused(client.get(path, headers={"Host": host}), 421) == "host"

    def test_where_reading_needs_a_token(self, library: vistazo.Library) -> None:
        entry = Entry(local_only=False, token="readers-token", writers=(OWNER,))
        with client_of(library, entry) as client:
            for path in (
                "/api/v1/search",
                "/api/v1/photos/red",
                "/metrics",
                "/docs",
                "/",
                "/images/red",
            ):
                assert refused(client.get(path), 401) == "token"
            assert client.get("/api/v1/health").status_code == 200
            assert client.get("/api/v1/session").json() == {"may_read": False, "may_write": False}
            reader = {"Authorization": "Bearer readers-token"}
            assert client.get("/api/v1/stats", headers=reader).status_code == 200
            job = {"source": "/nowhere"}
            assert (
                refused(client.post("/api/v1/jobs", json=job, headers=reader), 403) == "forbidden"
            )
            assert client.post("/api/v1/jobs", json=job, headers=BEARER).status_code == 202
            basic = {"Authorization": "Basic " + base64.b64encode(f"a:{OWNER}".encode()).decode()}
            assert client.post("/api/v1/jobs", json=job, headers=basic).status_code == 202
            client.post("/api/v1/session", json={"token": "readers-token"})
            assert client.get("/images/red").status_code == 200
            assert client.get("/api/v1/session").json() == {"may_read": True, "may_write": False}

    def test_many_wrong_tokens(self, library: vistazo.Library) -> None:
        with client_of(library, Entry(token="readers-token")) as client:
            codes = [
                client.get("/api/v1/stats", headers={"Authorization": f"Bearer {n}"}).status_code
                for n in range(15)
            ]
            assert codes[:10] == [401] * 10
            assert 429 in codes[10:]
            right = {"Authorization": "Bearer readers-token"}
            late = client.get("/api/v1/stats", headers=right)
            assert refused(late, 429) == "attempts"
            assert int(late.headers["retry-after"]) >= 1
            assert refused(client.post("/api/v1/session", json={"token": "x"}), 429) == "attempts"


def test_attempts_wait_longer_each_time_and_end() -> None:
    attempts = Attempts(free=2, most_s=0.2)
    for _ in range(2):
        assert attempts.wait_s("a") == 0
        attempts.note_wrong("a")
    assert 0 < attempts.wait_s("a") <= 0.2
    assert attempts.wait_s("b") == 0
    time.sleep(0.25)
    assert attempts.wait_s("a") == 0
    attempts.note_wrong("a")
    attempts.note_right("a")
    assert attempts.wait_s("a") == 0


class TestSizes:
    def test_large_bodies(self, client: httpx.Client) -> None:
        large = b"x" * (3 << 20)
        answer = client.post("/api/v1/sql", content=large)
        assert refused(answer, 413) == "too-large"
        pieces = (b"x" * 100_000 for _ in range(40))
        assert refused(client.post("/api/v1/sql", content=pieces), 413) == "too-large"
        files = {"image": ("x.jpg", b"\xff\xd8\xff" + bytes(33 << 20))}
        assert refused(client.post("/api/v1/search", files=files), 413) == "too-large"

    def test_a_length_that_is_none(self, client: httpx.Client) -> None:
        address = urlsplit(str(client.base_url))
        with socket.create_connection((address.hostname, address.port), timeout=10) as raw:
            raw.sendall(
                b"POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"
            )
            assert raw.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))

    def test_a_slow_sender_holds_up_nobody(self, client: httpx.Client) -> None:
        address = urlsplit(str(client.base_url))
        slow = [socket.create_connection((address.hostname, address.port)) for _ in range(50)]
        try:
            for each in slow:
                each.sendall(
                    b"POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
                )
            assert client.get("/api/v1/search?q=red").status_code == 200
        finally:
            for each in slow:
                each.close()

    def test_a_long_statement_does_not_hold_up_a_search(self, client: httpx.Client) -> None:
        query = "SELECT count() FROM numbers(200000000) WHERE sipHash64(number) = 1"
        ended = threading.Event()

        def ask() -> None:
            try:
                httpx.post(f"{client.base_url}/api/v1/sql", json={"query": query}, timeout=90)
            finally:
                ended.set()

        thread = threading.Thread(target=ask)
        thread.start()
        answers = 0
        while not ended.is_set():
            assert client.get("/api/v1/search?q=red").status_code == 200
            answers += 1
        thread.join()
        assert answers > 5


class TestHostileText:
    def test_it_comes_as_json_and_nothing_else(self, client: httpx.Client) -> None:
        for number, text in enumerate(HOSTILE):
            answer = client.get(f"/api/v1/photos/hostile{number}")
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["description"] == text
        assert client.get("/api/v1/downloads").json()["keywords"][1]["keyword"] == HOSTILE[0]

    @pytest.mark.parametrize(
        "text", [*HOSTILE[:-1], "\x00", "\ud800".encode("utf-8", "replace").decode()]
    )
    def test_as_a_question(self, client: httpx.Client, text: str) -> None:
        assert client.get("/api/v1/search", params={"q": text, "k": 1}).status_code == 200
        found = client.get("/api/v1/sql/of", params={"q": text, "k": 1}).json()["sql"]
        assert client.post("/api/v1/sql", json={"query": found}).status_code == 200
        assert refused(client.get(f"/api/v1/photos/{quote(text, safe='')}"), 404)
        value = text.replace("\\", "\\\\").replace("'", "\\'")
        where = {"where": f"description = '{value}'"}
        narrowed = client.get("/api/v1/search", params=where).json()
        assert narrowed["total"] == (text in HOSTILE)

    def test_every_answer_says_what_it_is(self, client: httpx.Client) -> None:
        for path in ("/docs", "/api/v1/search", "/images/red", "/nothing", "/metrics", "/healthz"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
        assert "script-src 'self'" in client.get("/docs").headers["content-security-policy"]


def test_an_export_names_no_other_place(library: vistazo.Library, tmp_path: Path) -> None:
    import io
    import zipfile

    from vistazo.records import Photo
    from vistazo.store.store import NewPhoto

    vector = library.paging.vector((Path(library.path).parent / "photos/a/red.jpg").read_bytes())
    odd = ["../../etc/x", "/abs", "a\\..\\b", "con.", "..", "a\nb", "A/B", "a/b"]
    small = b"\xff\xd8\xff\xe0"
    photos = [NewPhoto(Photo(each, "file:///gone", 1, 1), vector, small) for each in odd]
    library._store.replace(photos)
    try:
        with client_of(library) as client:
            answer = client.post("/api/v1/export?format=zip", json={"photo_ids": odd})
        names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
        assert len(names) == len(odd) + 1
        assert len({name.lower() for name in names}) == len(names)
        for name in names[1:]:
            assert name.startswith("photos/")
            assert name.count("/") == 1
            assert ".." not in name
            assert name.isprintable()
    finally:
        library._store.delete(odd)

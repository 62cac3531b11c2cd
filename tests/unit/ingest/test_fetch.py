"""Downloads from a server on loopback that does everything wrong on purpose."""

from __future__ import annotations

import gc
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpcore
import pytest
import trustme

from faulty_server import FaultyServer, jpeg
from vistazo.errors import FetchError
from vistazo.ingest import connections, fetch, names
from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.fetch import Downloader

PLAN = DownloadPlan(
    allow_private_addresses=True,
    deadline_s=20,
    connect_timeout_s=5,
    read_timeout_s=5,
    backoff_s=0.02,
    max_bytes=1_000_000,
)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as started:
        yield started


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a bug does, no test leaves this machine."""
    connect = httpcore.AnyIOBackend.connect_tcp

    async def checked(self: httpcore.AnyIOBackend, host: str, *rest: Any) -> Any:
        assert ipaddress.ip_address(host).is_loopback, host
        return await connect(self, host, *rest)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", checked)


@pytest.fixture(scope="module")
def downloader() -> Iterator[Downloader]:
    started = Downloader(PLAN)
    yield started
    started.close()


def failure(plan: DownloadPlan, url: str) -> FetchError:
    downloader = Downloader(plan)
    try:
        error = downloader.submit(url).exception(timeout=30)
    finally:
        downloader.close()
    assert isinstance(error, FetchError)
    return error


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class TestGood:
    @pytest.mark.parametrize(
        "path",
        ["good", "cut-once", "third-time", "busy/0", "busy/1", "busy/date", "hops/4", "cookie"]
        + ["typed/image/x-odd", "typed/application/octet-stream", "typed/binary/octet-stream"]
        + ["typed", "gzip", "tagged?tag=noindex", "tagged?tag=otherbot:%20noai,%20noimageai"],
    )
    def test_the_bytes_arrive(
        self, server: FaultyServer, downloader: Downloader, path: str
    ) -> None:
        data = downloader.submit(server.url(path)).result(timeout=30)
        assert data == jpeg("blue" if path == "hops/4" else "red")
        assert server.asked(path) == {"cut-once": 2, "third-time": 3}.get(
            path, 2 if path.startswith("busy") else 1
        )

    def test_an_empty_body_is_the_decoders_business(
        self, server: FaultyServer, downloader: Downloader
    ) -> None:
        assert downloader.submit(server.url("empty")).result(timeout=30) == b""

    def test_what_the_server_is_told(self, server: FaultyServer, downloader: Downloader) -> None:
        for _ in range(2):
            downloader.submit(server.url("cookie")).result(timeout=30)
        headers = server.requests[-1].headers
        assert headers["user-agent"].startswith("vistazo/")
        assert headers["accept-encoding"] == "identity"
        assert headers["host"] == f"127.0.0.1:{server.port}"
        assert "cookie" not in headers

    def test_redirects_keep_the_connection(self) -> None:
        with FaultyServer() as server:
            downloader = Downloader(PLAN)
            try:
                for n in range(3):
                    downloader.submit(server.url(f"hops/3?{n}")).result(timeout=30)
            finally:
                downloader.close()
            assert (server.connections, len(server.requests)) == (1, 15)

    def test_retry_after_is_waited_for(self, downloader: Downloader) -> None:
        with FaultyServer() as server:
            started = time.monotonic()
            downloader.submit(server.url("busy/1")).result(timeout=30)
            assert 1 <= time.monotonic() - started < 4

    def test_a_smaller_picture_is_asked_for(self, server: FaultyServer) -> None:
        plan = replace(PLAN, image_query="q=75&w=200", image_query_hosts=("127.0.0.1",))
        downloader = Downloader(plan)
        try:
            downloader.submit(server.url("good/red.jpg?ixid=M3&q=9#part")).result(timeout=30)
        finally:
            downloader.close()
        assert server.requests[-1].target == "/good/red.jpg?ixid=M3&q=9&w=200"


FAULTS = [
    ("cut", "cut", "the connection broke: peer closed connection"),
    ("cut-gzip", "cut", "the body ends early"),
    ("no-answer", "cut", "the connection broke: Server disconnected"),
    ("garbage", "cut", "the connection broke"),
    ("endless", "too-large", "it has more bytes, more than the limit of 1,000,000"),
    ("claims/1000000000000", "too-large", "it has 1,000,000,000,000 bytes, more than the limit"),
    ("bomb", "too-large", "it has more bytes, more than the limit of 1,000,000"),
    ("brotli", "content-type", "the server packs it as br, unasked"),
    ("bad-gzip", "content-type", "its gzip packing is damaged"),
    ("html", "content-type", "the server sends text/html instead of a picture"),
    ("typed/application/json", "content-type", "the server sends application/json instead"),
    ("status/404", "status-404", "the server answered 404 So"),
    ("status/410", "status-410", "the server answered 410"),
    ("status/403", "status-403", "the server answered 403"),
    ("status/500", "status-500", "the server answered 500"),
    ("status/304", "status-304", "the server answered 304"),
    ("nowhere", "status-302", "the server answered 302 Found"),
    ("busy/3600", "status-429", "429 Too Many Requests, and to come back in 3600 s"),
    ("loop", "redirects", "it redirects more than 5 times"),
    ("hops/7", "redirects", "it redirects more than 5 times"),
    ("to?url=ftp://127.0.0.1/a.jpg", "redirects", "it redirects to no web address"),
    ("to?url=file:///etc/passwd", "redirects", "it redirects to no web address"),
    ("to?url=http://127.0.0.1:99999/", "redirects", "it redirects to no web address"),
    ("to?url=http://[::1/", "redirects", "it redirects to no web address"),
    ("tagged?tag=noai", "opted-out", "its publisher opts out of such use (X-Robots-Tag)"),
    ("tagged?tag=otherbot:%20noai,%20vistazo:%20noimageai", "opted-out", "opts out"),
]


class TestFaults:
    @pytest.mark.parametrize(("path", "code", "message"), FAULTS, ids=[f[0] for f in FAULTS])
    def test_each_has_its_code(
        self, server: FaultyServer, downloader: Downloader, path: str, code: str, message: str
    ) -> None:
        url = server.url(path)
        error = downloader.submit(url).exception(timeout=30)
        assert isinstance(error, FetchError)
        assert (error.code, error.stage) == (code, "fetch")
        assert str(error).startswith(f"{url} cannot be downloaded: ")
        assert message in str(error)
        assert "\n" not in str(error)
        tries = 4 if code in ("cut", "status-500") else 1
        if code != "redirects":
            assert server.asked(path) == tries

    def test_a_hop_that_opts_out(self, server: FaultyServer, downloader: Downloader) -> None:
        there = quote(server.url("tagged?tag=NoAI"))
        error = downloader.submit(server.url(f"to?url={there}")).exception(timeout=30)
        assert isinstance(error, FetchError)
        assert error.code == "opted-out"

    def test_nobody_listens(self) -> None:
        error = failure(PLAN, f"http://127.0.0.1:{free_port()}/a.jpg")
        assert error.code == "connect"
        assert "cannot be downloaded: no connection: " in str(error)

    def test_there_is_no_such_host(self) -> None:
        error = failure(PLAN, "http://nonexistent.invalid/a.jpg")
        assert error.code == "dns"
        assert "looking up nonexistent.invalid failed: " in str(error)

    def test_the_name_server_is_busy_once(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers: list[list[str] | OSError] = [
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            ["127.0.0.1"],
        ]
        monkeypatch.setattr(names, "_addresses", lambda host: answers.pop(0))
        downloader = Downloader(PLAN)
        try:
            url = server.url("good", "pictures.test")
            assert downloader.submit(url).result(timeout=30) == jpeg()
        finally:
            downloader.close()
        assert answers == []
        assert server.requests[-1].headers["host"] == f"pictures.test:{server.port}"

    def test_the_name_server_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(names, "_addresses", lambda host: time.sleep(2))
        plan = replace(PLAN, connect_timeout_s=0.1, retries=1)
        error = failure(plan, "http://slow.test/a.jpg")
        assert error.code == "dns"
        assert "took longer than 0.1 s" in str(error)

    @pytest.mark.parametrize(
        "url",
        ["http://", "http:///a.jpg", "http://[::1/a.jpg", "http://127.0.0.1:99999/a", "http://a b/"]
        + [f"http://{'x' * 64}.test/\ud800"],
    )
    def test_addresses_that_are_none(self, downloader: Downloader, url: str) -> None:
        error = downloader.submit(url).exception(timeout=30)
        assert isinstance(error, FetchError)
        assert error.code == "bad-url"

    def test_a_label_that_no_name_server_takes(self, downloader: Downloader) -> None:
        error = downloader.submit(f"http://{'x' * 64}.test/").exception(timeout=30)
        assert isinstance(error, FetchError)
        assert error.code in ("bad-url", "dns")

    def test_a_long_address_is_shortened_in_the_message(
        self, server: FaultyServer, downloader: Downloader
    ) -> None:
        error = downloader.submit(server.url("status/404?" + "x" * 5000)).exception(timeout=30)
        assert "... cannot be downloaded: " in str(error)
        assert len(str(error)) < 500

    def test_a_certificate_that_nobody_vouches_for(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        with FaultyServer(tls=context) as server:
            error = failure(PLAN, server.url("good"))
        assert error.code == "tls"
        assert "no secure connection: " in str(error)

    def test_no_tls_at_all_behind_https(self, server: FaultyServer) -> None:
        error = failure(PLAN, server.url("good").replace("http:", "https:"))
        assert error.code == "tls"


class TestTLS:
    def test_certificates_are_checked_by_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setattr(names, "_addresses", lambda host: ["127.0.0.1"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("good.test").configure_cert(context)
        downloader = Downloader(PLAN)
        try:
            with FaultyServer(tls=context) as server:
                urls = [server.url(f"good/red.jpg?{n}", "good.test") for n in range(30)]
                futures = [downloader.submit(url) for url in urls]
                assert {future.result(timeout=30) for future in futures} == {jpeg()}
                assert server.requests[0].target.startswith("/good/red.jpg")
                other = downloader.submit(server.url("good", "other.test"))
                error = other.exception(timeout=30)
        finally:
            downloader.close()
        assert isinstance(error, FetchError)
        assert error.code == "tls"
        assert "good.test" in str(error) or "ostname mismatch" in str(error)


class TestPrivateAddresses:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"]
        + ["10.0.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "[fd00:ec2::254]"],
    )
    def test_they_are_refused_by_default(self, server: FaultyServer, host: str) -> None:
        before = server.connections
        error = failure(
            replace(PLAN, allow_private_addresses=False), server.url("good/red.jpg", host)
        )
        assert error.code == "private-address"
        assert "and allow_private_addresses is false" in str(error)
        assert server.connections == before

    def test_a_redirect_to_one_is_refused(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The server's own address stands in for a public one.
        monkeypatch.setattr(connections, "is_public", lambda number: number == "127.0.0.1")
        plan = replace(PLAN, allow_private_addresses=False)
        inner = quote(server.url("good/red.jpg", "127.0.0.2"))
        error = failure(plan, server.url(f"to?url={inner}"))
        assert error.code == "private-address"
        assert server.asked(f"to?url={inner}") == 1

    def test_a_name_that_changes_its_address_after_the_check(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "is_public", lambda number: number == "127.0.0.1")
        asked = []

        def rebinding(host: str) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

        monkeypatch.setattr(names, "_addresses", rebinding)
        downloader = Downloader(replace(PLAN, allow_private_addresses=False))
        try:
            url = server.url("good/red.jpg", "rebinding.test")
            assert downloader.submit(url).result(timeout=30) == jpeg()
        finally:
            downloader.close()
        assert asked == ["rebinding.test"]  # nobody looks it up a second time to connect

    def test_of_several_addresses_only_the_public_are_tried(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "is_public", lambda number: number != "127.0.0.1")
        found = ["127.0.0.1", "127.0.0.3"]
        monkeypatch.setattr(names, "_addresses", lambda host: found)
        before = server.connections
        plan = replace(PLAN, allow_private_addresses=False, retries=0)
        error = failure(plan, server.url("good/red.jpg", "mixed.test"))
        assert error.code == "connect"
        assert server.connections == before

    def test_the_next_address_is_tried(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(names, "_addresses", lambda host: ["127.0.0.2", "127.0.0.1"])
        downloader = Downloader(PLAN)
        try:
            url = server.url("good/red.jpg", "two.test")
            assert downloader.submit(url).result(timeout=30) == jpeg()
        finally:
            downloader.close()


class TestTime:
    @pytest.mark.parametrize("path", ["silent", "stall"])
    def test_silence_is_a_timeout(self, server: FaultyServer, path: str) -> None:
        error = failure(replace(PLAN, read_timeout_s=0.2, retries=1), server.url(path))
        assert error.code == "timeout"
        assert "the server fell silent" in str(error)

    @pytest.mark.parametrize("path", ["silent", "stall", "drip", "drip-headers", "endless"])
    def test_nothing_outlives_the_deadline(self, server: FaultyServer, path: str) -> None:
        started = time.monotonic()
        error = failure(replace(PLAN, deadline_s=0.5, max_bytes=2**40), server.url(path))
        assert error.code == "deadline"
        assert "it took longer than 0.5 s" in str(error)
        assert time.monotonic() - started < 4

    def test_retries_end_before_the_deadline_with_the_cause(self, server: FaultyServer) -> None:
        plan = replace(PLAN, deadline_s=1, retries=1000, backoff_s=0.2)
        assert failure(plan, server.url("status/503?late")).code == "status-503"

    def test_slow_ones_hold_up_nobody(self, server: FaultyServer) -> None:
        downloader = Downloader(replace(PLAN, host_concurrency=32))
        try:
            slow = [downloader.submit(server.url(f"silent?{n}")) for n in range(20)]
            fast = [downloader.submit(server.url(f"good/red.jpg?{n}")) for n in range(100)]
            done, _ = wait(fast, timeout=20)
            assert len(done) == 100
            assert not any(future.done() for future in slow)
        finally:
            downloader.close()
        assert all(future.cancelled() for future in slow)

    def test_the_watchdog_ends_what_a_hanging_loop_does_not(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetch, "_GRACE_S", 0.2)
        downloader = Downloader(replace(PLAN, deadline_s=0.5, concurrency=1))
        try:
            running = downloader.submit(server.url("silent?running"))
            queued = downloader.submit(server.url("silent?queued"))
            deadline = time.monotonic() + 10
            while not server.asked("silent?running") and time.monotonic() < deadline:
                time.sleep(0.01)
            awake = threading.Event()
            downloader._loop.call_soon_threadsafe(awake.wait, 30)
            late = downloader.submit(server.url("good"))
            for future in (running, queued, late):
                error = future.exception(timeout=10)
                assert isinstance(error, FetchError)
                assert error.code == "deadline"
                assert "the download hangs" in str(error)
        finally:
            awake.set()
            downloader.close()

    def test_a_host_that_has_gone_gets_one_try_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tries = []

        def count(host: str) -> OSError:
            tries.append(host)
            return socket.gaierror(socket.EAI_AGAIN, "Try again")

        monkeypatch.setattr(names, "_addresses", count)
        downloader = Downloader(replace(PLAN, host_concurrency=1, concurrency=1))
        try:
            futures = [downloader.submit(f"http://gone.test/{n}") for n in range(30)]
            codes = {_code(future) for future in futures}
        finally:
            downloader.close()
        assert codes == {"dns"}
        assert len(tries) < 35


def _code(future: Future[bytes]) -> str:
    error = future.exception(timeout=30)
    assert isinstance(error, FetchError)
    return error.code


class TestLimits:
    @pytest.mark.parametrize(("total", "per_host", "most"), [(5, 50, 5), (50, 3, 3)])
    def test_so_many_at_once(self, total: int, per_host: int, most: int) -> None:
        plan = replace(PLAN, concurrency=total, host_concurrency=per_host)
        with FaultyServer(latency_s=0.02) as server:
            downloader = Downloader(plan)
            try:
                futures = [downloader.submit(server.url(f"good/red.jpg?{n}")) for n in range(60)]
                for future in futures:
                    future.result(timeout=30)
            finally:
                downloader.close()
            assert server.most_active == most
            assert server.connections <= most + 2  # kept alive

    def test_memory_is_bounded_however_many_there_are(self, server: FaultyServer) -> None:
        plan = replace(PLAN, memory_bytes=1_000_000, deadline_s=1, read_timeout_s=30)
        downloader = Downloader(plan)
        try:
            futures = [downloader.submit(server.url(f"size/400000?{n}")) for n in range(20)]
            most = got = 0
            waited = time.monotonic()
            while futures:
                done, _ = wait(futures, timeout=0.05)
                most = max(most, downloader._budget.held_bytes)
                if time.monotonic() - waited > 1.5:  # longer than the deadline, which stands still
                    for future in done:
                        got += len(future.result())
                        downloader.release(len(future.result()))
                        futures.remove(future)
        finally:
            downloader.close()
        assert got == 8_000_000
        assert 1_000_000 <= most + 65536 <= 1_000_000 + 400_000 + 65536


class TestClosing:
    def test_it_is_quick_and_cancels(self, server: FaultyServer) -> None:
        downloader = Downloader(PLAN)
        futures = [
            downloader.submit(server.url(f"{path}?c")) for path in ("silent", "drip", "stall")
        ]
        futures += [downloader.submit(server.url(f"good/red.jpg?{n}")) for n in range(100)]
        time.sleep(0.1)
        started = time.monotonic()
        downloader.close()
        downloader.close()
        assert time.monotonic() - started < 1
        assert all(future.done() for future in futures)
        with pytest.raises(CancelledError):
            futures[0].result()
        assert downloader.submit(server.url("good")).cancelled()
        downloader.release(5)
        assert not any(thread.is_alive() for thread in downloader._threads)

    @pytest.mark.parametrize("wait_ms", [0, 5, 10, 20, 30, 45, 60])
    def test_at_any_moment_it_leaves_no_connection_open(
        self, server: FaultyServer, wait_ms: int
    ) -> None:
        """An open one would be a ResourceWarning, which pytest makes an error."""
        downloader = Downloader(PLAN)
        for n in range(400):
            downloader.submit(server.url(f"{('good/red.jpg', 'hops/2', 'html')[n % 3]}?{n}"))
        time.sleep(wait_ms / 1000)
        downloader.close()
        gc.collect()

    def test_a_hanging_loop_does_not_hold_it_up(self) -> None:
        downloader = Downloader(PLAN)
        awake = threading.Event()
        downloader._loop.call_soon_threadsafe(awake.wait, 30)
        started = time.monotonic()
        downloader.close()
        assert time.monotonic() - started < 1
        awake.set()
        downloader._threads[0].join(10)

"""Whole runs over web addresses: every fault in the failures table, and what the next run does."""

from __future__ import annotations

import itertools
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

import rows
import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from faulty_server import FaultyServer
from vistazo.config import Settings
from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.progress import Progress
from vistazo.library import Library
from vistazo.records import Float32Array, UInt8Array, url_of
from vistazo.sources.base import Item
from vistazo.sources.folder import FolderSource
from web_source import WebSource

from .test_pipeline import counts

# (path, code) -> tries by the run that meets it first, and by the next.
FAULTS = {
    ("cut", "cut"): (2, 2),
    ("no-answer", "cut"): (2, 2),
    ("garbage", "cut"): (2, 2),
    ("silent", "timeout"): (2, 2),
    ("stall", "timeout"): (2, 2),
    ("drip", "deadline"): (1, 1),
    ("drip-headers", "deadline"): (1, 1),
    ("endless", "too-large"): (1, 1),
    ("claims/99999999", "too-large"): (1, 1),
    ("bomb", "too-large"): (1, 1),
    ("html", "content-type"): (1, 0),
    ("status/404", "status-404"): (1, 0),
    ("status/410", "status-410"): (1, 0),
    ("status/401", "status-401"): (1, 1),
    ("status/500", "status-500"): (2, 2),
    ("busy/3600", "status-429"): (1, 1),
    ("loop", "redirects"): (6, 6),
    ("tagged?tag=noai", "opted-out"): (1, 0),
    ("too-short-length", "truncated"): (1, 0),
    ("text", "not-an-image"): (1, 0),
    ("empty", "empty"): (1, 0),
}
GOOD = ["good/red.jpg", "good/blue.jpg", "good/green.jpg", "hops/3", "gzip", "typed", "busy/1"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    settings = Settings(
        allow_private_addresses=True,
        download_retries=1,
        download_deadline_s=4,
        download_max_bytes=1_000_000,
        download_concurrency=40,
        per_host_concurrency=40,
    )
    with vistazo.open(tmp_path_factory.mktemp("web") / "library", settings=settings) as library:
        yield library


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    plan_of = DownloadPlan.of

    def brisk(settings: Settings) -> DownloadPlan:
        return replace(plan_of(settings), read_timeout_s=1.5, backoff_s=0.05)

    monkeypatch.setattr(DownloadPlan, "of", brisk)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as started:
        yield started


def codes(library: Library) -> dict[str, str]:
    return {failure.url: failure.code for failure in library.failures()}


class TestFaults:
    def test_every_one_becomes_a_failure_and_the_rest_is_indexed(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        refusing = socket.socket()
        refusing.bind(("127.0.0.1", 0))  # bound and not listening
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        with FaultyServer(tls=context) as secure, refusing:
            expected = {server.url(path): code for path, code in FAULTS} | {
                secure.url("good"): "tls",
                f"http://127.0.0.1:{refusing.getsockname()[1]}/a.jpg": "connect",
                "http://nonexistent.invalid/a.jpg": "dns",
                "http://[::1/a.jpg": "bad-url",
            }
            good = [server.url(path) for path in GOOD]
            mixed = itertools.zip_longest(expected, good)
            source = WebSource([url for pair in mixed for url in pair if url])
            seen: list[Progress] = []
            started = time.monotonic()
            report = library.index(source, encoder=encoder, on_progress=seen.append)
            assert time.monotonic() - started < 30
            assert codes(library) == expected
            assert (report.added, report.failed) == (len(good), len(expected))
            assert seen[-1] == Progress(
                len(good + [*expected]), len(good + [*expected]), len(expected)
            )
            stages = {failure.code: failure.stage for failure in library.failures()}
            decode = {"truncated", "not-an-image", "empty"}
            assert {code for code, stage in stages.items() if stage == "decode"} == decode
            assert {stage for code, stage in stages.items() if code not in decode} == {"fetch"}
            assert {row["photo_image_url"] for row in rows.photos(library).values()} == set(good)
            asked = {path: server.asked(path) for path, _ in FAULTS}
            assert asked == {path: first for (path, _), (first, _) in FAULTS.items()}

            again = library.index(source, encoder=encoder)
            assert counts(again) == {"unchanged": len(good)} | dict(report.failures)
            asked = {path: server.asked(path) for path, _ in FAULTS}
            assert asked == {path: sum(both) for (path, _), both in FAULTS.items()}
            assert codes(library) == expected

            library.index(source, encoder=encoder, retry_failed=True)
            assert server.asked("status/404") == 2
            assert server.asked("tagged?tag=noai") == 2
            changed = WebSource(list(expected), fingerprint="new")
            library.index(changed, encoder=encoder)
            assert server.asked("status/404") == 3
        rows.everything(library)

    def test_a_failure_that_has_passed_is_forgotten(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        source = WebSource([server.url("third-time")])
        assert counts(library.index(source, encoder=encoder)) == {"status-503": 1}
        assert counts(library.index(source, encoder=encoder)) == {"added": 1}
        assert library.failures() == []

    def test_private_addresses_are_refused_by_default(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        source = WebSource([server.url("good/red.jpg"), server.url("good/red.jpg", "localhost")])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DownloadPlan, "of", lambda settings: DownloadPlan())
            assert counts(library.index(source, encoder=encoder)) == {"private-address": 2}
        assert "allow_private_addresses is false" in library.failures()[0].message
        assert server.connections == 0
        assert counts(library.index(source, encoder=encoder)) == {"added": 2}


class TestRuns:
    def test_a_slow_picture_holds_up_nobody(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        urls = [server.url(f"drip?{n}") for n in range(3)]
        urls += [server.url(f"good/#{n:06x}.jpg".replace("#", "%23")) for n in range(200)]
        seen: list[Progress] = []
        report = library.index(WebSource(urls), encoder=encoder, on_progress=seen.append)
        assert counts(report) == {"added": 200, "deadline": 3}
        # All others are done before the deadline of the first three.
        assert max(each.done for each in seen if not each.failed) == 200

    def test_files_and_web_addresses_in_one_source(
        self, library: Library, server: FaultyServer, pictures: Path, encoder: ColourEncoder
    ) -> None:
        folder = FolderSource(pictures)

        class Mixed(WebSource):
            def items(self) -> Iterator[Item]:
                for ours, item in itertools.zip_longest(super().items(), folder.items()):
                    yield from filter(None, (ours, item))

            def read(self, item: Item) -> bytes:
                return folder.read(item)

        source = Mixed([server.url(f"good/red.jpg?{n}") for n in range(9)])
        report = library.index(source, encoder=encoder)
        assert counts(report) == {"added": 9 + len(COLOURS)}
        found = {row["photo_image_url"] for row in rows.photos(library).values()}
        assert url_of(pictures / "a/red.jpg") in found
        assert counts(library.index(source, encoder=encoder)) == {"unchanged": 9 + len(COLOURS)}

    def test_a_vector_of_the_same_content_is_reused(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        library.index(WebSource([server.url("good/red.jpg?1")]), encoder=encoder)
        again = WebSource([server.url("good/red.jpg?2")])
        assert counts(library.index(again, encoder=encoder)) == {"added": 1}
        assert encoder.embedded == 1
        library.sql("TRUNCATE TABLE thumbnails", write=True)
        more = WebSource([server.url(f"good/red.jpg?{n}") for n in (3, 4)])
        assert counts(library.index(more, encoder=encoder)) == {"added": 2}
        assert encoder.embedded == 3
        assert server.asked("good/red.jpg?3") == 2

    def test_a_folder_starts_no_downloader(
        self,
        library: Library,
        pictures: Path,
        encoder: ColourEncoder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(
            "vistazo.ingest.fetch.Downloader.__init__", lambda *_: pytest.fail("it was")
        )
        paint(pictures / "http:" / "a.jpg", "red")
        assert counts(library.index(pictures, encoder=encoder)) == {"added": len(COLOURS) + 1}

    def test_ctrl_c_ends_downloads_at_once_and_the_next_run_completes(
        self, library: Library, server: FaultyServer, encoder: ColourEncoder
    ) -> None:
        urls = [server.url(f"good/red.jpg?{n}") for n in range(60)]
        stalled = [server.url(f"silent?{n}") for n in range(40)]
        stopped_at = []

        def stop() -> None:
            while len(server.requests) < 90:
                time.sleep(0.01)
            time.sleep(0.2)
            stopped_at.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            library.index(WebSource(urls + stalled), encoder=encoder)
        assert time.monotonic() - stopped_at[0] < 1.5
        thread.join()
        assert not [
            t for t in threading.enumerate() if t.name in ("vistazo-download", "vistazo-watchdog")
        ]
        report = library.index(WebSource(urls), encoder=encoder)
        assert report.added + report.unchanged == 60
        assert len(rows.photos(library)) == 60
        rows.everything(library)

    def test_memory_does_not_block_a_run(
        self,
        library: Library,
        server: FaultyServer,
        encoder: ColourEncoder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        plan_of = DownloadPlan.of
        monkeypatch.setattr(DownloadPlan, "of", lambda s: replace(plan_of(s), memory_bytes=1000))
        source = WebSource([server.url(f"good/red.jpg?{n}") for n in range(200)])
        assert counts(library.index(source, encoder=encoder)) == {"added": 200}

    def test_an_encoder_that_fails_stops_downloads_too(
        self, library: Library, server: FaultyServer
    ) -> None:
        class Broken(ColourEncoder):
            def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
                raise vistazo.VistazoError("the encoder is gone")

        urls = [server.url(f"good/red.jpg?{n}") for n in range(200)] + [server.url("silent")]
        started = time.monotonic()
        with pytest.raises(vistazo.VistazoError, match="gone"):
            library.index(WebSource(urls), encoder=Broken())
        assert time.monotonic() - started < 3

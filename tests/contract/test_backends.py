"""What a person may expect of a library, wherever it lives: the same calls, the same answers.

A backend is the address of a library that is not there yet. With VISTAZO_TEST_CLICKHOUSE_DSN or
VISTAZO_TEST_MYSCALE_DSN set, real servers are backends too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import vistazo
from conftest import COLOURS, paint
from endpoint import REAL, endpoint, real
from fakes import ColourEncoder, WideEncoder
from vistazo.analytics.load import repair_loads
from vistazo.config import Settings
from vistazo.errors import (
    EncoderMismatch,
    InvalidSQL,
    LibraryBusy,
    LibraryNewer,
    LibraryNotFound,
)
from vistazo.library import Library
from vistazo.records import IndexStatus, Query
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.server import _connected

# Every library gets its vector index at once, as large ones do.
SETTINGS = Settings(vector_index_rows=1, wait_s=0)


@contextmanager
def folder(folder: Path) -> Iterator[str]:
    yield f"chdb://{folder}/library"


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "chdb": folder,
    "clickhouse": endpoint,
} | {f"real-{kind}": lambda _, dsn=dsn: real(dsn) for kind, dsn in REAL.items()}


SERVERS = [name for name in BACKENDS if name != "chdb"]
on_servers = pytest.mark.parametrize("address", SERVERS, indirect=True)


@pytest.fixture(params=list(BACKENDS))
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a library that is not there yet."""
    with BACKENDS[request.param](tmp_path) as dsn:
        yield dsn


def opened(address: str, *, create: bool = True) -> Library:
    return vistazo.open(address, encoder=ColourEncoder(), create=create, settings=SETTINGS)


def write_log(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    head = "converted_at\tconversion_type\tkeyword\tphoto_id\tanonymous_user_id\tconversion_country"
    lines = [f"{at}\tdownload\t{word}\t{photo}\tu1\tES" for at, word, photo in rows]
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_whole_life(address: str, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="Run: vistazo index FOLDER"):
        opened(address, create=False)
    with opened(address) as library:
        report = library.index(pictures)
        assert (report.added, report.failed) == (len(COLOURS), 0)
        assert library.index(pictures).unchanged == len(COLOURS)
        assert library.wait_for_index() == IndexStatus("Built")
        version = library._store.version()
        assert version >= len(COLOURS)

        # The nearest, exactly: by the index, under a filter, and by reading all.
        rows = library.sql("SELECT photo_id, photo_embed FROM photos").to_pylist()
        vectors = np.array([row["photo_embed"] for row in rows], dtype=np.float64)
        query = ColourEncoder().encode_texts(["red"])[0].astype(np.float64)
        order = np.argsort(-(vectors @ query))
        ids = [rows[i]["photo_id"] for i in order]
        for where in ("", "width > 0"):
            hits = library.search("red", k=5, where=where)
            assert [hit.photo_id for hit in hits] == ids[:5]
            scores = [hit.score for hit in hits]
            np.testing.assert_allclose(scores, (vectors @ query)[order[:5]], atol=1e-6)
        assert [Path(hit.uri).name for hit in library.search("red", k=1)] == ["red.jpg"]
        assert len(library.search("red", k=50, where="format = PNG")) == 3
        assert [hit.photo_id for hit in library.similar(ids[0], 3)] == ids_near(
            rows, vectors, ids[0]
        )
        assert set(library.thumbnails(ids)) == set(ids)
        embedded = library.sql(
            "SELECT photo_id FROM photos ORDER BY cosineDistance(photo_embed, embed('red')) LIMIT 1"
        )
        assert embedded["photo_id"].to_pylist() == ids[:1]

        # What people downloaded.
        log = write_log(
            tmp_path / "conversions.tsv",
            [
                (f"2024-05-0{1 + n % 9} 10:00:00", "red" if n % 3 else "rose", ids[n % 2])
                for n in range(30)
            ],
        )
        assert library.load_conversions(log).rows == 30
        assert library.load_conversions(log).state == "unchanged"
        demand = library.demand(Query(text="red", k=3))
        assert [(each.photo_id, each.downloads) for each in demand.candidates][:2] == [(ids[0], 15), (ids[1], 15)]  # fmt: skip
        assert dict(demand.top_keywords) == {"red": 10, "rose": 5}
        assert [(each.keyword, each.downloads) for each in library.downloads().top_keywords()] == [("red", 20), ("rose", 10)]  # fmt: skip

    with opened(address, create=False) as library:
        # A file goes, one changes, one comes.
        (pictures / "a/red.jpg").unlink()
        paint(pictures / "white.png", "snow")
        paint(pictures / "new.png", "hotpink")
        report = library.index(pictures, prune=True)
        assert (report.added, report.updated, report.pruned) == (1, 1, 1)
        assert library._store.version() > version
        assert library.photo(ids[1]).photo_id == ids[1]
        found = library.search("red", k=50)
        assert len(found) == len(COLOURS)
        assert ids[0] not in [hit.photo_id for hit in found]
        stats = library.stats()
        assert stats.photos == len(COLOURS)
        assert stats.conversions.conversions == 30
        assert stats.conversions.unknown_photos == 15
        assert "s3cret" not in f"{stats}{library.name}"


def ids_near(rows: list[dict], vectors: np.ndarray, photo_id: str) -> list[str]:
    own = next(i for i, row in enumerate(rows) if row["photo_id"] == photo_id)
    order = [i for i in np.argsort(-(vectors @ vectors[own])) if i != own]
    return [rows[i]["photo_id"] for i in order[:3]]


def test_what_is_refused_is_refused_everywhere(address: str, pictures: Path) -> None:
    with opened(address) as library:
        library.index(pictures, limit=2)
        with pytest.raises(EncoderMismatch):
            library.index(pictures, encoder=ColourEncoder(name="other"))
        with pytest.raises(InvalidSQL) as caught:
            library.sql("SELECT nothing FROM photos")
        assert caught.value.engine_code == 47
        assert str(caught.value).startswith("Unknown expression identifier `nothing`")
        with pytest.raises(InvalidSQL, match="vector_len"):
            library.sql("INSERT INTO photos (photo_id, photo_embed) SELECT 'a', [1, 0]", write=True)
        library.sql("INSERT INTO migrations (version) SELECT 999", write=True)
    with pytest.raises(LibraryNewer, match="pip install --upgrade"):
        opened(address)


def test_threads_search_while_one_indexes(address: str, pictures: Path) -> None:
    with opened(address) as library:
        library.index(pictures / "b")
        failed: list[BaseException] = []

        def search() -> None:
            try:
                for _ in range(10):
                    assert library.search("blue", k=1)[0].uri.endswith("blue.bmp")
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        report = library.index(pictures)
        for thread in threads:
            thread.join()
        assert failed == []
        assert report.added == len(COLOURS) - 3


@on_servers
def test_a_block_that_is_sent_again_is_kept_once(address: str) -> None:
    """As the driver does when a server hangs up without an answer."""
    where = parse(address)
    with opened(address) as library:
        connection = connect(where, create=False, wait_s=0)
        rows = pa.table({"photo_id": ["a", "b"], "hex": ["f", "0"]})
        settings = {"insert_deduplicate": 1, "insert_deduplication_token": "one"}
        for _ in range(2):
            connection._client.insert_arrow("colors", rows, settings=settings)
        assert connection.value("SELECT count() FROM colors") == 2
        connection.insert("colors", rows)  # another block of equal rows is not the same
        assert connection.value("SELECT count() FROM colors") == 4
        assert connection is library.connection
        disconnect(where)
        assert library.stats().photos == 0


@on_servers
def test_one_process_writes_at_a_time(address: str, pictures: Path, tmp_path: Path) -> None:
    """Two connections stand for two processes; a folder has its own lock."""
    where = parse(address)
    log = write_log(tmp_path / "log.tsv", [("2024-05-01 10:00:00", "red", "p")])
    with opened(address) as library:
        library.index(pictures / "b")
        other = _connected(where, create=False, wait_s=0)
        with other.sole_writer("indexing /elsewhere"):
            with other.sole_writer("nested"):
                pass
            for refused in (lambda: library.index(pictures), lambda: library.load_conversions(log)):
                with pytest.raises(LibraryBusy, match="another process: indexing /elsewhere"):
                    refused()
            # Neither reading nor opening waits, and a load that runs elsewhere is left alone.
            half = pa.table({"photo_id": ["p"], "load_id": ["unfinished"]})
            other.insert("conversions", half)
            assert library.search("blue", k=1)
            repair_loads(library.connection)
            assert library.stats().conversions.conversions == 1
        repair_loads(library.connection)  # nobody was loading: it had been cut short
        assert library.stats().conversions.conversions == 0
        assert library.index(pictures).added == len(COLOURS) - 3
        assert library.load_conversions(log).rows == 1
        other.close()


@on_servers
def test_a_process_that_died_is_out_of_the_way_after_a_minute(
    address: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = parse(address)
    with opened(address) as library:
        dead = _connected(where, create=False, wait_s=0)
        holding = dead.sole_writer("indexing")
        holding.__enter__()
        dead._lease._done.set()  # its heart stops
        with pytest.raises(LibraryBusy):
            library.index(pictures)
        dead.execute(
            "INSERT INTO leases (holder, purpose, event, at) SELECT holder, purpose, event,"
            " at - 61 FROM leases WHERE event = 'held'"
        )
        dead.delete("leases", "at > now64(3) - 60 AND event = 'held'")
        assert library.index(pictures).added == len(COLOURS)
        # Should it only have slept, it does not go on.
        dead._lease._renewed_at -= 61
        with pytest.raises(LibraryBusy, match="run the same command again"):
            dead.insert("runs", pa.table({"run_id": ["x"]}))
        dead.close()


def test_an_encoder_is_replaced_and_comes_back(address: str, pictures: Path) -> None:
    with opened(address) as library:
        library.index(pictures)
        sql = "SELECT * EXCEPT photo_embed FROM photos ORDER BY photo_id"
        before = library.sql(sql).to_pylist()
        assert library.reembed(WideEncoder()).switched
        assert library.sql(sql).to_pylist() == before
        assert library.index_status() == IndexStatus("Built")
        assert [Path(hit.uri).name for hit in library.search("red", k=1)] == ["red.jpg"]
        assert library.encoder == WideEncoder().spec
        paint(pictures / "purple.png", "purple")
        version = library._store.version()
        assert library.index(pictures).added == 1
        assert library._store.version() > version
        report = library.reembed(ColourEncoder(), rollback=True)
        assert (report.switched, report.embedded) == (True, 1)
        assert [Path(hit.uri).name for hit in library.search("purple", k=1)] == ["purple.png"]


@on_servers
def test_another_process_notices_that_the_encoder_was_replaced(
    address: str, pictures: Path
) -> None:
    with opened(address) as library:
        library.index(pictures)
        assert len(library.search("red", k=1)) == 1
        # What another process does: nothing of this one's memory knows of it.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(library._encoder, "adopt", lambda encoder: None)
            patched.setattr(library.connection, "switching", nullcontext)
            library.reembed(WideEncoder())
        with pytest.raises(EncoderMismatch, match="'wide'"):
            library.search("red", k=1)

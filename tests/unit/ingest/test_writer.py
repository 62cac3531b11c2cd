from __future__ import annotations

import numpy as np
import pytest

import rows
from fakes import DIM
from vistazo.errors import ImageError, StorageFull, StoreError
from vistazo.ingest import writer as module
from vistazo.ingest.journal import Journal
from vistazo.ingest.prepare import Prepared
from vistazo.ingest.triage import Work
from vistazo.ingest.writer import Writer
from vistazo.library import Library
from vistazo.records import EncoderSpec, Failure, Metadata, Photo
from vistazo.sources.base import Item
from vistazo.store.store import Store

SOURCE = "file:///p"
VECTOR = np.full(DIM, 0.5, dtype=np.float32)


def prepared(
    name: str, photo_id: str, *, old: Photo | None = None, stale: Photo | None = None, **facts: str
) -> Prepared:
    url = f"{SOURCE}/{name}"
    photo = Photo(photo_id, url, 1, 1, content_hash="ab" * 16, source=SOURCE)
    if facts:
        photo = Photo(
            photo_id, url, 1, 1, content_hash="ab" * 16, source=SOURCE, metadata=Metadata(**facts)
        )
    return Prepared(Work(Item(url, name), photo_id, old, stale), photo, None, b"")


@pytest.fixture
def writer(store: Store, journal: Journal) -> Writer:
    store.record_encoder(EncoderSpec("colours", DIM, "c"))
    return Writer(SOURCE, store, journal, {})


def add(writer: Writer, item: Prepared, moved_from: Photo | None = None) -> None:
    writer.add(item, VECTOR, thumbnail=b"webp", moved_from=moved_from)


def test_nothing_is_written_before_it_is_due(
    writer: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_ROWS", 3)
    add(writer, prepared("1", "A"))
    writer.fail(Item(f"{SOURCE}/2", "2"), ImageError("bad", code="corrupt"))
    writer.flush_if_due()
    assert rows.photos(library) == {}
    add(writer, prepared("3", "C"))
    writer.flush_if_due()
    assert set(rows.photos(library)) == {"A", "C"}
    assert [failure.code for failure in library.failures()] == ["corrupt"]
    monkeypatch.setattr(module, "FLUSH_S", -1.0)
    add(writer, prepared("4", "D"))
    writer.flush_if_due()
    assert set(rows.photos(library)) == {"A", "C", "D"}
    assert writer.tally.outcomes == {"added": 3}
    assert writer.tally.failed == 1


def test_outcomes(writer: Writer, library: Library) -> None:
    first = prepared("1", "A")
    add(writer, first)
    add(writer, prepared("2", "B"))
    writer.flush()
    a, b = library.photo("A"), library.photo("B")
    writer.tally.outcomes.clear()
    add(writer, prepared("1", "A", old=a))
    writer.flush()
    assert writer.tally.outcomes == {"unchanged": 1}
    add(writer, prepared("1", "A", old=a, description="new"))
    writer.flush()
    assert writer.tally.outcomes == {"unchanged": 1, "updated": 1}
    add(writer, prepared("2", "P2", stale=b))
    writer.flush()
    assert writer.tally.outcomes == {"unchanged": 1, "updated": 2}
    add(writer, prepared("3", "C"), moved_from=library.photo("P2"))
    writer.flush()
    assert writer.tally.outcomes == {"unchanged": 1, "updated": 2, "moved": 1}
    assert set(rows.photos(library)) == {"A", "C"}
    rows.everything(library)


def test_of_two_files_with_one_id_the_first_is_written(writer: Writer, library: Library) -> None:
    add(writer, prepared("1", "A"))
    add(writer, prepared("2", "A"))
    writer.flush()
    add(writer, prepared("3", "A"))
    writer.flush()
    assert rows.photos(library)["A"]["photo_image_url"] == f"{SOURCE}/1"
    assert [failure.url for failure in library.failures()] == [f"{SOURCE}/2", f"{SOURCE}/3"]
    assert {failure.code for failure in library.failures()} == {"duplicate-id"}
    assert (writer.tally.outcomes, writer.tally.failures) == ({"added": 1}, {"duplicate-id": 2})


def test_a_stale_row_that_another_file_has_taken_over_stays(
    writer: Writer, library: Library
) -> None:
    add(writer, prepared("1", "A"))
    writer.flush()
    old = library.photo("A")
    add(writer, prepared("2", "A", old=old))
    writer.flush()
    add(writer, prepared("3", "B"), moved_from=old)
    writer.flush()
    assert {k: row["photo_image_url"] for k, row in rows.photos(library).items()} == {
        "A": f"{SOURCE}/2",
        "B": f"{SOURCE}/3",
    }


def test_a_mended_failure_is_forgotten(store: Store, journal: Journal, library: Library) -> None:
    store.record_encoder(EncoderSpec("colours", DIM, "c"))
    before = Failure(f"{SOURCE}/1", "decode", "empty", "bad", attempts=4, source=SOURCE)
    journal.record([before])
    writer = Writer(SOURCE, store, journal, {before.url: before})
    writer.fail(Item(before.url, "1"), ImageError("bad", code="corrupt"))
    writer.flush()
    assert [(f.code, f.attempts) for f in library.failures()] == [("corrupt", 5)]
    add(writer, prepared("1", "A"))
    writer.flush()
    assert library.failures() == []


class TestRefused:
    def refuse(self, store: Store, monkeypatch: pytest.MonkeyPatch, error: StoreError) -> None:
        insert = store._connection.insert

        def inserting(table: str, data) -> None:  # type: ignore[no-untyped-def]
            if table == "photos" and "B" in data["photo_id"].to_pylist():
                raise error
            insert(table, data)

        monkeypatch.setattr(store._connection, "insert", inserting)

    def test_one_row(
        self, writer: Writer, store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.refuse(store, monkeypatch, StoreError("no such row"))
        for name, photo_id in (("1", "A"), ("2", "B"), ("3", "C")):
            add(writer, prepared(name, photo_id))
        writer.flush()
        assert writer.whole
        assert len(rows.everything(library)["photos"]) == 2
        (failure,) = library.failures()
        assert (failure.url, failure.stage, failure.code) == (f"{SOURCE}/2", "insert", "refused")
        assert (writer.tally.outcomes, writer.tally.failures) == ({"added": 2}, {"refused": 1})

    def test_the_only_row(
        self, writer: Writer, store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.refuse(store, monkeypatch, StoreError("no such row"))
        add(writer, prepared("2", "B"))
        writer.flush()
        assert [failure.code for failure in library.failures()] == ["refused"]
        assert rows.everything(library)["thumbnails"] == []

    def test_a_full_disk_ends_it(
        self, writer: Writer, store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.refuse(store, monkeypatch, StorageFull("full"))
        add(writer, prepared("1", "A"))
        add(writer, prepared("2", "B"))
        with pytest.raises(StorageFull):
            writer.flush()
        assert not writer.whole
        assert library.failures() == []

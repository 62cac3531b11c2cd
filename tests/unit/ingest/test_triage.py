from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import paint
from fakes import DIM
from vistazo.errors import FetchError
from vistazo.ingest.triage import Triage, alive
from vistazo.records import EncoderSpec, Failure, Float32Array, Photo, url_of
from vistazo.sources.base import Item, hashed_id
from vistazo.store.store import NewPhoto, Store

SOURCE = "file:///here"


def vector() -> Float32Array:
    import numpy as np

    return np.full(DIM, 0.5, dtype=np.float32)


def put(store: Store, url: str, photo_id: str, *, fingerprint: str = "f1") -> Photo:
    photo = Photo(photo_id, url, 1, 1, fingerprint=fingerprint, content_hash="0" * 32)
    if store.encoder() is None:
        store.record_encoder(EncoderSpec("colours", DIM, "c"))
    store.replace([NewPhoto(photo, vector(), b"webp")])
    return photo


def item(path: Path, name: str, photo_id: str = "", *, fingerprint: str = "f1") -> Item:
    return Item(url_of(path), name, photo_id, fingerprint)


def triage(store: Store, *failures: Failure, retry_failed: bool = False) -> Triage:
    by_url = {failure.url: failure for failure in failures}
    return Triage(store, SOURCE, by_url, retry_failed=retry_failed)


class TestAlive:
    def test_a_file_and_none(self, tmp_path: Path) -> None:
        path = paint(tmp_path / "a/ü 1.png", "red")
        assert alive(url_of(path))
        path.unlink()
        assert not alive(url_of(path))
        (tmp_path / "a").rmdir()
        assert not alive(url_of(path))

    def test_a_file_where_a_folder_was(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("now a file")
        assert not alive(url_of(tmp_path / "a/1.png"))

    def test_a_name_that_is_not_utf8(self, tmp_path: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
        path.write_bytes(b"x")
        assert alive(url_of(path))

    def test_what_cannot_be_looked_at_may_be_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "loop").symlink_to("loop")
        assert alive(url_of(tmp_path / "loop/1.png"))
        assert alive(url_of(tmp_path / ("n" * 300 + ".png")))

        def stale(path: Path, **_: bool) -> os.stat_result:
            raise OSError(107, "Transport endpoint is not connected")

        monkeypatch.setattr(Path, "stat", stale)
        assert alive(url_of(tmp_path / "1.png"))

    def test_what_lies_behind_a_dangling_link_may_come_back(self, tmp_path: Path) -> None:
        (tmp_path / "disk").symlink_to(tmp_path / "not plugged in")
        assert alive(url_of(tmp_path / "disk/2019/1.png"))
        (tmp_path / "1.png").symlink_to("nothing")
        assert alive(url_of(tmp_path / "1.png"))

    def test_what_is_no_path_and_what_is_no_file(self) -> None:
        assert not alive("file:///a%00b.png")
        assert alive("https://example.org/1.png")


class TestSort:
    def test_new_unchanged_and_changed(self, store: Store, tmp_path: Path) -> None:
        paths = [paint(tmp_path / f"{n}.png", "red") for n in range(3)]
        put(store, url_of(paths[0]), "same")
        old = put(store, url_of(paths[1]), "other", fingerprint="f0")
        found = triage(store).sort([item(path, path.name) for path in paths])
        assert found.unchanged == 1
        assert [(work.photo_id, work.old) for work in found.work] == [
            ("other", old),
            (hashed_id("2.png"), None),
        ]

    def test_the_hash_goes_to_another_source_while_its_owner_lives(
        self, store: Store, tmp_path: Path
    ) -> None:
        owner = paint(tmp_path / "one/1.png", "red")
        old = put(store, url_of(owner), hashed_id("1.png"))
        wanted = item(tmp_path / "two/1.png", "1.png")
        (work,) = triage(store).sort([wanted]).work
        assert (work.photo_id, work.old) == (hashed_id(f"{SOURCE}/1.png"), None)
        owner.unlink()
        (work,) = triage(store).sort([wanted]).work
        assert (work.photo_id, work.old) == (hashed_id("1.png"), old)

    def test_a_captions_id_replaces_the_hash(self, store: Store, tmp_path: Path) -> None:
        path = paint(tmp_path / "1.png", "red")
        old = put(store, url_of(path), hashed_id("1.png"))
        (work,) = triage(store).sort([item(path, "1.png", "P1")]).work
        assert (work.photo_id, work.old, work.stale) == ("P1", None, old)

    def test_an_id_belongs_to_the_first_that_has_it(self, store: Store, tmp_path: Path) -> None:
        first = paint(tmp_path / "1.png", "red")
        sorter = triage(store)
        found = sorter.sort([item(first, "1.png", "P1"), item(tmp_path / "2.png", "2.png", "P1")])
        assert [work.item.name for work in found.work] == ["1.png"]
        ((refused, error),) = found.failed
        assert (refused.name, error.stage, error.code) == ("2.png", "fetch", "duplicate-id")
        later = sorter.sort([item(tmp_path / "3.png", "3.png", "P1")])
        assert [error.code for _, error in later.failed] == ["duplicate-id"]

    def test_problems_and_failures(self, store: Store, tmp_path: Path) -> None:
        urls = [url_of(tmp_path / f"{n}.png") for n in range(5)]
        problem = Item(urls[0], "0.png", problem=FetchError("no", code="missing"))
        bad = Failure(urls[1], "decode", "corrupt", "bad", fingerprint="f1")
        changed = Failure(urls[2], "decode", "corrupt", "bad", fingerprint="f0")
        fetch = Failure(urls[3], "fetch", "unreadable", "bad", fingerprint="f1")
        items = [problem, *(Item(url, f"{n}.png", "", "f1") for n, url in enumerate(urls[1:], 1))]
        found = triage(store, bad, changed, fetch).sort(items)
        assert [error.code for _, error in found.failed] == ["missing"]
        assert found.standing == [bad]
        assert [work.item.name for work in found.work] == ["2.png", "3.png", "4.png"]
        again = triage(store, bad, changed, fetch, retry_failed=True).sort(items)
        assert again.failed == again.standing == []
        assert [work.item.name for work in again.work] == ["1.png", "2.png", "3.png"]

    def test_a_failure_of_a_file_that_is_as_the_library_has_it(
        self, store: Store, tmp_path: Path
    ) -> None:
        path = paint(tmp_path / "1.png", "red")
        put(store, url_of(path), hashed_id("1.png"))
        failure = Failure(url_of(path), "decode", "empty", "bad", fingerprint="f0")
        for retry_failed in (False, True):
            found = triage(store, failure, retry_failed=retry_failed).sort([item(path, "1.png")])
            assert (found.unchanged, found.mended, found.work) == (1, [url_of(path)], [])

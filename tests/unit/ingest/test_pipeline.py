"""Whole runs on the real engine, with an encoder that counts."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rows
import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo.config import Settings
from vistazo.errors import LibraryEmpty, SourceError, StoreError, WeightsCorrupt
from vistazo.ingest import pipeline
from vistazo.ingest.journal import Journal
from vistazo.ingest.pipeline import IngestPlan
from vistazo.ingest.progress import Progress
from vistazo.library import Library
from vistazo.records import Failure, Float32Array, IngestReport, UInt8Array, url_of
from vistazo.sources.base import Item, hashed_id
from vistazo.sources.folder import FolderSource
from vistazo.store.store import Store


def counts(report: IngestReport) -> dict[str, int]:
    """What is not zero in a report, failures by cause included."""
    names = ("added", "updated", "moved", "unchanged", "pruned")
    found = {name: getattr(report, name) for name in names} | dict(report.failures)
    return {name: count for name, count in found.items() if count}


def touch(path: Path) -> None:
    """Another time of the last change, the same content."""
    later = path.stat().st_mtime_ns + 5_000_000_000
    os.utime(path, ns=(later, later))


def tree(root: Path, count: int) -> Path:
    """A folder of small pictures of random colours."""
    chance = random.Random(count)
    for number in range(count):
        colour = f"#{chance.getrandbits(24):06x}"
        paint(root / f"{number % 7}" / f"{number:03}.png", colour, (24, 24))
    return root


def by_uri(library: Library) -> dict[str, dict[str, object]]:
    return {str(row["photo_image_url"]): row for row in rows.photos(library).values()}


def one_failure(library: Library) -> Failure:
    (failure,) = library.failures()
    return failure


class TestIncremental:
    def test_the_first_run_adds_all(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"added": 12}
        assert encoder.embedded == 12
        found = rows.photos(library)
        assert set(found) == {hashed_id(name) for name in COLOURS}
        red = found[hashed_id("a/red.jpg")]
        path = pictures / "a/red.jpg"
        assert red["photo_image_url"] == url_of(path)
        assert (red["width"], red["height"], red["format"]) == (48, 32, "JPEG")
        assert red["size_bytes"] == path.stat().st_size
        assert red["source"] == url_of(pictures)
        assert red["file_stem"] == "red"
        expected = encoder.encode_texts(["#fe0000"])[0]  # what JPEG makes of red
        assert np.allclose(red["photo_embed"], expected, atol=1e-6)
        rows.everything(library)

    def test_the_second_run_reads_nothing(
        self,
        library: Library,
        pictures: Path,
        encoder: ColourEncoder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = rows.everything(library)
        monkeypatch.setattr(FolderSource, "read", lambda *_: pytest.fail("a file was read"))
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 12}
        assert encoder.embedded == 12
        assert rows.everything(library) == before

    def test_a_touched_file_is_read_and_not_embedded(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = rows.photos(library)
        touch(pictures / "a/red.jpg")
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 12}
        assert encoder.embedded == 12
        after = rows.photos(library)
        red = hashed_id("a/red.jpg")
        assert after[red]["fingerprint"] != before[red]["fingerprint"]
        after[red]["fingerprint"] = before[red]["fingerprint"]
        assert after == before

    def test_new_content_is_embedded_again(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = rows.photos(library)
        paint(pictures / "white.png", "maroon", (60, 60))
        assert counts(library.index(pictures, encoder=encoder)) == {"updated": 1, "unchanged": 11}
        assert encoder.embedded == 13
        after = rows.photos(library)
        white = hashed_id("white.png")
        expected = encoder.encode_texts(["maroon"])[0]
        assert np.allclose(after[white]["photo_embed"], expected, atol=1e-6)
        assert after[white]["width"] == 60
        assert {k: v for k, v in after.items() if k != white} == {
            k: v for k, v in before.items() if k != white
        }
        rows.everything(library)

    def test_new_content_of_the_same_size_and_time_as_before_is_not_noticed_but_another_time_is(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        paint(pictures / "b/navy.bmp", "navy")
        library.index(pictures, encoder=encoder)
        status = (pictures / "b/navy.bmp").stat()
        paint(pictures / "b/navy.bmp", "pink")
        os.utime(pictures / "b/navy.bmp", ns=(status.st_mtime_ns, status.st_mtime_ns + 1))
        assert counts(library.index(pictures, encoder=encoder)) == {"updated": 1, "unchanged": 12}

    def test_new_captions_are_taken_without_embedding(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = rows.photos(library)
        table = pictures / "captions.csv"
        table.write_text("file,description,lens\na/red.jpg,A red wall,50 mm\n")
        assert counts(library.index(pictures, encoder=encoder)) == {"updated": 1, "unchanged": 11}
        red = hashed_id("a/red.jpg")
        after = rows.photos(library)
        assert after[red]["description"] == "A red wall"
        assert dict(after[red]["attributes"]) == {"lens": "50 mm"}
        assert after[red]["photo_embed"] == before[red]["photo_embed"]
        table.unlink()
        assert counts(library.index(pictures, encoder=encoder)) == {"updated": 1, "unchanged": 11}
        assert rows.photos(library) == before
        assert encoder.embedded == 12

    def test_a_moved_file_keeps_its_vector(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        # A vector that no run would compute, to see that it is this one that is kept.
        strange = type("Strange", (ColourEncoder,), {"encode_pixels": _random_vectors})()
        library.index(pictures, encoder=strange)
        before = rows.photos(library)
        shutil.move(pictures / "a/red.jpg", pictures / "b/rouge.jpg")
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"moved": 1, "unchanged": 11}
        assert encoder.embedded == 0
        after = rows.photos(library)
        old, new = hashed_id("a/red.jpg"), hashed_id("b/rouge.jpg")
        assert old not in after
        assert after[new]["photo_embed"] == before[old]["photo_embed"]
        assert after[new]["file_stem"] == "rouge"
        assert len(after) == 12
        rows.everything(library)

    def test_a_moved_folder_keeps_its_vectors(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = {row["content_hash"]: row for row in rows.photos(library).values()}
        shutil.move(pictures / "a", pictures / "b/deeper")
        report = library.index(pictures, encoder=encoder, prune=True)
        assert counts(report) == {"moved": 6, "unchanged": 6}
        assert encoder.embedded == 12
        after = {row["content_hash"]: row for row in rows.photos(library).values()}
        assert {k: v["photo_embed"] for k, v in after.items()} == {
            k: v["photo_embed"] for k, v in before.items()
        }
        rows.everything(library)

    def test_a_copied_file_is_added_and_not_embedded(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        shutil.copy(pictures / "white.png", pictures / "a/white again.png")
        shutil.copy(pictures / "white.png", pictures / "a/white once more.png")
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"added": 2, "unchanged": 12}
        assert encoder.embedded == 12
        found = rows.photos(library)
        copy = found[hashed_id("a/white again.png")]
        assert copy["photo_embed"] == found[hashed_id("white.png")]["photo_embed"]
        rows.everything(library)

    def test_one_of_two_copies_moves(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        shutil.copy(pictures / "white.png", pictures / "b/white.png")
        library.index(pictures, encoder=encoder)
        shutil.move(pictures / "white.png", pictures / "a/1.png")
        shutil.copy(pictures / "b/white.png", pictures / "a/2.png")
        report = library.index(pictures, encoder=encoder, prune=True)
        assert counts(report) == {"moved": 1, "added": 1, "unchanged": 12}
        assert encoder.embedded == 13
        rows.everything(library)

    def test_two_files_that_swap_their_names(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        before = rows.photos(library)
        red, navy = pictures / "a/red.jpg", pictures / "b/navy.jpg"
        red.rename(pictures / "x")
        navy.rename(red)
        (pictures / "x").rename(navy)
        touch(red)
        touch(navy)
        assert counts(library.index(pictures, encoder=encoder)) == {"updated": 2, "unchanged": 10}
        after = rows.photos(library)
        first, second = hashed_id("a/red.jpg"), hashed_id("b/navy.jpg")
        assert after[first]["photo_embed"] == before[second]["photo_embed"]
        assert after[second]["photo_embed"] == before[first]["photo_embed"]
        assert encoder.embedded == 12

    def test_a_photo_whose_thumbnail_was_lost_gives_no_vector(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        library.sql("TRUNCATE TABLE thumbnails", write=True)
        touch(pictures / "white.png")
        shutil.copy(pictures / "black.jpg", pictures / "blacker.jpg")
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"added": 1, "unchanged": 12}
        assert encoder.embedded == 14
        assert len(library.thumbnails([hashed_id("white.png")])) == 1


def _random_vectors(encoder: ColourEncoder, pixels: UInt8Array) -> Float32Array:
    vectors = np.random.default_rng(7).normal(size=(len(pixels), 4))
    unit: Float32Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    return unit


class TestPrune:
    def test_rows_of_files_that_have_gone_stay_until_prune(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        (pictures / "white.png").unlink()
        shutil.rmtree(pictures / "a/deep")
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 8}
        assert len(rows.photos(library)) == 12
        report = library.index(pictures, encoder=encoder, prune=True)
        assert counts(report) == {"unchanged": 8, "pruned": 4}
        assert len(rows.everything(library)["photos"]) == 8
        assert counts(library.index(pictures, encoder=encoder, prune=True)) == {"unchanged": 8}

    def test_it_leaves_other_sources_alone(
        self, library: Library, pictures: Path, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "pictures more/x.png", "teal")
        library.index(pictures, encoder=encoder)
        library.index(tmp_path / "pictures more", encoder=encoder)
        shutil.rmtree(tmp_path / "pictures more")
        assert counts(library.index(pictures, encoder=encoder, prune=True)) == {"unchanged": 12}
        assert len(rows.photos(library)) == 13

    def test_a_part_of_a_source_prunes_only_itself_and_the_whole_prunes_its_parts(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures / "a", encoder=encoder)
        library.index(pictures, encoder=encoder)
        (pictures / "a/red.jpg").unlink()
        (pictures / "b/navy.jpg").unlink()
        report = library.index(pictures / "a", encoder=encoder, prune=True)
        assert counts(report) == {"unchanged": 5, "pruned": 1}
        report = library.index(pictures, encoder=encoder, prune=True)
        assert counts(report) == {"unchanged": 10, "pruned": 1}

    def test_an_emptied_folder_is_pruned_with_the_folder_above(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        shutil.rmtree(pictures)
        pictures.mkdir()
        with pytest.raises(SourceError, match=r"^there are no pictures in .*/pictures; give a"):
            library.index(pictures, encoder=encoder)
        with pytest.raises(SourceError, match="; nothing was pruned; if they have gone for good"):
            library.index(pictures, encoder=encoder, prune=True)
        assert len(rows.photos(library)) == 12
        paint(pictures.parent / "other.png", "red")
        report = library.index(pictures.parent, encoder=encoder, prune=True)
        assert counts(report) == {"added": 1, "pruned": 12}
        assert len(rows.everything(library)["thumbnails"]) == 1

    @pytest.mark.parametrize("kind", ["dangling", "looping", "unreadable"])
    def test_a_folder_that_cannot_be_looked_into_keeps_its_rows(
        self,
        library: Library,
        pictures: Path,
        encoder: ColourEncoder,
        kind: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        away = pictures.parent / "disk"
        shutil.move(pictures / "a", away)
        link = pictures / "a"
        link.symlink_to(away)
        library.index(pictures, encoder=encoder)
        expected = {"unchanged": 6}
        if kind == "dangling":  # the disk is not plugged in
            away.rename(pictures.parent / "elsewhere")
        elif kind == "looping":
            link.unlink()
            link.symlink_to(link)
        else:  # what root never meets
            forbid(monkeypatch, link)
            expected["unreadable"] = 1
        report = library.index(pictures, encoder=encoder, prune=True)
        assert counts(report) == expected
        assert len(rows.photos(library)) == 12


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nobody may look into a folder, as its permissions would have it for anybody but root."""
    list_folder, look_at = os.scandir, Path.stat

    def scandir(path: Path) -> Iterator[os.DirEntry[str]]:
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return list_folder(path)

    def stat(path: Path, **options: bool) -> os.stat_result:
        if folder in path.parents:
            raise PermissionError(13, "Permission denied")
        return look_at(path, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "stat", stat)


class TestIdentity:
    def test_the_same_relative_path_in_two_folders(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "one/a/1.png", "red")
        paint(tmp_path / "two/a/1.png", "blue")
        for folder in ("one", "two", "one", "two"):
            library.index(tmp_path / folder, encoder=encoder)
        assert encoder.embedded == 2
        found = by_uri(library)
        assert set(found) == {url_of(tmp_path / "one/a/1.png"), url_of(tmp_path / "two/a/1.png")}
        assert found[url_of(tmp_path / "one/a/1.png")]["photo_id"] == hashed_id("a/1.png")

    def test_a_folder_under_another_name_takes_its_rows_along(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        ids = set(rows.photos(library))
        moved = pictures.rename(pictures.parent / "renamed")
        assert counts(library.index(moved, encoder=encoder)) == {"updated": 12}
        assert encoder.embedded == 12
        assert set(rows.photos(library)) == ids
        assert {row["source"] for row in rows.photos(library).values()} == {url_of(moved)}

    def test_a_folder_through_a_link_is_the_same(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        link = pictures.parent / "link"
        link.symlink_to(pictures)
        assert counts(library.index(link, encoder=encoder)) == {"unchanged": 12}
        assert counts(library.index(f"{pictures}/a/..", encoder=encoder)) == {"unchanged": 12}

    def test_a_part_of_a_source_is_known(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        assert counts(library.index(pictures / "a", encoder=encoder)) == {"unchanged": 6}
        assert len(rows.photos(library)) == 12

    def test_the_captions_ids_are_used_and_can_be_given_later(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        table = pictures / "captions.csv"
        table.write_text("file,photo_id\nwhite.png,W-1\na/red.jpg,R-1\n")
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"updated": 2, "unchanged": 10}
        assert encoder.embedded == 12
        found = by_uri(library)
        assert len(found) == 12
        assert found[url_of(pictures / "white.png")]["photo_id"] == "W-1"
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 12}
        rows.everything(library)

    def test_a_moved_file_keeps_the_captions_id(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        (pictures / "captions.csv").write_text("photo_id,description\nred,A wall\n")
        library.index(pictures, encoder=encoder)
        shutil.move(pictures / "a/red.jpg", pictures / "b/red.jpg")
        assert counts(library.index(pictures, encoder=encoder)) == {"moved": 1, "unchanged": 11}
        assert rows.photos(library)["red"]["photo_image_url"] == url_of(pictures / "b/red.jpg")
        assert encoder.embedded == 12

    def test_one_id_in_two_sources(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        for folder, colour in (("one", "red"), ("two", "blue")):
            paint(tmp_path / folder / "1.png", colour)
            (tmp_path / folder / "captions.csv").write_text("file,photo_id\n1.png,P1\n")
        assert counts(library.index(tmp_path / "one", encoder=encoder)) == {"added": 1}
        assert counts(library.index(tmp_path / "two", encoder=encoder)) == {"duplicate-id": 1}
        failure = one_failure(library)
        assert (failure.stage, failure.uri) == ("fetch", str(tmp_path / "two/1.png"))
        assert failure.message == (
            f"its photo_id P1 belongs to {tmp_path / 'one/1.png'} already;"
            " give one of them another id in the captions table"
        )
        assert rows.photos(library)["P1"]["photo_image_url"] == url_of(tmp_path / "one/1.png")
        shutil.rmtree(tmp_path / "one")
        assert counts(library.index(tmp_path / "two", encoder=encoder)) == {"updated": 1}
        assert library.failures() == []

    def test_an_id_that_is_the_hash_of_another_name(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "p/a.png", "red")
        paint(tmp_path / "p/b.png", "blue")
        (tmp_path / "p/captions.csv").write_text(f"file,photo_id\nb.png,{hashed_id('a.png')}\n")
        for _ in range(2):
            report = library.index(tmp_path / "p", encoder=encoder)
            assert report.failures == {"duplicate-id": 1}
            assert [row["file_stem"] for row in rows.photos(library).values()] == ["a"]
        assert one_failure(library).uri == str(tmp_path / "p/b.png")

    def test_an_id_that_is_the_hash_of_a_later_name(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "p/a.png", "red")
        paint(tmp_path / "p/b.png", "blue")
        (tmp_path / "p/captions.csv").write_text(f"file,photo_id\na.png,{hashed_id('b.png')}\n")
        for outcome in ("added", "unchanged"):
            assert counts(library.index(tmp_path / "p", encoder=encoder)) == {outcome: 2}
        assert rows.photos(library)[hashed_id("b.png")]["file_stem"] == "a"

    def test_an_id_that_passes_to_another_picture_while_its_file_moves(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "p/a.png", "red")
        table = tmp_path / "p/captions.csv"
        table.write_text("file,photo_id\na.png,P1\n")
        library.index(tmp_path / "p", encoder=encoder)
        (tmp_path / "p/a.png").rename(tmp_path / "p/z.png")
        # So many that the new owner of P1 is written before the moved file is.
        for number in range(400):
            paint(tmp_path / f"p/n{number}.png", f"#0000{number % 256:02x}", (8, 8 + number // 256))
        table.write_text("file,photo_id\nn0.png,P1\n")
        library.index(tmp_path / "p", encoder=encoder)
        found = rows.everything(library)["photos"]
        assert len(found) == 401
        assert rows.photos(library)["P1"]["file_stem"] == "n0"


def bad_files(folder: Path) -> dict[str, tuple[str, str, str]]:
    """Bad items of every kind: name -> (stage, code, message)."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = paint(folder / "whole.jpg", "red", (400, 400)).read_bytes()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "truncated.jpg").write_bytes(whole[:-200])
    (folder / "bomb.png").write_bytes(_bomb(40_000, 40_000))
    png = bytearray(paint(folder / "noise.png", "blue", (64, 64)).read_bytes())
    at = png.index(b"IDAT") + 10
    png[at : at + 8] = b"\xff" * 8
    (folder / "noise.png").write_bytes(png)
    (folder / "dangling.jpg").symlink_to("nothing.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    return {
        "empty.jpg": ("decode", "empty", "the file is empty (0 bytes)"),
        "text.jpg": (
            "decode",
            "not-an-image",
            "the content is not a JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC picture",
        ),
        "truncated.jpg": (
            "decode",
            "truncated",
            "the JPEG data ends early, the file is truncated",
        ),
        "bomb.png": (
            "decode",
            "too-many-pixels",
            "the picture claims 40000 x 40000 pixels, more than the limit of 200,000,000",
        ),
        "noise.png": ("decode", "corrupt", "the PNG data is damaged ("),
        "dangling.jpg": (
            "fetch",
            "missing",
            f"the link {folder / 'dangling.jpg'} points at nothing",
        ),
        "loop.jpg": ("fetch", "unreadable", f"{folder / 'loop.jpg'} cannot be read: Too many"),
    }


def _bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


class TestFailures:
    def test_each_kind_has_its_stage_code_and_message(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        expected = bad_files(tmp_path / "p")
        report = library.index(tmp_path / "p", encoder=encoder)
        assert counts(report) == {"added": 1} | {code: 1 for _, code, _ in expected.values()}
        assert report.failed == len(expected)
        found = {Path(failure.uri).name: failure for failure in library.failures()}
        assert set(found) == set(expected)
        for name, (stage, code, message) in expected.items():
            failure = found[name]
            assert (failure.stage, failure.code, failure.attempts) == (stage, code, 1), name
            assert failure.message.startswith(message), name
            assert failure.source == url_of(tmp_path / "p")

    def test_bad_files_are_not_tried_again_until_they_change_and_fetching_is(
        self,
        library: Library,
        tmp_path: Path,
        encoder: ColourEncoder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        bad_files(tmp_path / "p")
        first = library.index(tmp_path / "p", encoder=encoder)
        with monkeypatch.context() as patched:
            patched.setattr(FolderSource, "read", lambda *_: pytest.fail("a file was read"))
            second = library.index(tmp_path / "p", encoder=encoder)
        assert second.failures == first.failures
        attempts = {Path(failure.uri).name: failure.attempts for failure in library.failures()}
        assert {name for name, tried in attempts.items() if tried == 2} == {
            "dangling.jpg",
            "loop.jpg",
        }
        touch(tmp_path / "p/empty.jpg")
        library.index(tmp_path / "p", encoder=encoder)
        attempts = {Path(failure.uri).name: failure.attempts for failure in library.failures()}
        assert (attempts["empty.jpg"], attempts["text.jpg"], attempts["loop.jpg"]) == (2, 1, 3)
        rows.everything(library)

    def test_retry_failed_takes_up_only_those_and_forgets_those_mended(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        bad_files(tmp_path / "p")
        library.index(tmp_path / "p", encoder=encoder)
        assert encoder.embedded == 1
        paint(tmp_path / "p/text.jpg", "green")
        paint(tmp_path / "p/new.jpg", "gold")
        seen: list[Progress] = []
        report = library.index(
            tmp_path / "p", encoder=encoder, retry_failed=True, on_progress=seen.append
        )
        assert encoder.embedded == 2
        assert (report.added, report.unchanged, report.failed) == (1, 0, 6)
        left = {Path(failure.uri).name: failure.attempts for failure in library.failures()}
        assert len(left) == 6
        assert "text.jpg" not in left
        assert set(left.values()) == {2}
        assert (seen[-1].done, seen[-1].total, seen[-1].failed) == (7, 7, 6)

    def test_retry_failed_with_nothing_to_retry(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        assert counts(library.index(pictures, encoder=encoder, retry_failed=True)) == {}
        assert rows.photos(library) == {}

    def test_failures_whose_file_has_gone_are_forgotten(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        bad_files(tmp_path / "p")
        library.index(tmp_path / "p", encoder=encoder)
        (tmp_path / "p/text.jpg").unlink()
        (tmp_path / "p/loop.jpg").unlink()
        report = library.index(tmp_path / "p", encoder=encoder)
        assert report.failed == 5
        assert len(library.failures()) == 5

    def test_a_failure_is_forgotten_when_the_file_is_again_as_it_was(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        library.index(pictures, encoder=encoder)
        good = (pictures / "white.png").read_bytes()
        time_ns = (pictures / "white.png").stat().st_mtime_ns
        (pictures / "white.png").write_bytes(b"")
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 11, "empty": 1}
        assert len(rows.photos(library)) == 12  # what was known of it stays
        (pictures / "white.png").write_bytes(good)
        os.utime(pictures / "white.png", ns=(time_ns, time_ns))
        assert counts(library.index(pictures, encoder=encoder)) == {"unchanged": 12}
        assert library.failures() == []

    def test_failures_of_another_source_stay(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        bad_files(tmp_path / "p")
        paint(tmp_path / "q/1.png", "red")
        library.index(tmp_path / "p", encoder=encoder)
        report = library.index(tmp_path / "q", encoder=encoder)
        assert counts(report) == {"added": 1}
        assert len(library.failures()) == 7

    def test_an_encoder_that_fails_on_one_picture_takes_only_that(
        self, library: Library, pictures: Path
    ) -> None:
        encoder = ColourEncoder(fail_on=(0, 0, 255))
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"added": 11, "encoder": 1}
        failure = one_failure(library)
        assert (failure.stage, failure.code) == ("embed", "encoder")
        assert failure.message == "the encoder failed: this colour is too much"
        assert Path(failure.uri).name == "blue.bmp"
        report = library.index(pictures, encoder=ColourEncoder())
        assert counts(report) == {"added": 1, "unchanged": 11}
        assert library.failures() == []

    def test_an_encoder_that_gives_no_numbers(self, library: Library, pictures: Path) -> None:
        report = library.index(pictures, encoder=Sick("nan"))
        assert counts(report) == {"added": 11, "not-finite": 1}
        failure = one_failure(library)
        assert (failure.stage, failure.code) == ("embed", "not-finite")
        assert Path(failure.uri).name == "white.png"

    def test_an_encoder_whose_weights_are_broken_ends_the_run(
        self, library: Library, pictures: Path
    ) -> None:
        with pytest.raises(WeightsCorrupt):
            library.index(pictures, encoder=Sick("weights"))
        assert rows.photos(library) == {}
        assert library.failures() == []

    def test_a_picture_that_cannot_be_prepared(self, library: Library, pictures: Path) -> None:
        report = library.index(pictures, encoder=Sick("preprocess"))
        assert counts(report) == {"added": 11, "unexpected": 1}
        failure = one_failure(library)
        assert (failure.stage, failure.code) == ("decode", "unexpected")
        assert failure.message == "the picture cannot be prepared (no such picture)"

    def test_a_source_that_fails_unexpectedly(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        report = library.index(Moody(pictures, fail="white.png"), encoder=encoder)
        assert counts(report) == {"added": 11, "unexpected": 1}
        failure = one_failure(library)
        assert (failure.stage, failure.code) == ("fetch", "unexpected")
        assert failure.message == "the source failed (something broke)"
        assert counts(library.index(pictures, encoder=encoder)) == {"added": 1, "unchanged": 11}

    def test_the_store_refuses_one_row(
        self, library: Library, store: Store, journal: Journal, pictures: Path
    ) -> None:
        encoder = ColourEncoder()
        library.index(pictures / "b", encoder=encoder)
        store = Refusing(store, {hashed_id("white.png"), hashed_id("black.jpg")})
        report = pipeline.index(FolderSource(pictures), encoder, store, journal, IngestPlan())
        assert counts(report) == {"added": 7, "unchanged": 3, "refused": 2}
        assert {failure.stage for failure in library.failures()} == {"insert"}
        assert {failure.message for failure in library.failures()} == {"this row is bad"}
        assert len(rows.everything(library)["photos"]) == 10

    def test_the_store_refuses_every_row(
        self, library: Library, store: Store, journal: Journal, pictures: Path
    ) -> None:
        store = Refusing(store, {hashed_id(name) for name in COLOURS})
        with pytest.raises(StoreError, match="this row is bad"):
            pipeline.index(FolderSource(pictures), ColourEncoder(), store, journal, IngestPlan())
        assert library.failures() == []  # it was not the pictures' fault
        assert counts(library.index(pictures, encoder=ColourEncoder())) == {"added": 12}
        rows.everything(library)

    def test_vectors_of_a_wrong_length(self, library: Library, pictures: Path) -> None:
        with pytest.raises(StoreError):
            library.index(pictures, encoder=Sick("length"))
        assert rows.photos(library) == {}


class Sick(ColourEncoder):
    """An encoder with something wrong."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def preprocess(self, image: object) -> UInt8Array:
        pixels: UInt8Array = super().preprocess(image)  # type: ignore[arg-type]
        if self._what == "preprocess" and pixels.min() == 255:
            raise LookupError("no such picture")
        return pixels

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        if self._what == "weights":
            raise WeightsCorrupt("the model file is damaged")
        vectors = super().encode_pixels(pixels)
        if self._what == "nan":
            vectors[pixels.reshape(len(pixels), -1).min(axis=1) == 255, 1] = np.nan
        return vectors[:, :3] if self._what == "length" else vectors


class Refusing(Store):
    """A store that refuses some photos, after it has written their thumbnails."""

    def __init__(self, store: Store, refused: set[str]) -> None:
        super().__init__(store._connection)
        self._refused = refused

    def replace(self, photos, stale_ids=()):  # type: ignore[no-untyped-def]
        insert = self._connection.insert

        def refuse(table, data):  # type: ignore[no-untyped-def]
            if table == "photos" and self._refused & set(data["photo_id"].to_pylist()):
                raise StoreError("this row is bad")
            insert(table, data)

        self._connection.insert = refuse
        try:
            super().replace(photos, stale_ids)
        finally:
            del self._connection.insert


class Moody(FolderSource):
    """A folder that fails in `read`, or counts what has been read and not yet embedded."""

    def __init__(self, root: Path, *, fail: str = "") -> None:
        super().__init__(root)
        self._fail = fail
        self._guard = threading.Lock()
        self.waiting = self.most = 0

    def read(self, item: Item) -> bytes:
        if self._fail and item.name.endswith(self._fail):
            raise ZeroDivisionError("something broke")
        with self._guard:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        return super().read(item)


class TestCourse:
    def test_two_runs_at_once_take_turns(
        self, library: Library, pictures: Path, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        for number in range(40):
            paint(tmp_path / "more" / f"{number}.png", f"rgb({number * 6}, 0, 200)")
        reports: list[IngestReport] = []
        runs = [
            threading.Thread(
                target=lambda folder=folder: reports.append(library.index(folder, encoder=encoder))
            )
            for folder in (pictures, tmp_path / "more", pictures)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert sorted(report.added for report in reports) == [0, 12, 40]
        assert len(rows.everything(library)["thumbnails"]) == 52

    def test_an_empty_folder(
        self, library: Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        (tmp_path / "p").mkdir()
        (tmp_path / "p/notes.txt").write_text("no picture")
        with pytest.raises(SourceError, match=r"^there are no pictures in .*/p; give a folder"):
            library.index(tmp_path / "p", encoder=encoder)
        with pytest.raises(LibraryEmpty):
            library.search("red")

    def test_progress_ends_with_all_done(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        (pictures / "bad.jpg").write_bytes(b"")
        for _ in range(2):
            seen: list[Progress] = []
            library.index(pictures, encoder=encoder, on_progress=seen.append)
            assert (seen[-1].done, seen[-1].total, seen[-1].failed) == (13, 13, 1)
            assert [state.done for state in seen] == sorted(state.done for state in seen)

    def test_progress_is_told_while_nothing_changes_and_while_everything_fails(
        self,
        library: Library,
        tmp_path: Path,
        encoder: ColourEncoder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(pipeline, "_WALK_CHUNK", 5)
        monkeypatch.setattr(pipeline, "_REPORT_S", 0.0)
        monkeypatch.setattr("vistazo.ingest.writer.FLUSH_ROWS", 8)
        paint(tmp_path / "p/good.png", "red")
        for number in range(40):
            (tmp_path / f"p/{number:02}.jpg").write_bytes(b"")
        written: list[int] = []
        seen: list[int] = []

        def look(state: Progress) -> None:
            seen.append(state.done)
            written.append(len(library.failures()))

        for expected in (8, 40):
            library.index(tmp_path / "p", encoder=encoder, on_progress=look)
            assert len(seen) >= 8
            assert seen[-1] == 41
            assert seen == sorted(seen)
            assert len(set(seen)) >= 8
            assert any(expected <= count for count in written[:-3])
            seen.clear()
            written.clear()

    def test_a_source_that_breaks_while_it_is_counted(
        self, library: Library, pictures: Path, encoder: ColourEncoder
    ) -> None:
        class Breaking(FolderSource):
            def items(self) -> Iterator[Item]:
                yield from itertools.islice(super().items(), 5)
                raise RuntimeError("no more")

        source = Breaking(pictures)
        with pytest.raises(RuntimeError, match="no more"):
            library.index(source, encoder=encoder, on_progress=lambda _: None)
        # Decoding is a few batches ahead of the encoder, and what had been embedded is kept.
        assert counts(library.index(pictures, encoder=encoder))["added"] == 12
        assert encoder.embedded == 12

    def test_what_waits_is_bounded(
        self, library: Library, store: Store, journal: Journal, tmp_path: Path
    ) -> None:
        source = Moody(tree(tmp_path / "p", 300))

        class Counting(ColourEncoder):
            def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
                time.sleep(0.005)
                with source._guard:
                    source.waiting -= len(pixels)
                return super().encode_pixels(pixels)

        plan = IngestPlan(batch_size=8, threads=4)
        encoder = Counting()
        store.record_encoder(encoder.spec)
        report = pipeline.index(source, encoder, store, journal, plan)
        assert counts(report) == {"added": 300}
        assert source.waiting == 0
        # Four batches ahead, one that is being filled, two or three with the encoder, and a result
        # just taken.
        assert 8 < source.most <= (4 + 1 + 3) * 8 + 1

    def test_results_do_not_depend_on_batches_and_threads(
        self, library: Library, store: Store, journal: Journal, tmp_path: Path
    ) -> None:
        source = FolderSource(tree(tmp_path / "p", 60))
        encoder = ColourEncoder()
        store.record_encoder(encoder.spec)
        found = []
        for plan in (IngestPlan(batch_size=1, threads=1), IngestPlan(batch_size=64, threads=8)):
            pipeline.index(source, encoder, store, journal, plan)
            found.append(rows.everything(library))
            library.sql("TRUNCATE TABLE photos", write=True)
            library.sql("TRUNCATE TABLE thumbnails", write=True)
        assert found[0] == found[1]

    def test_the_limit_of_pixels_is_a_setting(self, library: Library, pictures: Path) -> None:
        with vistazo.open(library.path, settings=Settings(max_pixels=1000)) as strict:
            report = strict.index(pictures, encoder=ColourEncoder())
        assert counts(report) == {"too-many-pixels": 12}


class TestStopped:
    @pytest.mark.parametrize("at", [1, 2, 5])
    def test_ctrl_c_keeps_what_was_embedded_and_the_next_run_completes(
        self,
        library: Library,
        store: Store,
        journal: Journal,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        at: int,
    ) -> None:
        monkeypatch.setattr(pipeline, "_REPORT_S", 0.0)
        folder = tree(tmp_path / "p", 60)
        bad_files(folder)
        whole = ColourEncoder()
        store.record_encoder(whole.spec)
        plan = IngestPlan(batch_size=8, threads=2)
        pipeline.index(FolderSource(folder), whole, store, journal, plan)
        expected = rows.everything(library)
        for table in ("photos", "thumbnails", "failures"):
            library.sql(f"TRUNCATE TABLE {table}", write=True)
        first, second = ColourEncoder(), ColourEncoder()

        def stop(state: Progress) -> None:
            if first.embedded >= 8 * at:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            pipeline.index(FolderSource(folder), first, store, journal, plan, stop)
        assert len(rows.everything(library)["photos"]) == first.embedded > 0
        assert not journal.unfinished()
        pipeline.index(FolderSource(folder), second, store, journal, plan)
        assert first.embedded + second.embedded == whole.embedded
        assert rows.everything(library) == expected

    def test_a_run_that_died_is_repaired(
        self, library: Library, journal: Journal, pictures: Path, encoder: ColourEncoder
    ) -> None:
        (pictures / "bad.jpg").write_bytes(b"")
        library.index(pictures, encoder=encoder)
        expected = rows.everything(library)
        # Killed between two inserts, between a delete and its insert, and between two failures.
        journal.start(url_of(pictures))
        red, white = hashed_id("a/red.jpg"), hashed_id("white.png")
        library.sql(f"DELETE FROM photos WHERE photo_id IN ('{red}', '{white}')", write=True)
        library.sql(f"DELETE FROM thumbnails WHERE photo_id = '{white}'", write=True)
        library.sql(
            "INSERT INTO failures SELECT * REPLACE (now64(3) + 1 AS failed_at) FROM failures",
            write=True,
        )
        assert journal.unfinished()
        report = library.index(pictures, encoder=encoder)
        assert counts(report) == {"added": 2, "unchanged": 10, "empty": 1}
        assert rows.everything(library) == expected
        assert not journal.unfinished()


def test_searching_while_indexing(library: Library, tmp_path: Path) -> None:
    folder = tree(tmp_path / "p", 200)
    paint(folder / "0/000 red.png", "red", (24, 24))

    class Slow(ColourEncoder):
        """Waits at each batch until two more searches have come back."""

        def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
            enough, deadline = searches[0] + 2, time.monotonic() + 10
            while searches[0] < enough and time.monotonic() < deadline:
                time.sleep(0.01)
            return super().encode_pixels(pixels)

    searches = [0]
    counted: list[int] = []
    wrong: list[BaseException] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            searches[0] += 1
            try:
                hits = library.search("red", k=300)
            except LibraryEmpty:
                continue
            except BaseException as error:
                wrong.append(error)
                return
            counted.append(len(hits))
            scores = [hit.score for hit in hits]
            if scores != sorted(scores, reverse=True) or hits[0].score < 0.999:
                wrong.append(AssertionError(f"{scores}"))
            if len({hit.photo_id for hit in hits}) != len(hits):
                wrong.append(AssertionError("a photo twice"))

    thread = threading.Thread(target=search)
    thread.start()
    try:
        # Small batches are written often, so that searches meet many states.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("vistazo.ingest.writer.FLUSH_ROWS", 8)
            with vistazo.open(library.path, settings=Settings(batch_size=8)) as often:
                report = often.index(folder, encoder=Slow())
    finally:
        stop.set()
        thread.join()
    assert wrong == []
    assert counts(report) == {"added": 201}
    assert counted == sorted(counted)
    assert len(set(counted)) > 3

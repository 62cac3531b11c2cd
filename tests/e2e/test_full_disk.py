"""A library on a disk that fills up: one sentence, nothing lost, and the same call completes."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rows
import vistazo
from conftest import paint
from fakes import ColourEncoder
from vistazo.errors import StorageFull
from vistazo.sources.base import hashed_id

pytestmark = pytest.mark.root

FULL = "the disk under the library is full: free some space and run the same command again"
# The engine wants 1 MiB free for each part it writes, and a part's whole size to merge or mutate it.
DISK_MB, BALLAST_MB = 48, 34
PICTURES = 700


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, most of it taken by a file `ballast`."""
    image, mounted = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(DISK_MB << 20)
    # No journal and no blocks for root alone, who runs this.
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
    mounted.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mounted], check=True)
    try:
        (mounted / "ballast").write_bytes(bytes(BALLAST_MB << 20))
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", mounted], check=True)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures whose thumbnails do not compress: 20 kB each."""
    folder = tmp_path_factory.mktemp("noise")
    chance = np.random.default_rng(3)
    for number in range(PICTURES):
        pixels = chance.integers(0, 256, (160, 160, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.bmp")
    return folder


def test_a_disk_that_fills_while_indexing(disk: Path, noise: Path) -> None:
    with vistazo.open(disk / "library") as library:
        with pytest.raises(StorageFull) as caught:
            library.index(noise, encoder=ColourEncoder())
        assert str(caught.value) == FULL
        written = rows.photos(library)
        assert 0 < len(written) < PICTURES
        some = next(iter(written))
        assert library.similar(some, k=1)[0].score > 0.9
        assert len(library.search("grey", k=PICTURES)) == len(written)
        assert set(library.thumbnails(list(written))) == set(written)
        (disk / "ballast").unlink()
        encoder = ColourEncoder()
        report = library.index(noise, encoder=encoder)
        assert report.failed == 0
        assert report.added == encoder.embedded
        assert report.added + report.unchanged == PICTURES
        found = rows.everything(library)["photos"]
        assert {row["photo_id"] for row in found} == {
            hashed_id(path.name) for path in noise.iterdir()
        }
        for photo_id, row in written.items():
            assert library.photo(photo_id).content_hash == row["content_hash"]
    with vistazo.open(disk / "library") as again:
        assert len(rows.everything(again)["photos"]) == PICTURES


def fill(disk: Path, *, leave_kb: int = 0) -> None:
    """Leave not a block free, or a few."""
    with (disk / "more ballast").open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 10))
        file.truncate(max(0, file.tell() - (leave_kb << 10)))


def test_a_disk_that_is_full_already(disk: Path, tmp_path: Path) -> None:
    encoder = ColourEncoder()
    for number in range(20):
        paint(tmp_path / f"pictures/{number:02}.png", f"#{number:02}0000")
    with vistazo.open(disk / "library") as library:
        library.index(tmp_path / "pictures", encoder=encoder)
    paint(tmp_path / "pictures/new.png", "gold")
    fill(disk)
    # What is there can be read without a byte free.
    with vistazo.open(disk / "library", create=False, encoder=encoder) as library:
        assert len(library.search("gold", k=3)) == 3
        with pytest.raises(StorageFull) as caught:
            library.index(tmp_path / "pictures")
        assert str(caught.value) == FULL
        (disk / "more ballast").unlink()
        report = library.index(tmp_path / "pictures")
        assert (report.added, report.unchanged) == (1, 20)
        assert len(rows.everything(library)["photos"]) == 21


def open_new(disk: Path, pictures: Path, *, leave_kb: int) -> None:
    """Make a library on a full disk, which fails, and again when there is space."""
    fill(disk, leave_kb=leave_kb)
    with pytest.raises(StorageFull) as caught:
        vistazo.open(disk / "library")
    assert str(caught.value) == FULL
    (disk / "more ballast").unlink()
    paint(pictures / "new.png", "gold")
    with vistazo.open(disk / "library") as library:
        assert library.index(pictures, encoder=ColourEncoder()).added == 1


def test_a_new_library_without_a_block_free(disk: Path, tmp_path: Path) -> None:
    open_new(disk, tmp_path / "pictures", leave_kb=0)


def test_a_new_library_with_a_few_blocks_free(disk: Path, tmp_path: Path) -> None:
    open_new(disk, tmp_path / "pictures", leave_kb=56)

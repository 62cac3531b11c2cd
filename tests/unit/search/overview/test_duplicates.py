"""Copies: what the hash survives, which photos make a group, and which copy is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import vistazo
from fakes import ColourEncoder
from vistazo import Query
from vistazo.search.overview import duplicates
from vistazo.search.overview.hashing import MAX_BITS, distances, perceptual_hash


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture of some soft spots, another for each seed, of about the same mean colour."""
    spots = np.random.default_rng(seed).integers(90, 170, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize(size, Image.Resampling.BICUBIC)


def saved(image: Image.Image, kind: str = "JPEG", quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, quality=quality)
    return file.getvalue()


def bits(first: bytes, second: bytes) -> int:
    a, b = (np.array([perceptual_hash(each)], dtype=np.uint64) for each in (first, second))
    return int(distances(a, b)[0])


def test_the_hash_survives_what_makes_a_near_duplicate() -> None:
    for seed in range(5):
        image = scene(seed)
        changed = [
            saved(image.resize((80, 60))),
            saved(image, quality=30),
            saved(image, "WEBP"),
            saved(ImageEnhance.Brightness(image).enhance(1.2)),
            saved(image.convert("L")),
        ]
        assert max(bits(saved(image), each) for each in changed) <= MAX_BITS
        assert bits(saved(image), saved(scene(seed + 100))) > MAX_BITS
    assert perceptual_hash(b"no picture") is None
    assert perceptual_hash(b"") is None


def test_distances() -> None:
    first = np.array([0, 0b1011, 2**64 - 1], dtype=np.uint64)
    assert distances(first, np.array([0, 0b0001, 0], dtype=np.uint64)).tolist() == [0, 2, 64]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    folder = tmp_path_factory.mktemp("copies")
    pictures = folder / "pictures"
    pictures.mkdir()
    for seed in range(4):
        scene(seed).save(pictures / f"scene{seed}.jpg", quality=95)
    (pictures / "same.jpg").write_bytes((pictures / "scene0.jpg").read_bytes())
    scene(0).resize((80, 60)).save(pictures / "small.png")
    scene(0).save(pictures / "poor.jpg", quality=40)
    scene(1).resize((320, 240)).save(pictures / "large1.webp")
    (pictures / "again.jpg").write_bytes((pictures / "scene3.jpg").read_bytes())
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        assert library.index(pictures).added == 9
        yield library


def stems(copies: tuple[vistazo.search.overview.copies.Copy, ...]) -> list[str]:  # type: ignore[name-defined]
    return [Path(copy.uri).stem for copy in copies]


def test_groups_with_the_best_copy_first(library: vistazo.Library) -> None:
    seen: list[tuple[int, int]] = []
    first, second, third = library.duplicates(on_progress=lambda *at: seen.append(at))
    best = {Path(first.best.uri).stem, *stems(first.copies)}
    assert best == {"scene0", "same", "poor", "small"}
    assert {Path(first.best.uri).stem, stems(first.copies)[0]} == {"scene0", "same"}
    assert stems(first.copies)[1:] == ["poor", "small"]  # fewer bytes, then fewer pixels
    assert [copy.kind for copy in first.copies] == ["exact", "near", "near"]
    assert first.best.bits == first.copies[0].bits == 0
    assert all(copy.bits is not None and copy.bits <= MAX_BITS for copy in first.copies)
    assert all(0.85 <= copy.score <= 1 for copy in first.copies)
    pairs = [[Path(each.best.uri).stem, *stems(each.copies)] for each in (second, third)]
    assert ["large1", "scene1"] in pairs
    assert {"again", "scene3"} in map(set, pairs)
    assert seen[-1] == (7, 7)  # of equal files one is compared


def test_exact_copies_only(library: vistazo.Library) -> None:
    groups = library.duplicates(exact=True)
    found = sorted(sorted([Path(each.best.uri).stem, *stems(each.copies)]) for each in groups)
    assert found == [["again", "scene3"], ["same", "scene0"]]
    assert library.duplicates(exact=True, where="file != same and file != again") == []
    assert library.duplicates(where="file = nothing") == []


def test_blocks_of_any_size_give_the_same(
    library: vistazo.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = library.duplicates()
    for rows, columns, read in [(1, 1, 1), (2, 3, 2), (3, 2, 5)]:
        monkeypatch.setattr(duplicates, "_ROWS", rows)
        monkeypatch.setattr(duplicates, "_COLUMNS", columns)
        monkeypatch.setattr(duplicates, "_READ", read)
        assert library.duplicates() == whole


def test_photos_that_were_never_seen_need_close_vectors(library: vistazo.Library) -> None:
    library.sql("CREATE TABLE kept ENGINE = Memory AS SELECT * FROM thumbnails", write=True)
    library.sql("DELETE FROM thumbnails WHERE 1", write=True)
    try:
        groups = library.duplicates()
        for group in groups:
            assert all(copy.bits is None for copy in group.copies if copy.kind == "near")
            assert all(copy.score >= 0.98 for copy in group.copies if copy.kind == "near")
    finally:
        library.sql("INSERT INTO thumbnails SELECT * FROM kept", write=True)
        library.sql("DROP TABLE kept", write=True)


def test_folding_leaves_the_best_ranked_of_a_group(library: vistazo.Library) -> None:
    plain = [Path(hit.uri).stem for hit in library.search("grey", k=9)]
    groups = [{"scene0", "same", "poor", "small"}, {"scene1", "large1"}, {"scene2"}]
    groups.append({"scene3", "again"})
    firsts = sorted(min(plain.index(each) for each in group) for group in groups)
    folded = [Path(hit.uri).stem for hit in library.search("grey", k=9, fold=True)]
    assert folded == [plain[place] for place in firsts]
    assert [Path(h.uri).stem for h in library.search("grey", k=2, fold=True)] == folded[:2]
    pages = [library.paging.find(Query(text="grey", k=1, fold=True), at).hits for at in range(4)]
    assert [Path(page[0].uri).stem for page in pages] == folded

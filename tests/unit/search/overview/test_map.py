"""Maps: like photos near each other, themes with names, the same map each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vistazo
from conftest import paint
from fakes import ColourEncoder
from vistazo.errors import InvalidFilter, InvalidQuery
from vistazo.search.overview.plane import in_the_plane
from vistazo.search.overview.themes import (
    VOCABULARY,
    clusters,
    default_themes,
    encoder_words,
    telling_words,
)


def blobs(count: int, kinds: int, dim: int = 24, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around as many directions, and which each belongs to."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(kinds, dim))
    kind = np.arange(count) % kinds
    vectors = centres[kind] + 0.35 * chance.normal(size=(count, dim))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32), kind


def test_neighbours_stay_neighbours() -> None:
    vectors, kind = blobs(400, 20)
    points = in_the_plane(vectors)
    assert points.shape == (400, 2)
    assert points.dtype == np.float32
    assert (points.min(axis=0) == 0).all()
    assert (points.max(axis=0) == 1).all()
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :10]
    assert (kind[nearest] == kind[:, None]).mean() > 0.97
    flat = (vectors - vectors.mean(axis=0)) @ np.linalg.svd(vectors)[2][:2].T
    apart = ((flat[:, None] - flat[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kind[np.argsort(apart, axis=1)[:, :10]] == kind[:, None]).mean() < 0.9
    assert (in_the_plane(vectors) == points).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
def test_few_photos_have_places_too(count: int) -> None:
    points = in_the_plane(blobs(count, 2)[0])
    assert points.shape == (count, 2)
    assert ((points >= 0) & (points <= 1)).all()
    assert np.isfinite(in_the_plane(np.ones((count, 4), np.float32))).all()  # all the same


def test_clusters_are_the_kinds_the_largest_first() -> None:
    vectors, kind = blobs(300, 5)
    vectors, kind = vectors[kind != 3], kind[kind != 3]
    found = clusters(np.concatenate([vectors, vectors[kind == 1]]), 4)
    sizes = np.bincount(found)
    assert sizes.tolist() == [120, 60, 60, 60]
    for number in range(4):
        assert len(set(kind[np.flatnonzero(found[: len(kind)] == number)])) == 1
    assert clusters(np.ones((5, 3), np.float32), 4).tolist() == [0] * 5
    assert [default_themes(count) for count in (1, 10, 400, 10**6)] == [1, 2, 10, 24]


def test_words_that_tell_clusters_apart() -> None:
    texts = ["a brown dog on grass"] * 6 + ["the white cat on grass"] * 6 + [""] * 6
    named = telling_words(texts, np.repeat([0, 1, 2], 6), 3)
    assert named == [("brown", "dog", "grass"), ("cat", "white", "grass"), None]
    # A word of a single photo names no theme.
    mixed = ["zebra dog"] + ["dog"] * 6 + ["dog wolf"] * 2
    assert telling_words(mixed, np.zeros(9, dtype=int), 1) == [("dog", "wolf")]


def test_words_of_the_encoder() -> None:
    def encode(texts: list[str]) -> np.ndarray:
        return np.eye(len(VOCABULARY), dtype=np.float32)

    centres = np.zeros((2, len(VOCABULARY)), np.float32)
    centres[0, VOCABULARY.index("dog")] = centres[1, VOCABULARY.index("sea")] = 0.5
    centres[:, VOCABULARY.index("sky")] = 0.9  # of both, so it tells nothing
    first, second = encoder_words(centres, encode)  # type: ignore[arg-type]
    assert (first[0], second[0]) == ("dog", "sea")
    assert len(set(VOCABULARY)) == len(VOCABULARY)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    folder = tmp_path_factory.mktemp("mapped")
    rows = ["file\tdescription"]
    for number in range(36):
        warm = number % 3 == 0
        shade = 150 + 2 * number
        name = f"{number}.png"
        paint(folder / "pictures" / name, (shade, 9, 9) if warm else (9, 9, shade))  # type: ignore[arg-type]
        rows.append(f"{name}\t{'a warm fire' if warm else 'the cold water'} number")
    (folder / "pictures" / "captions.tsv").write_text("\n".join(rows) + "\n")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        library.index(folder / "pictures")
        yield library


def test_a_map_of_a_library(library: vistazo.Library) -> None:
    made = library.map(themes=2)
    assert (made.total, len(made.places), made.method) == (36, 36, "pacmap")
    water, fire = made.themes
    assert (water.photos, fire.photos) == (24, 12)
    assert set(water.words[:2]) == {"cold", "water"}
    assert set(fire.words[:2]) == {"fire", "warm"}
    assert water.said_by == fire.said_by == "captions"
    ids = {photo.photo_id: photo.theme for photo in made.places}
    assert ids[water.example] == 0
    for place in made.places:
        description = library.photo(place.photo_id).metadata.description
        assert ("warm" in description) == (place.theme == 1)
    assert library.map(themes=2) == made
    assert json.loads(json.dumps(made.to_dict()))["total"] == 36


def test_parts_of_a_library(library: vistazo.Library) -> None:
    warm = library.map(where="description ~ warm")
    assert (warm.total, len(warm.places)) == (12, 12)
    some = library.map(limit=5)
    assert (some.total, len(some.places)) == (36, 5)
    nothing = library.map(where="width > 9999")
    assert (nothing.total, nothing.places, nothing.themes) == (0, (), ())
    for options in ({"themes": 0}, {"themes": 61}, {"limit": 0}, {"limit": True}):
        with pytest.raises(InvalidQuery, match="must be a whole number from 1 to"):
            library.map(**options)
    with pytest.raises(InvalidFilter):
        library.map(where="bogus = 3")


def test_keywords_name_themes_too(library: vistazo.Library) -> None:
    ids = [place.photo_id for place in library.map(where="description ~ warm").places]
    for photo_id in ids:
        statement = "INSERT INTO keywords (photo_id, keyword) VALUES ({id:String}, 'volcano')"
        library.sql(statement, {"id": photo_id}, write=True)
    assert "volcano" in library.map(themes=2).themes[1].words
    library.sql("TRUNCATE TABLE keywords", write=True)


def test_a_picture_of_a_map(tmp_path: Path) -> None:
    from vistazo.display.map import map_picture

    points = np.array([[0, 0], [1, 1], [0.5, 0.5]], dtype=np.float32)
    names = [("sea, $5 or $6", 0.0, 0.0), ("fire 写真", 1.0, 1.0)]
    saved = map_picture(points, [0, 1, 0], names).save(tmp_path / "map.png")
    assert saved.read_bytes().startswith(b"\x89PNG")
    empty = np.empty((0, 2), dtype=np.float32)
    assert map_picture(empty, [], []).save(tmp_path / "none.svg").stat().st_size > 100

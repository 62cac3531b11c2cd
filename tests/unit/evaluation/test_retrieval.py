"""Labelled sets of every form, asked of a library of colours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo.errors import SourceError, UsageError
from vistazo.evaluation.report import compare, read_evaluation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    for name, colour in COLOURS.items():
        paint(folder / "all" / name, colour)
    for name, colours in {"red": ("red", "crimson"), "dark_blue": ("navy",)}.items():
        for colour in colours:
            paint(folder / "classes" / name / f"{colour}.png", colour, size=(50, 50))
    return folder


@pytest.fixture(scope="module")
def library(folder: Path) -> Iterator[vistazo.Library]:
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        library.index(folder / "all")
        library.index(folder / "classes")
        yield library


def table(
    folder: Path,
    rows: list[tuple[str, ...]],
    head: str = "file\tcaption",
    name: str = "labels.tsv",
) -> Path:
    path = folder / "all" / name
    path.write_text("\n".join([head, *("\t".join(row) for row in rows)]) + "\n")
    return path


def test_captions(library: vistazo.Library, folder: Path) -> None:
    rows = [("a/red.jpg", "red"), ("a/crimson.png", "red"), ("b/blue.bmp", "blue")]
    rows += [("gone.jpg", "gold"), ("white.png", "")]
    steps: list[tuple[int, int]] = []
    found = library.evaluate(table(folder, rows), on_progress=lambda *at: steps.append(at))
    assert (found.texts, found.photos, found.missing) == (3, 3, 1)
    # Texts embedded, texts searched for, pictures that looked for their texts.
    assert steps == [(3, 9), (6, 9), (9, 9)]
    assert (found.kind, found.name, found.split) == ("captions", "labels.tsv:caption", "all")
    assert (found.among, found.path, found.depth) == ("set", "exact", None)
    assert found.model == {"name": "colours", "dim": 4, "checksum": "c0105"}
    by_text = {name: each["value"] for name, each in found.measures["image_retrieval"].items()}
    # `red` finds red first; the same text of the crimson picture finds it second.
    assert by_text["recall@1"] == pytest.approx(2 / 3)
    assert by_text["mrr"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert by_text["recall@5"] == 1
    by_picture = found.measures["text_retrieval"]
    assert by_picture["recall@1"]["value"] == pytest.approx(2 / 3)  # of equal texts the first


def test_among_all_photos_and_as_the_library_searches(
    library: vistazo.Library, folder: Path
) -> None:
    file = table(folder, [("a/tomato.webp", "red"), ("b/blue.bmp", "blue")])
    exact = library.evaluate(file, among="library")
    assert exact.photos == 15
    # Before tomato come red and crimson, each twice; before blue none.
    assert exact.measures["image_retrieval"]["mrr"]["value"] == pytest.approx((1 / 5 + 1) / 2)
    steps: list[tuple[int, int]] = []
    searched = library.evaluate(
        file, among="library", search=True, depth=10, on_progress=lambda *at: steps.append(at)
    )
    assert steps == [(2, 4), (3, 4), (4, 4)]
    assert searched.path in ("database", "resident")
    assert searched.depth == 10
    assert searched.measures == {"image_retrieval": exact.measures["image_retrieval"]}
    short = library.evaluate(file, among="library", search=True, depth=4)
    assert short.measures["image_retrieval"]["mrr"]["value"] == pytest.approx((0 + 1) / 2)


def test_a_table_of_ids(library: vistazo.Library, folder: Path) -> None:
    ids = {Path(hit.uri).stem: hit.photo_id for hit in library.search("red", k=100)}
    file = table(folder, [(ids["navy"], "navy", "x")], "photo_id\tname\tcaption")
    assert library.evaluate(file, column="name", among="library").measures["image_retrieval"][
        "recall@1"
    ] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_karpathys_splits(library: vistazo.Library, folder: Path) -> None:
    images = [
        ("red.jpg", "test", ["red", "a red wall"]),
        ("sky.avif", "test", ["deepskyblue", "gold"]),
        ("black.jpg", "train", ["black"]),
    ]
    file = folder / "dataset.json"
    content = [
        {"filename": name, "split": split, "sentences": [{"raw": text} for text in texts]}
        for name, split, texts in images
    ]
    file.write_text(json.dumps({"dataset": "flickr30k", "images": content}))
    found = library.evaluate(file)
    # `red` is the stem of two photos, one of each folder.
    assert (found.name, found.split, found.texts, found.photos) == ("flickr30k", "test", 4, 3)
    assert found.measures["image_retrieval"]["recall@1"]["value"] == 0.75
    assert found.measures["text_retrieval"]["recall@1"]["value"] == 1
    assert library.evaluate(file, split="train").texts == 1
    with pytest.raises(SourceError, match="has no split 'val'; it has: test, train"):
        library.evaluate(file, split="val")


def test_classes(library: vistazo.Library, folder: Path) -> None:
    found = library.evaluate(folder / "classes", template="{}")
    assert (found.texts, found.photos, found.kind) == (2, 3, "classes")
    measures = found.measures["image_retrieval"]
    assert list(found.measures) == ["image_retrieval"]
    # "red" has both its pictures first; "dark blue" finds navy, seen as blue, first.
    assert measures["map"]["value"] == measures["recall@1"]["value"] == 1


def test_what_cannot_be_evaluated(library: vistazo.Library, folder: Path) -> None:
    plain = folder / "notes.json"
    plain.write_text("[1, 2]")
    for labels, options, message in [
        (folder / "nowhere.tsv", {}, "there is no .*nowhere.tsv"),
        (plain, {}, "is no file of Karpathy's splits"),
        (table(folder, [("x.jpg", "red")]), {}, "has none of the 1 pictures"),
        (
            table(folder, [("x.jpg", "red")]),
            {"column": "text"},
            "no column 'text'; name one of file",
        ),
        (table(folder, [("a/red.jpg", "")], name="empty.tsv"), {}, "has no text with a picture"),
    ]:
        with pytest.raises(SourceError, match=message):
            library.evaluate(labels, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="has no {} for the class's name"):
        library.evaluate(folder / "classes", template="a photo")
    with pytest.raises(UsageError, match="add --among library"):
        library.evaluate(folder / "classes", search=True)
    with pytest.raises(UsageError, match="among must be set or library"):
        library.evaluate(folder / "classes", among="all")


def test_a_fall_is_told_from_a_rise(library: vistazo.Library, folder: Path) -> None:
    now = library.evaluate(folder / "classes", template="{}")
    kept = folder / "kept.json"
    kept.write_text(json.dumps(now.to_dict()))
    before = read_evaluation(kept)
    assert before == now
    assert not any(change.worse for change in compare(before, now, 0))
    measure = {"value": 0.9, "low": 0.8, "high": 1.0}
    fallen = replace(now, measures={"image_retrieval": {"mrr": measure}})
    (change,) = compare(before, fallen, 0.05)
    assert (change.measure, change.before, change.now, change.worse) == ("mrr", 1, 0.9, True)
    assert not compare(before, fallen, 0.15)[0].worse
    assert not compare(fallen, now, 0)[0].worse
    with pytest.raises(UsageError, match="texts was 2 and is 3"):
        compare(before, replace(now, texts=3), 0)
    kept.write_text("{}")
    with pytest.raises(SourceError, match="is no evaluation"):
        read_evaluation(kept)

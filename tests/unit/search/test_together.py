"""One search with everything in it: a sum with filters, words, downloads, folding and variety."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import vistazo
from fakes import ColourEncoder
from vistazo import Query
from vistazo.errors import InvalidQuery

# name: colour, caption, camera
PHOTOS = {
    "red": ("red", "a dog on the beach", "Canon EOS"),
    "crimson": ("crimson", "a dog in the snow", "Canon EOS"),
    "tomato": ("tomato", "a beach", "Canon EOS"),
    "gold": ("gold", "", "Canon EOS"),
    "blue": ("blue", "a dog", "Nikon"),
    "green": ("green", "snow", "Canon EOS"),
    "navy": ("navy", "the sea", "Canon EOS"),
    "white": ("white", "", "Canon EOS"),
}
# Everything at once; the fake encoder knows colours and nothing of dogs.
WHOLE = Query(
    text="2:dog + beach + red - snow camera:canon",
    k=4,
    mode="both",
    popular=0.3,
    fold=True,
    diverse=0.2,
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    folder = tmp_path_factory.mktemp("together")
    (folder / "pictures").mkdir()
    chance = random.Random(3)
    lines = ["file\tcaption\tcamera\tphoto_id"]
    for name, (colour, caption, camera) in PHOTOS.items():
        picture = Image.new("RGB", (96, 64), colour)
        for _ in range(9):  # spots, or every plain picture would be a copy by its looks
            at = chance.randrange(80), chance.randrange(50)
            picture.paste("black" if colour == "white" else "white", (*at, at[0] + 6, at[1] + 6))
        picture.save(folder / "pictures" / f"{name}.png")
        lines.append(f"{name}.png\t{caption}\t{camera}\t{name}")
        if name == "red":
            picture.resize((192, 128)).save(folder / "pictures" / "copy.png")
            lines.append(f"copy.png\t{caption}\t{camera}\tcopy")
    (folder / "pictures" / "captions.tsv").write_text("\n".join(lines) + "\n")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as opened:
        assert isinstance(opened, vistazo.Library)
        opened.index(folder / "pictures")
        log = ["converted_at\tphoto_id\tkeyword"]
        log += ["2024-03-01 10:00:00\tnavy\tsea"] * 30
        log += ["2024-03-01 10:00:00\tblue\tdog"] * 30
        (folder / "log.tsv").write_text("\n".join(log) + "\n")
        opened.load_conversions(folder / "log.tsv")
        yield opened


def ids(hits: Any) -> list[str]:
    return [hit.photo_id for hit in hits]


def test_every_stage_has_its_say(library: vistazo.Library) -> None:
    whole = library.find(replace(WHOLE, k=20))
    assert set(ids(whole)) == {*PHOTOS, "copy"} - {"blue", "copy"}  # another camera, and a copy
    assert ids(whole)[:2] == ["navy", "red"]
    assert "popular: 30 downloads (1.00)" in whole[0].why
    assert "caption: dog, beach" in whole[1].why
    unfolded = library.find(replace(WHOLE, k=20, fold=False))
    assert {"red", "copy"} <= set(ids(unfolded))
    plain = library.find(replace(WHOLE, k=20, diverse=0.0))
    unpopular = library.find(replace(WHOLE, k=20, diverse=0.0, popular=0.0))
    assert ids(plain)[0] == "navy"
    assert ids(unpopular)[:3] == ["red", "tomato", "crimson"]
    # By words the dog in the snow is worth less than the beach without one.
    worded = ids(library.find(replace(WHOLE, k=20, mode="words", popular=0.0, diverse=0.0)))
    assert worded[:2] == ["red", "tomato"]
    assert "green" not in worded  # it has nothing but what is taken away


def test_variety_follows_the_order_and_not_the_score(library: vistazo.Library) -> None:
    """The most downloaded photo is first, although its picture fits least."""
    query = Query(text="red - navy", popular=1.0, where="camera ~ canon", k=3)
    assert library.find(query)[0].photo_id == "navy"
    assert library.find(replace(query, diverse=0.3))[0].photo_id == "navy"


def test_pages_are_parts_of_one_list(library: vistazo.Library) -> None:
    whole = ids(library.find(replace(WHOLE, k=20)))
    for k in (1, 2, 4):
        paged: list[str] = []
        while page := library.paging.find(replace(WHOLE, k=k), len(paged)).hits:
            paged += ids(page)
        assert paged == whole
    assert library.paging.find(WHOLE).total == len(PHOTOS)  # copies count, the Nikon does not


@pytest.mark.parametrize(
    "query",
    [
        WHOLE,
        replace(WHOLE, mode="words"),
        replace(WHOLE, text="#red + dog", like=("navy",), dislike=("gold",)),
        Query(photo_id="red", popular=0.4, fold=True, k=8),
    ],
    ids=["whole", "words", "judged", "similar"],
)
def test_memory_and_database_give_one_order(
    library: vistazo.Library, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(50):
        if library.paging.find(query).path == "resident":
            break
        library._resident.wait(10)
    page = library.paging.find(query)
    assert page.path == "resident"
    monkeypatch.setattr(library._resident, "_current", lambda state: None)
    told = library.find(query)
    assert ids(page.hits) == ids(told)
    assert [hit.why for hit in page.hits] == [hit.why for hit in told]
    scores = [hit.score for hit in told]
    assert [hit.score for hit in page.hits] == pytest.approx(scores, abs=1e-5)


@pytest.mark.parametrize(
    "wish",
    [
        {"popular": 0.3},
        {"popular_for": "words"},
        {"mode": "words"},
        {"fold": True},
        {"diverse": 0.2},
        {"dislike": ("red",)},
    ],
    ids=str,
)
def test_filters_alone_have_no_order_to_change(
    library: vistazo.Library, wish: dict[str, Any]
) -> None:
    assert len(library.find(Query(text="camera:nikon"))) == 1
    for ask in (library.find, library.paging.find):
        with pytest.raises(InvalidQuery, match="there are only filters"):
            ask(Query(text="camera:nikon", **wish))


def test_words_are_asked_of_a_query_that_has_none(library: vistazo.Library) -> None:
    with pytest.raises(InvalidQuery, match="mode words needs words; this query has none"):
        library.search("#red + #navy", mode="words")
    with pytest.raises(InvalidQuery, match="popular_for words needs words"):
        library.search("#red", popular=0.2, popular_for="words")
    # A tag that is no photo is a word.
    assert ids(library.search("#sea", mode="words")) == ["navy"]

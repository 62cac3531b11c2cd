"""What liking, disliking and asking for variety does to a list of hits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo import Query
from vistazo.errors import InvalidQuery, PhotoNotFound
from vistazo.search.diversity import POOL
from vistazo.search.feedback import refined


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


NONE = np.empty((0, 3), dtype=np.float32)


def test_few_judgements_are_rocchios_rule() -> None:
    query, liked, disliked = unit((1, 0, 0))[0], unit((0, 1, 0)), unit((0, 0, 1))
    wanted = np.array([1, 0.75, -0.25])
    found = refined(query, liked, disliked)
    assert found == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)
    assert found.dtype == np.float32
    assert refined(None, liked, NONE) == pytest.approx([0, 1, 0])
    with pytest.raises(InvalidQuery, match="cancel each other out"):
        refined(None, unit((1, 0, 0)), np.repeat(unit((1, 0, 0)) * 3, 1, axis=0))


def test_from_five_on_a_model_tells_what_rocchio_cannot() -> None:
    """Liked and disliked differ in the third number alone, and much else is in the way."""
    chance = np.random.default_rng(5)
    judged = chance.normal(size=(40, 30))
    judged[:, 2] = np.where(np.arange(40) % 2, 1.0, -1.0) * 2
    judged = (judged / np.linalg.norm(judged, axis=1, keepdims=True)).astype(np.float32)
    right = np.arange(40) % 2 == 1
    learned, unseen = judged[:20], judged[20:]
    query = unit(tuple(chance.normal(size=30)))[0]
    model = refined(query, learned[right[:20]], learned[~right[:20]])
    likes, dislikes = learned[right[:20]].mean(axis=0), learned[~right[:20]].mean(axis=0)
    rocchio = query + 0.75 * likes - 0.25 * dislikes

    def apart(vector: np.ndarray) -> float:
        scores = unseen @ vector / np.linalg.norm(vector)
        return float((scores[right[20:]][:, None] > scores[~right[20:]][None, :]).mean())

    assert apart(model) > apart(rocchio)
    assert apart(model) > 0.9
    assert np.linalg.norm(model) == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    folder = tmp_path_factory.mktemp("judged")
    rows = ["file\tphoto_id"]
    for colour in COLOURS.values():
        paint(folder / "pictures" / f"{colour}.png", colour)
        rows.append(f"{colour}.png\t{colour}")
    (folder / "pictures" / "captions.tsv").write_text("\n".join(rows) + "\n")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        library.index(folder / "pictures")
        yield library


def ids(hits: vistazo.Hits | tuple[vistazo.Hit, ...]) -> list[str]:
    return [hit.photo_id for hit in hits]


def test_liked_photos_pull_and_disliked_ones_go(library: vistazo.Library) -> None:
    plain = ids(library.search("grey", k=12))
    liked = ids(library.search("grey", k=12, like=["blue"], dislike=["red", "gold"]))
    assert liked.index("navy") < plain.index("navy")
    assert not {"red", "gold"} & set(liked)
    assert liked[-1] in ("tomato", "crimson")
    only = ids(library.search(like=["blue", "navy"], k=3))
    assert set(only[:2]) == {"blue", "navy"}
    assert only == ids(library.search("width:>1", like=["blue", "navy"], k=3))
    assert library.paging.find(Query(text="grey", dislike=("red",), k=2)).total == 11


def test_judged_photos_as_sql(library: vistazo.Library) -> None:
    query = Query(text="grey file:e", like=("blue",), dislike=("red", "white"), k=4)
    rows = library.sql(library.paging.view_sql(query, k=4)).to_pylist()
    assert [row["photo_id"] for row in rows] == ids(library.find(query))


def test_wrong_judgements(library: vistazo.Library) -> None:
    with pytest.raises(PhotoNotFound, match="the id 'nothing'"):
        library.search("red", like=["nothing"])
    with pytest.raises(InvalidQuery, match="'red' is both liked and disliked"):
        library.search("red", like=["red"], dislike=["red"])
    with pytest.raises(InvalidQuery, match="give exactly one of"):
        library.search(dislike=["red"])
    with pytest.raises(InvalidQuery, match="no more than 1,000 photos"):
        library.search("red", like=[str(number) for number in range(1001)])
    for diverse in (-0.1, 1.5, True, "much"):
        with pytest.raises(InvalidQuery, match="diverse must be a number from 0"):
            library.search("red", diverse=diverse)  # type: ignore[arg-type]


def test_variety_brings_what_differs(library: vistazo.Library) -> None:
    plain = ids(library.search("red", k=12))
    assert plain[:3] == ["red", "crimson", "tomato"]
    varied = ids(library.search("red", k=12, diverse=0.6))
    assert varied[0] == "red"
    assert sorted(varied) == sorted(plain)
    assert not {"crimson", "tomato"} <= set(varied[:3])
    by_hand = ["red"]
    scores = {hit.photo_id: hit.score for hit in library.search("red", k=12)}
    vectors = library._store.embeddings(plain)
    alike = {(a, b): float(vectors[a] @ vectors[b]) for a in plain for b in plain}
    low, high = min(alike.values()), max(alike.values())
    least, most = min(scores.values()), max(scores.values())

    def gain(name: str) -> float:
        nearest = max((alike[name, each] - low) / (high - low) for each in by_hand)
        return 0.4 * (scores[name] - least) / (most - least) - 0.6 * nearest

    while len(by_hand) < 5:
        by_hand.append(max((name for name in plain if name not in by_hand), key=gain))
    assert varied[:5] == by_hand
    assert ids(library.search("red", k=12, diverse=0)) == plain


def test_pages_are_parts_of_one_varied_list(library: vistazo.Library) -> None:
    whole = ids(library.search("red", k=12, diverse=0.5))
    pages = [
        ids(library.paging.find(Query(text="red", k=4, diverse=0.5), at).hits) for at in (0, 4, 8)
    ]
    assert [each for page in pages for each in page] == whole
    assert POOL >= 100

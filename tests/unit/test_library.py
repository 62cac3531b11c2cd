"""The facade, on the real engine, with an encoder that sees colours."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo import Query, errors
from vistazo.errors import (
    InvalidFilter,
    InvalidQuery,
    InvalidSQL,
    PhotoNotFound,
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    """A library of the twelve pictures."""
    folder = tmp_path_factory.mktemp("filled")
    for name, colour in COLOURS.items():
        paint(folder / "pictures" / name, colour)
    (folder / "pictures" / "captions.tsv").write_text(
        "file\tcaption\tauthor\tdate\tlicence\nb/navy.jpg\tNight\tAna\t2019-05-31\tCC0\n"
    )
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        report = library.index(folder / "pictures")
        assert (report.added, report.failed) == (12, 0)
        yield library


def stems(hits: list[vistazo.Hit]) -> list[str]:
    return [Path(hit.uri).stem for hit in hits]


def test_text(filled: vistazo.Library) -> None:
    hits = filled.search("red", k=3)
    assert stems(hits) == ["red", "crimson", "tomato"]
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert (hits[0].width, hits[0].height) == (48, 32)


@pytest.mark.parametrize("form", ["path", "Path", "bytes", "PIL", "PIL with alpha"])
def test_image_in_any_form(filled: vistazo.Library, tmp_path: Path, form: str) -> None:
    path = paint(tmp_path / "query.png", "navy", size=(5, 300))
    given: object = {
        "path": str(path),
        "Path": path,
        "bytes": path.read_bytes(),
        "PIL": Image.new("RGB", (9, 9), "navy"),
        "PIL with alpha": Image.new("RGBA", (9, 9), "navy"),
    }[form]
    assert stems(filled.search(image=given, k=1)) == ["navy"]


def test_what_is_transparent_is_white(filled: vistazo.Library) -> None:
    assert stems(filled.search(image=Image.new("LA", (9, 9), (0, 0)), k=1)) == ["white"]


def test_similar_leaves_out_the_photo_itself(filled: vistazo.Library) -> None:
    red = filled.search("red", k=1)[0].photo_id
    assert stems(filled.similar(red, 2)) == ["crimson", "tomato"]
    everything = filled.similar(red, 100)
    assert len(everything) == 11
    assert red not in {hit.photo_id for hit in everything}


def test_where(filled: vistazo.Library) -> None:
    hits = filled.search("red", k=10, where="format = jpeg and not photographer = Ana")
    assert stems(hits) == ["red", "black"]
    (hit,) = filled.search("red", where="taken = 2019-05")
    assert hit.description == "Night"
    assert hit.attributes == {"licence": "CC0"}


def test_random(filled: vistazo.Library) -> None:
    (hit,) = filled.random()
    assert math.isnan(hit.score)
    assert hit.to_dict()["score"] is None
    assert len({hit.photo_id for hit in filled.random(12)}) == 12
    assert len(filled.random(100, where="format = PNG")) == 3


def test_photo(filled: vistazo.Library) -> None:
    hit = filled.search("navy", k=1)[0]
    photo = filled.photo(hit.photo_id)
    assert photo.uri == hit.uri
    assert photo.format == "JPEG"
    assert photo.size_bytes == Path(hit.uri).stat().st_size
    assert (photo.metadata.photographer, str(photo.metadata.taken_at)) == (
        "Ana",
        "2019-05-31 00:00:00",
    )
    with pytest.raises(PhotoNotFound, match="^there is no photo with the id 'x' in the library$"):
        filled.photo("x")


def test_sql(filled: vistazo.Library) -> None:
    table = filled.sql(
        "SELECT file_stem, round(distance(photo_embed, embed('red')), 3) AS d FROM photos"
        " WHERE format = {f:String} ORDER BY d, file_stem LIMIT 2",
        {"f": "JPEG"},
    )
    assert table.to_pylist()[0] == {"file_stem": "red", "d": 0.0}
    assert list(table.to_pandas().columns) == ["file_stem", "d"]


def test_sql_writes_only_when_it_may(filled: vistazo.Library) -> None:
    with pytest.raises(InvalidSQL, match="pass write=True"):
        filled.sql("CREATE TABLE notes (n UInt8) ENGINE = Memory")
    before = filled.sql("SELECT sum(n) FROM changes").to_pylist()
    filled.sql("CREATE TABLE notes (n UInt8) ENGINE = Memory", write=True)
    filled.sql("INSERT INTO notes VALUES (1), (2)", write=True)
    assert filled.sql("SELECT sum(n) AS s FROM notes", write=True).to_pylist() == [{"s": 3}]
    assert filled.sql("SELECT sum(n) FROM changes").to_pylist() != before
    filled.sql("DROP TABLE notes", write=True)


def test_the_walk_throughs_own_search(filled: vistazo.Library) -> None:
    vector = ColourEncoder().encode_texts(["blue"])[0].tolist()
    rows = filled.sql(
        f"SELECT photo_id, photo_image_url, distance(photo_embed, {vector}) AS dist FROM photos"
        " ORDER BY dist LIMIT 2"
    ).to_pylist()
    assert [Path(row["photo_image_url"]).stem for row in rows] == ["blue", "navy"]


def test_demand_counts_the_downloads_of_what_is_found(
    filled: vistazo.Library, tmp_path: Path
) -> None:
    ids = {stem: hit.photo_id for hit in filled.search("red", k=12) for stem in stems([hit])}
    log = tmp_path / "log.tsv"
    picks = ["crimson sunset", "crimson sunset", "crimson rose", "tomato soup", "blue sea"]
    rows = [pick.split() for pick in picks]
    log.write_text("photo_id\tkeyword\n" + "".join(f"{ids[p]}\t{w}\n" for p, w in rows))
    report = filled.load_conversions(log)
    assert (report.rows, report.state) == (5, "loaded")

    demand = filled.demand(Query(text="red", k=3))
    found = [(Path(each.uri).stem, each.downloads) for each in demand.candidates]
    assert found == [("crimson", 3), ("tomato", 1), ("red", 0)]
    assert demand.most_popular == demand.candidates[0]
    assert demand.top_keywords == (("sunset", 2), ("rose", 1))

    like = filled.demand(Query(photo_id=ids["crimson"], k=2))
    assert {Path(each.uri).stem for each in like.candidates} == {"red", "tomato"}
    nothing = filled.demand(Query(text="red", k=3, where="format = PNG and file = white"))
    assert (nothing.most_popular, nothing.top_keywords) == (None, ())
    assert filled.stats().conversions.conversions == 5
    filled.sql("TRUNCATE TABLE conversions", write=True)


def test_downloads_of_everything_and_of_what_is_found(
    filled: vistazo.Library, tmp_path: Path
) -> None:
    ids = {stem: hit.photo_id for hit in filled.search("red", k=12) for stem in stems([hit])}
    log = tmp_path / "log.tsv"
    rows = [("crimson", "sunset"), ("crimson", "sunset"), ("tomato", "soup"), ("blue", "sea")]
    log.write_text("photo_id\tkeyword\n" + "".join(f"{ids[p]}\t{w}\n" for p, w in rows))
    filled.load_conversions(log)

    def words(downloads: vistazo.Downloads) -> list[tuple[str, int]]:
        return [(each.keyword, each.downloads) for each in downloads.top_keywords()]

    assert words(filled.downloads()) == [("sunset", 2), ("sea", 1), ("soup", 1)]
    assert words(filled.downloads(Query(text="red", k=3))) == [("sunset", 2), ("soup", 1)]
    # Not those of the photo itself.
    assert words(filled.downloads(Query(photo_id=ids["crimson"], k=2))) == [("soup", 1)]
    with pytest.raises(InvalidFilter):
        filled.downloads(Query(text="red", where="width >"))
    filled.sql("TRUNCATE TABLE conversions", write=True)


def test_hits_show_themselves_as_a_grid(
    filled: vistazo.Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = filled.search("red", k=5)
    saved = hits.grid(columns=3).save(tmp_path / "hits.png")
    with Image.open(saved) as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    # JPEG's red is one step off.
    assert any(red >= 250 and green <= 5 and blue <= 5 for _, (red, green, blue) in colours)

    shown: list[object] = []
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: object()  # type: ignore[attr-defined]
    ipython.display = types.SimpleNamespace(display=shown.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert hits.show() is None  # type: ignore[func-returns-value]
    assert shown[0]._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_a_part_of_the_hits_can_show_itself_too(filled: vistazo.Library) -> None:
    hits = filled.search("red", k=5)
    assert stems(hits[1:3]) == ["crimson", "tomato"]
    assert isinstance(hits[1:3], vistazo.Hits)
    assert hits[1:3].thumbnails().keys() == {hit.photo_id for hit in hits[1:3]}
    assert hits[1] == list(hits)[1]


def test_without_a_notebook_or_viewer_show_says_what_to_do(
    filled: vistazo.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.ImageShow._viewers", [])
    with pytest.raises(errors.Unsupported, match=r"save\('hits.png'\)"):
        filled.search("red", k=1).show()


def test_a_small_jpeg_or_webp_is_its_own_thumbnail(filled: vistazo.Library) -> None:
    hits = filled.search("red", k=12)
    files = {hit.photo_id: Path(hit.uri) for hit in hits}
    assert {path.suffix for path in files.values()} >= {".jpg", ".webp", ".png"}
    for photo_id, thumbnail in hits.thumbnails().items():
        same = thumbnail == files[photo_id].read_bytes()
        assert same == (files[photo_id].suffix in (".jpg", ".webp"))
        assert same or thumbnail[8:12] == b"WEBP"


@pytest.mark.parametrize("k", [0, -3, 100_001, 10**9, 1.5, "3", True, None])
def test_k_out_of_range(filled: vistazo.Library, k: object) -> None:
    for ask in (
        lambda: filled.search("red", k=k),  # type: ignore[arg-type]
        lambda: filled.similar("x", k),  # type: ignore[arg-type]
        lambda: filled.random(k),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidQuery, match="^k must be a whole number from 1 to 100,000, not "):
            ask()


def test_queries_that_are_none(filled: vistazo.Library, tmp_path: Path) -> None:
    with pytest.raises(InvalidQuery, match="exactly one of"):
        filled.search()
    with pytest.raises(InvalidQuery, match="exactly one of"):
        filled.search("red", image=b"x")
    with pytest.raises(InvalidQuery, match="the query is empty"):
        filled.search(" \t")
    with pytest.raises(InvalidQuery, match="^the image cannot be searched with: "):
        filled.search(image=b"no picture")
    with pytest.raises(InvalidQuery, match="^an image is a path, bytes or a PIL image, not int$"):
        filled.search(image=7)
    with pytest.raises(InvalidQuery, match="cannot be read: Is a directory"):
        filled.search(image=tmp_path)
    with pytest.raises(InvalidFilter):
        filled.search("red", where="width >")
    with pytest.raises(PhotoNotFound):
        filled.similar("x")

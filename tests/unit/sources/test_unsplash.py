"""Unsplash's files: what is read of them, and what is made of lines that are none."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import unsplash_like
import vistazo
from conftest import paint
from fakes import ColourEncoder
from vistazo.errors import SourceError
from vistazo.records import Metadata, url_of
from vistazo.sources.base import Item
from vistazo.sources.unsplash import UnsplashSource

BASE = "https://images.unsplash.invalid"


def items(folder: Path) -> list[Item]:
    return list(UnsplashSource(folder).items())


def told(folder: Path, *lines: str, header: str = "photo_id\tphoto_image_url\tx") -> list[Item]:
    """Items of a photos table of these lines."""
    (folder / "photos.tsv000").write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return items(folder)


def outcome(found: Sequence[Item]) -> list[tuple[str, str]]:
    """(photo id, code of the problem) of each."""
    return [(item.photo_id, item.problem.code if item.problem else "") for item in found]


def test_photos_come_in_the_order_of_the_parts(tmp_path: Path) -> None:
    rows = unsplash_like.write(tmp_path, 25, parts=12)
    found = items(tmp_path)
    assert [item.photo_id for item in found] == [row["photo_id"] for row in rows]
    assert [item.url for item in found] == [f"{BASE}/photo-{n}" for n in range(25)]
    assert all(item.problem is None and item.fingerprint for item in found)
    assert UnsplashSource(tmp_path).name == f"unsplash:{tmp_path}"


def test_what_becomes_of_the_columns(tmp_path: Path) -> None:
    (row, *_) = unsplash_like.write(tmp_path)
    item = items(tmp_path)[0]
    assert (item.width, item.height) == (3000, 2000)
    assert item.metadata == Metadata(
        description=row["photo_description"],
        photographer="Łucja Ng",
        camera="Canon EOS 70D",
        place="Pico do Arieiro, Portugal",
        latitude=32.7356,
        longitude=-16.9289,
        attributes={
            name: row[name]
            for name in (
                "photo_url",
                "photo_submitted_at",
                "photo_featured",
                "photo_aspect_ratio",
                "photographer_username",
                "exif_iso",
                "stats_views",
                "stats_downloads",
                "ai_description",
                "blur_hash",
            )
        },
    )


def test_what_the_ai_saw_stands_in_for_a_description(tmp_path: Path) -> None:
    row = unsplash_like.write(tmp_path)[1]
    item = items(tmp_path)[1]
    assert item.metadata.description == row["ai_description"]
    assert "ai_description" not in item.metadata.attributes
    assert item.metadata.place == "Oslo, Norway"
    assert item.metadata.camera == "NIKON D7000"
    assert item.metadata.latitude is None


def test_quoted_cells(tmp_path: Path) -> None:
    unsplash_like.write(tmp_path)
    found = items(tmp_path)
    assert found[2].metadata.description == 'Say "hello"\tnow'
    assert found[3].metadata.description == "two\nlines"


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_csv_of_newer_releases(tmp_path: Path, delimiter: str) -> None:
    text = f'photo_id{delimiter}photo_image_url{delimiter}photo_description\na{delimiter}{BASE}/a{delimiter}"b, ""c"""\n'
    (tmp_path / "photos.csv000").write_text(text)
    (item,) = items(tmp_path)
    assert (item.photo_id, item.metadata.description) == ("a", 'b, "c"')


@pytest.mark.parametrize(
    ("name", "packed"),
    [("photos.tsv", bytes), ("photos.tsv000.gz", gzip.compress), ("PHOTOS.TSV.bz2", bz2.compress)],
)
def test_names_and_compression(tmp_path: Path, name: str, packed: Any) -> None:
    (tmp_path / name).write_bytes(packed(f"photo_id\tphoto_image_url\na\t{BASE}/a\n".encode()))
    assert outcome(items(tmp_path)) == [("a", "")]


def test_unknown_columns_are_kept_and_empty_cells_left_out(tmp_path: Path) -> None:
    (item, other) = told(
        tmp_path,
        f"a\t{BASE}/a\tnew",
        f"b\t{BASE}/b\t ",
        header="photo_id\tphoto_image_url\tNew One",
    )
    assert item.metadata.attributes == {"New One": "new"}
    assert other.metadata.attributes == {}


def test_the_fingerprint_follows_the_row(tmp_path: Path) -> None:
    (before,) = told(tmp_path, f"a\t{BASE}/a\tx")
    (same,) = told(tmp_path, f"x\ta\t{BASE}/a", header="x\tphoto_id\tphoto_image_url")
    (after,) = told(tmp_path, f"a\t{BASE}/a\ty")
    assert before.fingerprint == same.fingerprint != after.fingerprint


class TestBadLines:
    def test_too_many_and_too_few_fields(self, tmp_path: Path) -> None:
        found = told(
            tmp_path, f"a\t{BASE}/a\tx", f"b\t{BASE}/b\tx\ty", f"c\t{BASE}/c", f"d\t{BASE}/d\tx"
        )
        assert outcome(found) == [("a", ""), ("", "bad-row"), ("", "bad-row"), ("d", "")]
        assert str(found[1].problem) == (
            "line 3 of photos.tsv000 has 4 fields, and the first line names 3"
        )
        assert found[1].url == url_of(tmp_path / "photos.tsv000") + "#line=3"

    def test_empty_fields_at_the_end_are_cut_off(self, tmp_path: Path) -> None:
        assert outcome(told(tmp_path, f"a\t{BASE}/a\tx\t\t")) == [("a", "")]

    def test_broken_utf_8_is_read_as_latin_1(self, tmp_path: Path) -> None:
        text = f"photo_id\tphoto_image_url\tphoto_description\na\t{BASE}/a\tcafé\n"
        (tmp_path / "photos.tsv").write_bytes(text.encode("latin-1"))
        assert items(tmp_path)[0].metadata.description == "café"

    def test_no_id_or_no_address(self, tmp_path: Path) -> None:
        found = told(tmp_path, f"\t{BASE}/a\tx", "b\t\tx", "c\tftp://host/c\tx", "d\thttps://\tx")
        assert outcome(found) == [("", "bad-row")] * 4
        assert [str(item.problem) for item in found] == [
            "line 2 of photos.tsv000 has no photo_id",
            "line 3 of photos.tsv000 has no photo_image_url",
            "line 4 of photos.tsv000 has an address that is neither http(s) nor a file:"
            " ftp://host/c",
            "line 5 of photos.tsv000 has an address that cannot be: https://",
        ]

    def test_a_photo_id_twice(self, tmp_path: Path) -> None:
        found = told(tmp_path, f"a\t{BASE}/a\tx", f"a\t{BASE}/b\tx", f"a\t{BASE}/a\ty")
        assert outcome(found) == [("a", ""), ("", "duplicate-id"), ("", "duplicate-id")]
        assert str(found[1].problem) == (
            "line 3 of photos.tsv000 has the photo_id a of an earlier one; take one of them out"
        )

    def test_the_same_row_twice_is_one_photo(self, tmp_path: Path) -> None:
        line = f"a\t{BASE}/a\tx"
        assert outcome(told(tmp_path, line, line)) == [("a", "")]

    def test_an_address_under_two_ids(self, tmp_path: Path) -> None:
        found = told(tmp_path, f"a\t{BASE}/a\tx", f"b\t{BASE}/a\tx")
        assert outcome(found) == [("a", ""), ("", "duplicate-id")]

    def test_a_stray_quote_mark_takes_no_other_line_with_it(self, tmp_path: Path) -> None:
        lines = [f'p{n}\t{BASE}/{n}\t"open' if n == 3 else f"p{n}\t{BASE}/{n}\tx" for n in range(9)]
        assert outcome(told(tmp_path, *lines)) == [(f"p{n}", "") for n in range(9)]
        lines[5] += '\t"open too'
        assert outcome(told(tmp_path, *lines)) == [
            ("", "bad-row") if n == 5 else (f"p{n}", "") for n in range(9)
        ]


class TestNoSource:
    def test_no_photo_id(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError) as caught:
            told(tmp_path, f"a\t{BASE}/a\tx", header="id\tphoto_image_url\tx")
        assert str(caught.value) == (
            f"{tmp_path}/photos.tsv000 has no column photo_id; its first line must name the"
            " columns, with tabs, commas or semicolons between them, and is:"
            " id, photo_image_url, x"
        )

    def test_no_address(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="has no column photo_image_url; .* is: photo_id, x$"):
            told(tmp_path, "a\tx", header="photo_id\tx")

    def test_wrong_delimiter(self, tmp_path: Path) -> None:
        with pytest.raises(
            SourceError, match=r"has no column photo_id; .* is: photo_id\|photo_image_url\|x$"
        ):
            told(tmp_path, f"a|{BASE}/a|x", header="photo_id|photo_image_url|x")

    def test_a_part_without_header(self, tmp_path: Path) -> None:
        unsplash_like.write(tmp_path)
        (tmp_path / "photos.tsv001").write_text(f"a\t{BASE}/a\n")
        with pytest.raises(SourceError, match=r"photos\.tsv001 has no column photo_id"):
            UnsplashSource(tmp_path)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "is empty; download it again"),
            (b"\n \n", "has only blank lines"),
            (b"PK\x03\x04zip", "is a zip archive; unpack it and give the photos table in it"),
            (b"\x1f\x8b\x08broken", "is damaged or no photos table"),
            (
                gzip.compress(b"photo_id\tphoto_image_url\n" * 99, mtime=0)[:-20],
                "is damaged or no photos",
            ),
            (b"photo_id\tphoto_image_url\n", "there are no photos below the first line of"),
        ],
    )
    def test_files_that_are_no_table(self, tmp_path: Path, data: bytes, message: str) -> None:
        (tmp_path / "photos.tsv000").write_bytes(data)
        with pytest.raises(SourceError, match=message):
            items(tmp_path)

    def test_folders_that_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="^the folder .*none does not exist$"):
            UnsplashSource(tmp_path / "none")
        with pytest.raises(SourceError, match="there is no photos.tsv000 in"):
            UnsplashSource(tmp_path)
        (tmp_path / "photos.tsv000").write_text("photo_id\tphoto_image_url\n")
        with pytest.raises(SourceError, match="is not a folder; give the one that"):
            UnsplashSource(tmp_path / "photos.tsv000")


# In a library


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A data set whose pictures are files beside it."""
    folder = tmp_path / "lite"
    unsplash_like.write(folder, 6, base_url="pictures")
    colours = ["red", "crimson", "tomato", "blue", "navy", "green"]
    for number, colour in enumerate(colours):
        picture = paint(folder / "pictures" / f"{number}.png", colour)
        picture.rename(folder / "pictures" / f"photo-{number}")
    return folder


def counts(library: vistazo.Library) -> dict[str, int]:
    return {
        name: library.sql(f"SELECT count() AS n FROM {name}").to_pylist()[0]["n"]
        for name in ("photos", "conversions", "keywords", "collections", "colors")
    }


def test_a_data_set_whole(library: vistazo.Library, dataset: Path, encoder: ColourEncoder) -> None:
    report = library.index(f"unsplash:{dataset}", encoder=encoder)
    assert (report.added, report.failed) == (6, 0)
    assert {name: load.rows for name, load in report.loads.items()} == {
        "conversions.tsv000": 40,
        "keywords.tsv000": 18,
        "collections.tsv000": 6,
        "colors.tsv000": 6,
    }
    elsewhere = report.loads["conversions.tsv000"].unknown_photos
    log = "SELECT countIf(photo_id = 'elsewhere00') AS n FROM conversions"
    assert library.sql(log).to_pylist() == [{"n": elsewhere}]
    assert elsewhere > 0
    assert counts(library) == {
        "photos": 6,
        "conversions": 40,
        "keywords": 18,
        "collections": 6,
        "colors": 6,
    }
    hit = library.search("red", k=1)[0]
    assert (hit.uri, hit.width) == (str(dataset / "pictures" / "photo-0"), 3000)
    assert library.sql(
        "SELECT keyword, ai_service_1_confidence AS a, ai_service_2_confidence AS b,"
        " suggested_by_user AS s FROM keywords WHERE photo_id = {id:String} ORDER BY keyword",
        {"id": hit.photo_id},
    ).to_pylist() == [
        {"keyword": "bee", "a": 22.59, "b": 70.1, "s": False},
        {"keyword": "honey", "a": 22.59, "b": 70.1, "s": False},
        {"keyword": "sea", "a": 22.59, "b": 70.1, "s": False},
    ]
    (color,) = library.sql("SELECT * EXCEPT (load_id, photo_id) FROM colors LIMIT 1").to_pylist()
    assert color == {
        "hex": "E8E9EB",
        "red": 232,
        "green": 233,
        "blue": 235,
        "keyword": "platinum",
        "coverage": 0.21,
        "score": 0.0067,
    }
    (row,) = library.sql(
        "SELECT collection_title, toString(photo_collected_at) AS at FROM collections LIMIT 1"
    ).to_pylist()
    assert row == {"collection_title": 'Wood "and" stone', "at": "2019-03-01 12:00:00.000"}

    again = library.index(f"unsplash:{dataset}", encoder=encoder)
    assert (again.unchanged, again.added) == (6, 0)
    assert {load.state for load in again.loads.values()} == {"unchanged"}
    assert counts(library)["keywords"] == 18
    assert library.stats().sources == {f"unsplash:{dataset}": 6}

    text = (dataset / "keywords.tsv000").read_text()
    (dataset / "keywords.tsv000").write_text(text + f"{hit.photo_id}\tnew\tnan\tx\ttrue\nbad\n")
    changed = library.index(f"unsplash:{dataset}", encoder=encoder).loads["keywords.tsv000"]
    assert (changed.rows, changed.replaced, changed.rejected) == (19, 18, 1)
    assert counts(library)["keywords"] == 19
    assert library.sql(
        "SELECT ai_service_1_confidence AS a, ai_service_2_confidence AS b, suggested_by_user AS s"
        " FROM keywords WHERE keyword = 'new'"
    ).to_pylist() == [{"a": None, "b": None, "s": True}]


def test_limit_and_photos_only(
    library: vistazo.Library, dataset: Path, encoder: ColourEncoder
) -> None:
    report = library.index(f"unsplash:{dataset}", encoder=encoder, limit=2, photos_only=True)
    assert (report.added, report.loads) == (2, {})
    assert counts(library) == {
        "photos": 2,
        "conversions": 0,
        "keywords": 0,
        "collections": 0,
        "colors": 0,
    }
    assert library.index(f"unsplash:{dataset}", limit=4).added == 2
    assert counts(library)["conversions"] == 40
    for limit in (0, -1, 1.5):
        with pytest.raises(vistazo.VistazoError, match="limit must be a whole number from 1"):
            library.index(f"unsplash:{dataset}", limit=limit)  # type: ignore[arg-type]


def test_a_limited_run_forgets_no_failure(
    library: vistazo.Library, dataset: Path, encoder: ColourEncoder
) -> None:
    (dataset / "pictures" / "photo-5").unlink()
    assert library.index(f"unsplash:{dataset}", encoder=encoder).failures == {"missing": 1}
    assert library.index(f"unsplash:{dataset}", limit=1).failures == {}
    assert [failure.code for failure in library.failures()] == ["missing"]


def test_bad_lines_are_failures_and_the_run_goes_on(
    library: vistazo.Library, dataset: Path, encoder: ColourEncoder
) -> None:
    path = dataset / "photos.tsv001"
    whole = path.read_text()
    path.write_text(whole + "too\tfew\n")
    report = library.index(f"unsplash:{dataset}", encoder=encoder)
    assert (report.added, report.failures) == (6, {"bad-row": 1})
    (failure,) = library.failures()
    assert failure.uri == str(path)
    assert failure.message.startswith("line 6 of photos.tsv001 has 2 fields")
    path.write_text(whole)
    assert library.index(f"unsplash:{dataset}", encoder=encoder).failures == {}
    assert library.failures() == []


def test_a_damaged_table_is_said_after_the_others_have_been_loaded(
    library: vistazo.Library, dataset: Path, encoder: ColourEncoder
) -> None:
    (dataset / "conversions.tsv000").write_text("who\twhat\n1\t2\n")
    with pytest.raises(SourceError, match="has no column photo_id; a conversions file names"):
        library.index(f"unsplash:{dataset}", encoder=encoder)
    assert counts(library) == {
        "photos": 6,
        "conversions": 0,
        "keywords": 18,
        "collections": 6,
        "colors": 6,
    }

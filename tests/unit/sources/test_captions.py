from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from vistazo.errors import SourceError
from vistazo.records import Metadata
from vistazo.sources.captions import NO_CAPTION, Caption, CaptionsTable
from vistazo.sources.folder import FolderSource


def table(folder: Path, text: str | bytes, name: str = "captions.tsv") -> CaptionsTable:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    found = CaptionsTable.in_folder(str(folder))
    assert found is not None
    return found


def row(folder: Path, header: str, cells: str) -> Caption:
    return table(folder, f"file,{header}\na.jpg,{cells}\n", "captions.csv").caption("a.jpg")


def test_columns_become_metadata_and_the_rest_attributes(tmp_path: Path) -> None:
    caption = table(
        tmp_path,
        "photo_id\tfile\twidth\theight\tcaption_en\tcaption_es\tauthor\tlicence\torigin\n"
        "x1\timages/x1.jpg\t8\t6\tA bridge\tUn puente\tAna\tCC0\t\n",
    ).caption("images/x1.jpg")
    assert caption.photo_id == "x1"
    assert caption.metadata == Metadata(
        description="A bridge",
        photographer="Ana",
        attributes={"caption_es": "Un puente", "licence": "CC0"},
    )
    assert list(caption.metadata.attributes) == ["caption_es", "licence"]


@pytest.mark.parametrize(
    ("header", "cells", "description", "attributes"),
    [
        ("caption,description", "two,one", "one", {"caption": "two"}),
        ("caption_fr,caption_de", "deux,zwei", "zwei", {"caption_fr": "deux"}),
        ("caption_en,caption_es", ",dos", "dos", {}),
        ("category", "animals", "", {"category": "animals"}),
        (" Caption , Mood ", " hi , calm ", "hi", {"Mood": "calm"}),
    ],
)
def test_the_description_is_the_first_that_is_there(
    tmp_path: Path, header: str, cells: str, description: str, attributes: dict[str, str]
) -> None:
    metadata = row(tmp_path, header, cells).metadata
    assert (metadata.description, metadata.attributes) == (description, attributes)


def test_place_camera_and_time(tmp_path: Path) -> None:
    metadata = row(
        tmp_path, "location,camera,date,photographer", "Lima,Leica M6,2019-05-04T10:11:12+02:00,Bo"
    ).metadata
    assert metadata == Metadata(
        photographer="Bo",
        camera="Leica M6",
        place="Lima",
        taken_at=dt.datetime(2019, 5, 4, 10, 11, 12),
    )


@pytest.mark.parametrize("text", ["last summer", "1850-01-01", "2019-02-30"])
def test_a_date_that_is_none_stays_an_attribute(tmp_path: Path, text: str) -> None:
    metadata = row(tmp_path, "taken_at", text).metadata
    assert (metadata.taken_at, metadata.attributes) == (None, {"taken_at": text})


def test_coordinates(tmp_path: Path) -> None:
    metadata = row(tmp_path, "lat,lng", "-33.86,151.2").metadata
    assert (metadata.latitude, metadata.longitude) == (-33.86, 151.2)
    assert metadata.attributes == {}


@pytest.mark.parametrize("cells", ["91,10", "10,nan", "10,", "inf,3", "north,3"])
def test_coordinates_that_are_none_stay_attributes(tmp_path: Path, cells: str) -> None:
    metadata = row(tmp_path, "lat,lon", cells).metadata
    assert (metadata.latitude, metadata.longitude) == (None, None)
    kept = {k: v for k, v in zip(("lat", "lon"), cells.split(","), strict=True) if v}
    assert metadata.attributes == kept


def test_a_table_without_file_matches_the_stem(tmp_path: Path) -> None:
    found = table(tmp_path, "photo_id\tcaption\nabc\tA cat\n")
    assert found.caption("deep/er/abc.JPG").metadata.description == "A cat"
    assert found.caption("abc.webp").photo_id == "abc"
    assert found.caption("abd.webp") is NO_CAPTION


def test_byte_order_mark_and_windows_line_ends_and_back_slashes(tmp_path: Path) -> None:
    found = table(tmp_path, b"\xef\xbb\xbffile\tcaption\r\nsub\\a.jpg\tHi\r\n.\\b.jpg\tHo\r\n")
    assert found.caption("sub/a.jpg").metadata.description == "Hi"
    assert found.caption("b.jpg").metadata.description == "Ho"


def test_a_back_slash_in_a_file_name_is_found_too(tmp_path: Path) -> None:
    found = table(tmp_path, "file\tcaption\nodd\\name.jpg\tHi\n")
    assert found.caption("odd\\name.jpg").metadata.description == "Hi"


def test_accents_match_however_they_are_composed(tmp_path: Path) -> None:
    found = table(tmp_path, "file\tcaption\ncaf\u00e9.jpg\tCoffee\n")
    assert found.caption("cafe\u0301.jpg").metadata.description == "Coffee"


def test_quoted_cells_hold_delimiters_quotes_and_lines(tmp_path: Path) -> None:
    text = 'file,caption,note\n"a, b.jpg","He said ""hi""","one\ntwo"\n'
    metadata = table(tmp_path, text, "captions.csv").caption("a, b.jpg").metadata
    assert metadata.description == 'He said "hi"'
    assert metadata.attributes == {"note": "one\ntwo"}


def test_ragged_and_repeated_rows(tmp_path: Path) -> None:
    found = table(
        tmp_path, "file\tcaption\tmood\na.jpg\tfirst\n\na.jpg\tagain\nb.jpg\tb\tcalm\tmore\n"
    )
    assert found.caption("a.jpg").metadata == Metadata(description="first")
    assert found.caption("b.jpg").metadata.attributes == {"mood": "calm"}


def test_a_repeated_column_keeps_its_first_cell(tmp_path: Path) -> None:
    assert row(tmp_path, "mood,mood", "calm,wild").metadata.attributes == {"mood": "calm"}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("captions.tsv", b"name\tcaption\na\tb\n", "no column `file` or `photo_id`"),
        ("captions.tsv", b"file,caption\na.jpg,Hi\n", "separate the columns by tabs"),
        ("captions.csv", b"file;caption\na.jpg;Hi\n", "separate the columns by commas"),
        ("captions.csv", b"", "no column `file` or `photo_id`"),
        ("captions.csv", b"file,caption\na.jpg,caf\xe9\n", r"not UTF-8 \(byte 22\); save it again"),
        ("captions.csv", b'file\n"' + b"x" * 200_000, "stray quote mark"),
    ],
)
def test_a_table_that_cannot_be_read_names_file_and_remedy(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        list(FolderSource(tmp_path).items())
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_nearest_table_applies(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("own/a.jpg", "none/deep/b.jpg", "c.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    outer = (
        "file\tcaption\nroot/c.jpg\tparent c\nroot/none/deep/b.jpg\tparent b\nroot/own/a.jpg\tno\n"
    )
    table(tmp_path, outer)
    table(root / "own", "file,caption\na.jpg,own a\n", "captions.csv")
    said = {item.name: item.metadata.description for item in FolderSource(root).items()}
    assert said == {"c.jpg": "parent c", "none/deep/b.jpg": "parent b", "own/a.jpg": "own a"}
    table(root, "file\tcaption\nc.jpg\troot c\n")
    said = {item.name: item.metadata.description for item in FolderSource(root).items()}
    assert said == {"c.jpg": "root c", "none/deep/b.jpg": "", "own/a.jpg": "own a"}


def test_tsv_goes_before_csv_and_a_folder_of_that_name_is_none(tmp_path: Path) -> None:
    table(tmp_path, "file,caption\na.jpg,csv\n", "captions.csv")
    assert (
        table(tmp_path, "file\tcaption\na.jpg\ttsv\n").caption("a.jpg").metadata.description
        == "tsv"
    )
    (tmp_path / "x" / "captions.tsv").mkdir(parents=True)
    assert CaptionsTable.in_folder(str(tmp_path / "x")) is None


def test_the_signature_ignores_how_columns_are_ordered(tmp_path: Path) -> None:
    one = row(tmp_path, "mood,caption", "calm,Hi").signature
    assert row(tmp_path, "caption,mood", "Hi,calm").signature == one
    assert row(tmp_path, "caption,mood", "Ho,calm").signature != one

"""Lists of addresses in their three forms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import vistazo
from conftest import paint
from fakes import ColourEncoder
from vistazo.errors import FetchError, SourceError
from vistazo.records import url_of
from vistazo.sources.base import Item, hashed_id
from vistazo.sources.urls import UrlsSource


def listed(folder: Path, text: str, name: str = "list.txt") -> list[Item]:
    (folder / name).write_text(text, "utf-8")
    return list(UrlsSource(folder / name).items())


def problems(found: list[Item]) -> list[str]:
    return [str(item.problem) for item in found if item.problem]


def test_plain_text(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        "\ufeff# my list\r\n\r\nhttps://a.invalid/1.jpg?w=1,2\r\n  HTTP://a.invalid/two words \r\n"
        "#https://a.invalid/3.jpg\r\nhttps://a.invalid/1.jpg?w=1,2\r\n",
    )
    assert [item.url for item in found] == [
        "https://a.invalid/1.jpg?w=1,2",
        "http://a.invalid/two words",
    ]
    assert {item.photo_id for item in found} == {""}
    assert [item.name for item in found] == [item.url for item in found]


def test_paths_are_relative_to_the_list(tmp_path: Path) -> None:
    folder = tmp_path / "été"
    (folder / "sub").mkdir(parents=True)
    found = listed(
        folder, f"sub/a b.jpg\n./sub/../c.jpg\n../up.jpg\n/abs.jpg\nfile://{tmp_path}/d%20e.jpg\n"
    )
    assert [item.url for item in found] == [
        url_of(folder / "sub" / "a b.jpg"),
        url_of(folder / "c.jpg"),
        url_of(tmp_path / "up.jpg"),
        "file:///abs.jpg",
        url_of(tmp_path / "d e.jpg"),
    ]
    # As if the folder itself were indexed, wherever it lies.
    assert [item.name for item in found[:2]] == ["sub/a b.jpg", "c.jpg"]


@pytest.mark.parametrize("column", ["url", "image_url", "photo_image_url", "URL"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_tables(tmp_path: Path, column: str, delimiter: str) -> None:
    lines = [
        ["photo_id", column, "caption", "Licence", "author", "taken_at", "lat", "lon"],
        ["p1", "https://a.invalid/1", '"a, ""b""; c"', "CC0", "Ana", "2019-05-31", "1.5", "-2"],
        ["", "https://a.invalid/2", '"two\nlines"', "", "", "", "", ""],
    ]
    text = "".join(delimiter.join(line) + "\n" for line in lines)
    one, two = listed(tmp_path, text, "list.any")
    assert (one.photo_id, one.url) == ("p1", "https://a.invalid/1")
    assert one.metadata.description == 'a, "b"; c'
    assert one.metadata.photographer == "Ana"
    assert str(one.metadata.taken_at) == "2019-05-31 00:00:00"
    assert (one.metadata.latitude, one.metadata.longitude) == (1.5, -2)
    assert one.metadata.attributes == {"Licence": "CC0"}
    assert (two.photo_id, two.metadata.description) == ("", "two\nlines")


def test_json_lines(tmp_path: Path) -> None:
    one, two = listed(
        tmp_path,
        '{"photo_id": 7, "url": "https://a.invalid/1", "caption": "Ü", "n": 1.5, "t": ["a"]}\n\n'
        '{"image_url": "https://a.invalid/2", "caption": null, "width": 40, "height": 30}\n',
        "list.jsonl",
    )
    assert (one.photo_id, one.metadata.description) == ("7", "Ü")
    assert one.metadata.attributes == {"n": "1.5", "t": '["a"]'}
    assert (two.url, two.metadata.description, two.width) == ("https://a.invalid/2", "", 40)


def test_bad_lines(tmp_path: Path) -> None:
    found = listed(tmp_path, "ftp://a.invalid/1\ndata:image/png;base64,xx\nhttp://[\nhttp://a\x07b")
    assert [item.problem.code for item in found if item.problem] == ["bad-row"] * 4
    assert problems(found)[:2] == [
        "line 1 of list.txt has an address that is neither http(s) nor a file: ftp://a.invalid/1",
        "line 2 of list.txt has an address that is neither http(s) nor a file:"
        " data:image/png;base64,xx",
    ]
    assert problems(found)[3] == r"line 4 of list.txt has an address that cannot be: http://a\x07b"
    found = listed(
        tmp_path,
        '{"url": "https://a.invalid/1"}\n{"url": \n[1]\n{"uri": "x"}\n{"url": {}}\n',
        "list.jsonl",
    )
    assert problems(found) == [
        "line 2 of list.jsonl is not valid JSON",
        "line 3 of list.jsonl is not a JSON object",
        "line 4 of list.jsonl has no address",
    ]
    found = listed(tmp_path, "url,caption\nhttps://a.invalid/1,a,b\n,c\n", "list.csv")
    assert problems(found) == [
        "line 2 of list.csv has 3 fields, and the first line names 2",
        "line 3 of list.csv has no address",
    ]


def test_twice(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        "url,photo_id\nhttps://a.invalid/1,p\nhttps://a.invalid/2,p\nhttps://a.invalid/1,q\n"
        "https://a.invalid/3,\nhttps://a.invalid/3,\n",
        "list.csv",
    )
    codes = [item.problem.code if item.problem else "" for item in found]
    assert codes == ["", "duplicate-id", "duplicate-id", ""]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "link,caption\nx,y\n", r"list\.csv has no column url or image_url or"),
        ("list.txt", "# nothing\n", "there is no address in"),
        ("list.csv", "url\n", "there is no address in"),
        ("list.txt", "", "is empty"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        listed(tmp_path, text, name)


def test_a_csv_without_header(tmp_path: Path) -> None:
    found = listed(tmp_path, "https://a.invalid/1\nhttps://a.invalid/2\n", "list.csv")
    assert [item.url for item in found] == ["https://a.invalid/1", "https://a.invalid/2"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; check the path"):
        UrlsSource(tmp_path / "none")
    with pytest.raises(SourceError, match="is a folder; give the list of addresses in it"):
        UrlsSource(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is not a regular file"):
        UrlsSource(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff" * (17 << 20))
    with pytest.raises(SourceError, match="it is not made of lines of text"):
        UrlsSource(tmp_path / "binary")


def test_a_web_address_is_not_read(tmp_path: Path) -> None:
    (item,) = listed(tmp_path, "https://a.invalid/1")
    with pytest.raises(FetchError, match="is a web address"):
        UrlsSource(tmp_path / "list.txt").read(item)


def test_in_a_library(
    library: vistazo.Library, pictures: Path, tmp_path: Path, encoder: ColourEncoder
) -> None:
    path = tmp_path / "list.csv"
    rows = [
        "url,photo_id,caption",
        "pictures/a/red.jpg,r,Red!",
        "pictures/b/navy.jpg,,",
        "no.jpg,,",
    ]
    path.write_text("\n".join(rows))
    report = library.index(f"urls:{path}", encoder=encoder)
    assert (report.added, report.failures) == (2, {"missing": 1})
    (hit,) = library.search("red", k=1)
    assert (hit.photo_id, hit.description) == ("r", "Red!")
    assert library.photo(hashed_id("pictures/b/navy.jpg")).width == 48
    assert library.index(f"urls:{path}", encoder=encoder).unchanged == 2
    paint(pictures / "b/navy.jpg", "green", (90, 90))
    assert library.index(f"urls:{path}", encoder=encoder).updated == 1
    assert library.photo(hashed_id("pictures/b/navy.jpg")).width == 90


def test_a_plain_path_wins(library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder,
                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("urls:x", "unsplash:x", "parquet:x", "hf:a"):
        paint(tmp_path / name / "red.png", "red")
        assert library.index(name, encoder=encoder).failed == 0
    with pytest.raises(SourceError, match="the folder hg:x does not exist"):
        library.index("hg:x")
    with pytest.raises(SourceError, match="the folder urls: does not exist"):
        library.index("urls:")

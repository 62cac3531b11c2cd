"""A library as Parquet files in the published schema."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vistazo
from conftest import paint
from fakes import DIM, ColourEncoder
from vistazo.datasets import rows
from vistazo.datasets.build import BuildPlan, BuildReport
from vistazo.errors import DatasetError, UsageError
from vistazo.records import url_of
from vistazo.sources.base import Item
from vistazo.sources.folder import FolderSource

ALL = BuildPlan(limit=0)
LOG = """photo_id\tkeyword\tconverted_at
red\tfire\t2024-01-01 00:00:00
red\tfire\t2024-01-02 00:00:00
red\tángel\t2024-01-02 00:00:00
bad\tnothing\t2024-01-02 00:00:00
blue\tsea\t2024-01-02 00:00:00
elsewhere\tsea\t2024-01-02 00:00:00
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good pictures and, between them in the walk's order, a bad one."""
    folder = tmp_path / "pictures"
    for name in ("a", "c", "d"):
        paint(folder / f"{name}.png", {"a": "red", "c": "green", "d": "blue"}[name])
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "captions.csv").write_text(
        "file,photo_id,licence\na.png,red,CC0-1.0\nb.png,bad,MIT\nc.png,green,CC0-1.0\nd.png,blue,\n"
    )
    return folder


@pytest.fixture
def filled(
    library: vistazo.Library, folder: Path, encoder: ColourEncoder, tmp_path: Path
) -> vistazo.Library:
    library.index(folder, encoder=encoder)
    (tmp_path / "log.tsv").write_text(LOG)
    library.load_conversions(tmp_path / "log.tsv")
    return library


def tables(out: Path) -> tuple[pa.Table, pa.Table]:
    return pq.read_table(out / "photos.parquet"), pq.read_table(out / "conversions.parquet")


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_the_schema_is_the_published_one(
    filled: vistazo.Library, folder: Path, tmp_path: Path
) -> None:
    filled.build_dataset(folder, tmp_path / "out")
    photos, conversions = tables(tmp_path / "out")
    assert [(f.name, f.type) for f in photos.schema] == [
        ("id", pa.int64()),
        ("photo_id", pa.string()),
        ("photo_image_url", pa.string()),
        ("photo_embed", pa.list_(pa.float32())),
    ]
    assert [(f.name, f.type) for f in conversions.schema] == [
        ("id", pa.int64()),
        ("photo_id", pa.string()),
        ("keyword", pa.string()),
    ]
    assert set(photos.schema.metadata) == {b"vistazo.encoder"}
    assert json.loads(photos.schema.metadata[b"vistazo.encoder"]) == {
        "name": "colours",
        "dim": DIM,
        "checksum": "c0105",
    }
    assert names(tmp_path / "out") == ["README.md", "conversions.parquet", "photos.parquet"]


def test_the_rows_are_the_librarys(filled: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    report = filled.build_dataset(folder, tmp_path / "out")
    photos, conversions = tables(tmp_path / "out")
    # In the order of the walk; the failed picture's place stays empty, as in the walk-through.
    assert photos["id"].to_pylist() == [0, 2, 3]
    assert photos["photo_id"].to_pylist() == ["red", "green", "blue"]
    assert photos["photo_image_url"].to_pylist() == [
        url_of(folder / f"{name}.png") for name in "acd"
    ]
    stored = filled.sql("SELECT photo_id, photo_embed FROM photos").to_pylist()
    vectors = {row["photo_id"]: row["photo_embed"] for row in stored}
    for row in photos.to_pylist():
        assert row["photo_embed"] == vectors[row["photo_id"]]
        assert len(row["photo_embed"]) == DIM
    assert conversions.to_pylist() == [
        {"id": 0, "photo_id": "blue", "keyword": "sea"},
        {"id": 1, "photo_id": "red", "keyword": "fire"},
        {"id": 2, "photo_id": "red", "keyword": "fire"},
        {"id": 3, "photo_id": "red", "keyword": "ángel"},
    ]
    assert report == BuildReport(
        out=str(tmp_path / "out"),
        pictures=4,
        photos=3,
        local=3,
        conversions=4,
        conversions_dropped=2,
        encoder=ColourEncoder().spec,
        licences={"CC0-1.0": 2, "": 1},
        failures={"not-an-image": 1},
    )
    assert report.failed == 1


def test_a_photo_that_went_bad_is_dropped(
    filled: vistazo.Library, folder: Path, tmp_path: Path
) -> None:
    (folder / "c.png").write_bytes(b"")
    filled.index(folder)
    report = filled.build_dataset(folder, tmp_path / "out")
    assert tables(tmp_path / "out")[0]["photo_id"].to_pylist() == ["red", "blue"]
    assert report.failures == {"not-an-image": 1, "empty": 1}


def test_a_picture_that_was_never_indexed_is_told(
    filled: vistazo.Library, folder: Path, tmp_path: Path
) -> None:
    paint(folder / "e.png", "white")
    report = filled.build_dataset(folder, tmp_path / "out")
    assert report.failures == {"not-an-image": 1, "not-indexed": 1}


@pytest.mark.parametrize(
    ("limit", "ids"), [(1, [0]), (2, [0]), (3, [0, 2]), (0, [0, 2, 3]), (1000, [0, 2, 3])]
)
def test_the_limit_counts_pictures_of_the_source(
    filled: vistazo.Library, folder: Path, tmp_path: Path, limit: int, ids: list[int]
) -> None:
    report = filled.build_dataset(folder, tmp_path / "out", BuildPlan(limit=limit))
    assert tables(tmp_path / "out")[0]["id"].to_pylist() == ids
    assert report.pictures == min(limit or 4, 4)


def test_only_the_sources_photos(filled: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    other = paint(tmp_path / "other" / "gold.png", "gold").parent
    filled.index(other)
    filled.build_dataset(other, tmp_path / "out")
    photos, conversions = tables(tmp_path / "out")
    assert photos["photo_image_url"].to_pylist() == [url_of(other / "gold.png")]
    assert conversions.num_rows == 0


class WebSource:
    """Pictures under web addresses that come with their vectors, one of them named twice."""

    name = "https://pictures.example.org"

    def items(self) -> Iterator[Item]:
        vector = ColourEncoder().encode_texts(["red"])[0]
        for name in ("d", "a", "d"):
            url = f"{self.name}/{name}.png?w=200"
            yield Item(url, name, photo_id=f"web {name}/1", embedding=vector)

    def read(self, item: Item) -> bytes:
        raise AssertionError(item)


def test_addresses(filled: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    plan = BuildPlan(image_base_url="https://photos.example.org/mine/")
    assert plan.image_base_url.endswith("/")
    report = filled.build_dataset(folder, tmp_path / "out", plan)
    assert tables(tmp_path / "out")[0]["photo_image_url"].to_pylist() == [
        f"https://photos.example.org/mine/images/{name}" for name in ("red", "green", "blue")
    ]
    assert report.local == 0
    web = WebSource()
    filled.index(web)
    filled.build_dataset(web, tmp_path / "web", plan)
    photos = tables(tmp_path / "web")[0]
    assert photos["photo_id"].to_pylist() == ["web d/1", "web a/1"]
    assert photos["photo_image_url"].to_pylist() == [
        "https://pictures.example.org/d.png?w=200",
        "https://pictures.example.org/a.png?w=200",
    ]


def test_ids_are_quoted_in_addresses(
    library: vistazo.Library, folder: Path, encoder: ColourEncoder, tmp_path: Path
) -> None:
    (folder / "captions.csv").write_text("file,photo_id\na.png,one/two three?\n")
    library.index(folder, encoder=encoder)
    library.build_dataset(folder, tmp_path / "out", BuildPlan(1, "http://127.0.0.1:8080"))
    (url,) = tables(tmp_path / "out")[0]["photo_image_url"].to_pylist()
    assert url == "http://127.0.0.1:8080/images/one%2Ftwo%20three%3F"


@pytest.mark.parametrize(
    "url", ["photos.example.org", "ftp://example.org", "http://", "http://a/?q=1", "http://[1", "-"]
)
def test_base_urls_that_cannot_be(url: str) -> None:
    with pytest.raises(UsageError, match="web address such as https://photos.example.org"):
        BuildPlan(image_base_url=url)


def test_a_limit_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="--limit must be 0"):
        BuildPlan(limit=-1)


def test_two_builds_are_the_same_bytes(
    filled: vistazo.Library, folder: Path, tmp_path: Path
) -> None:
    for out in ("one", "two"):
        filled.build_dataset(folder, tmp_path / out)
        filled.sql("OPTIMIZE TABLE photos FINAL", write=True)
    for file in names(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_conversions_of_some_files(filled: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    more = tmp_path / "logs" / "more.tsv"
    more.write_text("photo_id\tkeyword\ngreen\tgrass\nnobody\tx\n")
    filled.load_conversions(more)
    every = filled.build_dataset(folder, tmp_path / "every")
    assert (every.conversions, every.conversions_dropped) == (5, 3)
    for files in ([more], [tmp_path / "logs"], [os.path.relpath(more)]):
        report = filled.build_dataset(folder, tmp_path / "some", BuildPlan(conversions=files))
        assert tables(tmp_path / "some")[1].to_pylist() == [
            {"id": 0, "photo_id": "green", "keyword": "grass"}
        ]
        assert (report.conversions, report.conversions_dropped) == (1, 1)


def test_many_row_groups(
    library: vistazo.Library,
    pictures: Path,
    encoder: ColourEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library.index(pictures, encoder=encoder)
    library.sql(
        "INSERT INTO conversions (id, photo_id, keyword)"
        " SELECT n.number, photo_id, concat('k', toString(n.number % 3)) FROM photos, numbers(40) AS n"
        " WHERE n.number < photos.size_bytes % 40",
        write=True,
    )
    monkeypatch.setattr(rows, "_PHOTO_ROWS", 5)
    monkeypatch.setattr(rows, "_CONVERSION_ROWS", 7)
    monkeypatch.setattr(rows, "_COUNTED_PHOTOS", 2)
    library.build_dataset(pictures, tmp_path / "out", ALL)
    photos, conversions = tables(tmp_path / "out")
    order = [item.url for item in FolderSource(pictures).items()]
    assert photos["photo_image_url"].to_pylist() == order
    assert photos["id"].to_pylist() == list(range(12))
    stored = library.sql(
        "SELECT row_number() OVER (ORDER BY photo_id, keyword) - 1 AS id, photo_id, keyword"
        " FROM conversions ORDER BY id"
    )
    assert stored.num_rows > 50
    assert conversions.to_pylist() == stored.to_pylist()
    groups = pq.ParquetFile(tmp_path / "out" / "conversions.parquet").metadata
    sizes = [groups.row_group(n).num_rows for n in range(groups.num_row_groups)]
    assert set(sizes[:-1]) == {7}
    assert pq.ParquetFile(tmp_path / "out" / "photos.parquet").metadata.num_row_groups == 3


def test_nothing_to_build(
    library: vistazo.Library, filled: vistazo.Library, folder: Path, tmp_path: Path
) -> None:
    filled.build_dataset(folder, tmp_path / "out")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")}
    other = paint(tmp_path / "other" / "gold.png", "gold").parent
    with pytest.raises(DatasetError, match="none of the pictures of .*/other is in the library"):
        filled.build_dataset(other, tmp_path / "out")
    after = {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")}
    assert after == before


def test_an_empty_library(library: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing to build"):
        library.build_dataset(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_out_that_cannot_be(filled: vistazo.Library, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DatasetError, match="cannot be written to .*/out .*give another --out"):
        filled.build_dataset(folder, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file"


KILLED = """
import os, signal, sys
import vistazo
from vistazo.datasets.build import BuildPlan
from vistazo.datasets import build, rows

def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

place, name = sys.argv[4].split(".")
setattr({"rows": rows.ConversionRows, "build": build}[place], name, kill)
with vistazo.open(sys.argv[1]) as library:
    library.build_dataset(sys.argv[2], sys.argv[3], BuildPlan(limit=2))
"""


@pytest.mark.parametrize("place", ["rows.write", "rows.total", "build.card"])
def test_kill_9_leaves_no_half_files(
    folder: Path, tmp_path: Path, encoder: ColourEncoder, place: str
) -> None:
    out, library = tmp_path / "out", tmp_path / "library"

    def killed() -> None:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(library), str(folder), str(out), place],
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr

    with vistazo.open(library) as opened:
        opened.index(folder, encoder=encoder)
    killed()
    assert [name for name in names(out) if not name.endswith(".part")] == []
    with vistazo.open(library) as opened:
        opened.build_dataset(folder, out)
    whole = {name: (out / name).read_bytes() for name in names(out)}
    assert set(whole) == {"README.md", "conversions.parquet", "photos.parquet"}
    killed()
    assert {name: (out / name).read_bytes() for name in whole} == whole

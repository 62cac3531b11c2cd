"""`vistazo dataset build` as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from conftest import paint
from e2e.cli import error_of, run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good pictures, a bad one, and a log of downloads."""
    home = tmp_path_factory.mktemp("home")
    for name in ("red", "blue"):
        paint(home / "pictures" / f"{name}.png", name)
    (home / "pictures" / "bad.png").write_bytes(b"")
    (home / "pictures" / "captions.csv").write_text("photo_id\nred\nblue\nbad\n")
    (home / "log.tsv").write_text("photo_id\tkeyword\nred\tfire\nblue\tsea\nnobody\tx\nbad\ty\n")
    return home


def test_build(home: Path) -> None:
    command = ("dataset", "build", "pictures", "--conversions", "log.tsv", "--out", "one")
    result = run(*command, cwd=home)
    assert result.returncode == 3
    assert result.stdout == "2 photos and 2 conversions in one\n       1  empty\n"
    notes = [line.removeprefix("note: ") for line in result.stderr.splitlines()]
    assert notes[0].startswith("encoder: offline")
    assert notes[1:] == [
        "1 of 3 pictures failed and are left out",
        "2 conversions of other photos are left out",
        "2 photos have the address of a file on this machine, which nobody else can open; give"
        " --image-base-url to change that",
    ]
    files = ("README.md", "conversions.parquet", "photos.parquet")
    assert sorted(path.name for path in (home / "one").iterdir()) == [".library", *files]
    before = {file: (home / "one" / file).read_bytes() for file in files}
    again = run(*command, "--json", cwd=home)
    assert again.returncode == 3
    assert json.loads(again.stdout) == {
        "out": "one",
        "pictures": 3,
        "photos": 2,
        "local": 2,
        "conversions": 2,
        "conversions_dropped": 2,
        "encoder": json.loads(
            pq.read_schema(home / "one/photos.parquet").metadata[b"vistazo.encoder"]
        ),
        "licences": {"": 2},
        "failures": {"empty": 1},
        "failed": 1,
    }
    assert "encoder:" not in again.stderr  # the library is the one of the first build
    assert {file: (home / "one" / file).read_bytes() for file in files} == before


def test_a_library_of_ones_own(home: Path) -> None:
    assert run("index", "pictures", "--db", "own", cwd=home).returncode == 3
    assert run("conversions", "load", "log.tsv", "--db", "own", cwd=home).returncode == 0
    result = run(
        *("dataset", "build", "pictures", "--out", "two", "--db", "own", "--limit", "2"),
        *("--image-base-url", "http://localhost:8080"),
        cwd=home,
    )
    assert result.stdout.startswith("1 photos and 1 conversions in two\n")
    assert not (home / "two" / ".library").exists()
    assert "address of a file" not in result.stderr
    (row,) = pq.read_table(home / "two" / "photos.parquet").to_pylist()
    assert row["photo_image_url"] == "http://localhost:8080/images/blue"
    assert pq.read_table(home / "two" / "conversions.parquet").to_pylist() == [
        {"id": 0, "photo_id": "blue", "keyword": "sea"}
    ]


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["nowhere"], 1, "nowhere"),
        (["pictures", "--limit", "-1"], 2, "--limit must be 0, which takes all, or more, not -1"),
        (["pictures", "--image-base-url", "here"], 2, "must be a web address such as https://"),
        (["pictures", "--encoder", "nothing"], 2, "nothing"),
    ],
)
def test_nothing_is_made_of_a_wrong_call(
    home: Path, options: list[str], code: int, text: str
) -> None:
    result = run("dataset", "build", *options, "--out", "wrong", cwd=home)
    assert text in error_of(result)
    assert result.returncode == code
    assert not (home / "wrong" / "photos.parquet").exists()


def test_a_log_that_is_not_there(home: Path) -> None:
    options = ("pictures", "--conversions", "no.tsv", "--out", "one")
    result = run("dataset", "build", *options, cwd=home)
    assert result.returncode == 1
    assert "no.tsv" in result.stderr


def test_publish_of_nothing(home: Path) -> None:
    result = run("dataset", "publish", "pictures", "owner/name", cwd=home)
    assert error_of(result) == (
        "there is no whole dataset in pictures: photos.parquet is missing or damaged."
        " Run: vistazo dataset build SOURCE --out DIR"
    )
    assert result.returncode == 1

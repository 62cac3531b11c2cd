"""Sources on the command line: what is said, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import unsplash_like
from conftest import paint
from e2e.cli import run


def test_unsplash(tmp_path: Path) -> None:
    folder = tmp_path / "lite"
    unsplash_like.write(folder, 3, base_url="pictures", parts=1)
    for number, colour in enumerate(("red", "green", "blue")):
        picture = paint(folder / "pictures" / f"{number}.png", colour)
        picture.rename(folder / "pictures" / f"photo-{number}")
    first = run("index", "unsplash:lite", "--limit", "2", "--db", "photos", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[1:] == [
        "40 rows of conversions.tsv000",
        "9 rows of keywords.tsv000",
        "3 rows of collections.tsv000",
        "3 rows of colors.tsv000",
    ]
    assert "of them are of photos that are not in the library" in first.stderr
    again = run("index", "unsplash:lite", "--photos-only", "--db", "photos", "--json", cwd=tmp_path)
    report = json.loads(again.stdout)
    assert (report["added"], report["unchanged"], report["loads"]) == (1, 2, {})
    stats = run("stats", "--db", "photos", cwd=tmp_path)
    assert f"unsplash:{folder}" in stats.stdout


def test_vectors_of_nobody_knows_whom_are_left_out_with_a_note(tmp_path: Path) -> None:
    paint(tmp_path / "red.png", "red")
    table = pa.table(
        {"photo_id": ["a"], "photo_image_url": ["red.png"], "photo_embed": [[1.0] + [0.0] * 511]}
    )
    pq.write_table(table, tmp_path / "photos.parquet")
    result = run("index", "parquet:photos.parquet", "--db", "one", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (
        "note: the embeddings of photos.parquet do not say which encoder made them"
        " (if you know, give --vectors-of NAME): they are left out,"
        " the pictures fetched and embedded"
    ) in result.stderr.splitlines()
    arguments = ("index", "parquet:photos.parquet", "--db", "two", "--vectors-of")
    result = run(*arguments, "offline", cwd=tmp_path)
    assert (result.returncode, "left out" in result.stderr) == (0, False)
    (row,) = json.loads(run("random", "--db", "two", "--json", cwd=tmp_path).stdout)
    assert (row["photo_id"], row["width"]) == ("a", 0)
    shown = run("search", "red", "--db", "two", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    result = run(*arguments, "clip", cwd=tmp_path)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        2,
        "error: the embeddings of photos.parquet are of 'clip'"
        " and the library's encoder is 'offline'",
    )


def test_sources_that_are_none_leave_no_library_behind(tmp_path: Path) -> None:
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "photos.tsv000").write_text("id\turl\n1\thttps://a.invalid\n")
    for source, message in {
        "unsplash:lite": "has no column photo_id",
        "unsplash:none": "the folder none does not exist",
        "urls:none.txt": "does not exist; check the path",
        "parquet:none": "does not exist; check the path",
        "hf:none": "names no data set; write hf:OWNER/DATASET",
    }.items():
        result = run("index", source, "--db", "photos", cwd=tmp_path)
        assert (result.returncode, result.stdout) == (1, ""), source
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    result = run("index", "lite", "--limit", "0", cwd=tmp_path)
    assert result.returncode == 2
    assert not (tmp_path / "photos").exists()

"""Searching as it is typed: sums, likes, copies, themes and the gate of an evaluation."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.cli import error_of, in_one_process, run

Run = Callable[..., subprocess.CompletedProcess[str]]
SAMPLE = Path(__file__).parents[2] / "sample" / "photos"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library `photos` of the first twelve photographs, and one of them again."""
    folder = tmp_path_factory.mktemp("home")
    lines = (SAMPLE / "captions.tsv").read_text("utf-8").splitlines()[:13]
    (folder / "pictures" / "images").mkdir(parents=True)
    for line in lines[1:]:
        shutil.copy(SAMPLE / line.split("\t")[1], folder / "pictures" / "images")
    first = lines[1].split("\t")[1]
    shutil.copy(SAMPLE / first, folder / "pictures" / "images" / "again.jpg")
    (folder / "pictures" / "captions.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "vistazo.toml").write_text('db = "photos"\nencoder = "offline"\n')
    assert run("index", "pictures", cwd=folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def run_there(home: Path) -> Iterator[Run]:
    with in_one_process(home) as run_there:
        yield run_there


def ids(run_there: Run, *arguments: str) -> list[str]:
    result = run_there("search", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return [hit["photo_id"] for hit in json.loads(result.stdout)]


def test_sums_pictures_and_copies(run_there: Run) -> None:
    picture = "./pictures/images/again.jpg"
    found = ids(run_there, picture, "-k", "3")
    assert len(found) == 3
    folded = ids(run_there, f"{picture} width:>100", "-k", "3", "--fold", "--diverse", "0.2")
    assert folded[0] == found[0]
    assert found[1] not in folded  # the same bytes
    liked = ids(run_there, "--like", found[2], "--dislike", found[0], "-k", "2")
    assert liked[0] == found[2]
    result = run_there("search", "./pictures/nothing.jpg", "+", "night")
    assert result.returncode == 2
    assert "nothing.jpg cannot be read: No such file" in error_of(result)


def test_duplicates(run_there: Run) -> None:
    result = run_there("duplicates")
    assert result.returncode == 0
    head, best, copy = (line.split("\t") for line in result.stdout.splitlines())
    assert head[:4] == ["group", "copy", "score", "bits"]
    assert (best[:2], copy[:4]) == (["1", "keep"], ["1", "exact", "1.000", "0"])
    assert "1 copies of 1 photos; nothing was removed" in result.stderr
    (group,) = json.loads(run_there("duplicates", "--exact", "--json").stdout)
    assert [each["kind"] for each in group["copies"]] == ["exact"]


def test_a_map(home: Path, run_there: Run) -> None:
    result = run_there("map", "--themes", "3", "--out", "map.json")
    assert result.returncode == 0
    made = json.loads((home / "map.json").read_text())
    assert sum(theme["photos"] for theme in made["themes"]) == len(made["places"]) == 13
    assert result.stdout.splitlines()[0] == "photos\ttheme\tsaid by\texample"
    assert run_there("map", "--out", "map.png").returncode == 0
    assert (home / "map.png").read_bytes().startswith(b"\x89PNG")
    result = run_there("map", "--themes", "0")
    assert (result.returncode, error_of(result)) == (
        2,
        "themes must be a whole number from 1 to 60, not 0",
    )
    result = run_there("map", "--out", "nowhere/map.json")
    assert (result.returncode, error_of(result)) == (
        2,
        "nowhere/map.json cannot be written (No such file or directory); give another --out",
    )


def test_an_evaluation_is_a_gate(home: Path, run_there: Run) -> None:
    table = "pictures/captions.tsv"
    result = run_there("eval", table, "--json")
    assert result.returncode == 0
    before = json.loads(result.stdout)
    assert (before["texts"], before["photos"], before["path"]) == (12, 12, "exact")
    assert before["model"]["name"] == "offline"
    (home / "before.json").write_text(result.stdout)
    same = run_there("eval", table, "--compare", "before.json")
    assert same.returncode == 0
    assert "no measure fell by more than 0.01" in same.stderr
    before["measures"]["image_retrieval"]["mrr"]["value"] = 1.5
    (home / "before.json").write_text(json.dumps(before))
    worse = run_there("eval", table, "--compare", "before.json")
    assert worse.returncode == 3
    assert "worse than before: image_retrieval mrr 1.500 -> " in worse.stderr
    other = run_there("eval", table, "--compare", "before.json", "--among", "library")
    assert other.returncode == 2
    assert "cannot be compared: among was set and is library" in error_of(other)

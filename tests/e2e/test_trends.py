"""`vistazo conversions top` and its sisters, as processes: lines, JSON, and bars on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

import vistazo
from conftest import paint
from e2e.cli import PROGRAM, error_of, run
from fakes import ColourEncoder

HEADER = "converted_at\tkeyword\tphoto_id\tconversion_country\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library `photos`: red and blue, downloaded 60 and 30 times."""
    folder = tmp_path_factory.mktemp("home")
    paint(folder / "pictures" / "red.png", "red")
    paint(folder / "pictures" / "blue.png", "blue")
    (folder / "pictures" / "captions.csv").write_text(
        "photo_id,file,description\nred,red.png,A red wall\nblue,blue.png,Blue sky\n"
    )
    lines = [
        *["2024-01-10 10:00:00.000\twalls\tred\tES\n"] * 20,
        *["2024-03-01 10:00:00.000\tfire\tred\t\n"] * 40,
        *["2024-01-09 10:00:00.000\tsky\tblue\tDE\n"] * 20,
        *["2024-03-02 10:00:00.000\tsky\tblue\tDE\n"] * 10,
    ]
    (folder / "log.tsv").write_text(HEADER + "".join(lines))
    with vistazo.open(folder / "photos", encoder=ColourEncoder()) as library:
        library.index(folder / "pictures")
        library.load_conversions(folder / "log.tsv")
    (folder / "vistazo.toml").write_text('db = "photos"\n')
    return folder


def lines_of(home: Path, *arguments: str) -> list[list[str]]:
    result = run("conversions", *arguments, cwd=home)
    assert (result.returncode, result.stderr) == (0, "")
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_lines(home: Path) -> None:
    assert lines_of(home, "top") == [
        ["downloads", "keyword"],
        ["40", "fire"],
        ["30", "sky"],
        ["20", "walls"],
    ]
    assert lines_of(home, "top", "--limit", "1")[1:] == [["40", "fire"]]
    assert lines_of(home, "countries") == [
        ["downloads", "country"],
        ["40", "(unknown)"],
        ["30", "DE"],
        ["20", "ES"],
    ]
    assert lines_of(home, "months") == [
        ["downloads", "month"],
        ["40", "2024-01"],
        ["0", "2024-02"],
        ["50", "2024-03"],
    ]
    assert lines_of(home, "mismatches") == [
        ["downloads", "searched for", "id", "described as"],
        ["40", "fire", "red", "A red wall"],
    ]
    (head, line) = lines_of(home, "rising", "--days", "31")
    assert head == ["growth", "downloads", "before", "share", "keyword"]
    assert line[1:] == ["40", "0", "80.00%", "fire"]
    assert re.fullmatch(r"x\d\.\d\d", line[0])


def test_only_what_is_like_a_photo(home: Path) -> None:
    assert lines_of(home, "top", "--similar", "red", "-k", "1")[1:] == [["30", "sky"]]
    assert lines_of(home, "months", "--similar", "blue")[1:][-1] == ["40", "2024-03"]
    filtered = ("countries", "--similar", "red", "--where", "file = nothing")
    result = run("conversions", *filtered, cwd=home)
    assert (result.returncode, result.stdout) == (0, "downloads\tcountry\n")
    assert result.stderr.startswith("note: nothing was downloaded; to load a log: ")


def test_json(home: Path) -> None:
    def found(*arguments: str) -> object:
        return json.loads(run("conversions", *arguments, "--json", cwd=home).stdout)

    assert found("top", "--limit", "1") == [{"keyword": "fire", "downloads": 40}]
    assert found("countries")[0] == {"country": "", "downloads": 40}  # type: ignore[index]
    assert found("months")[0] == {"month": "2024-01-01", "downloads": 40}  # type: ignore[index]
    assert found("rising", "--days", "2") == []
    (pair,) = found("mismatches")  # type: ignore[misc]
    assert pair.pop("uri").endswith("/pictures/red.png")  # type: ignore[has-type]
    assert pair == {  # type: ignore[has-type]
        "keyword": "fire",
        "photo_id": "red",
        "description": "A red wall",
        "downloads": 40,
    }


def test_nothing_rises_is_said(home: Path) -> None:
    result = run("conversions", "rising", "--days", "2", cwd=home)
    assert result.stderr == "note: no keyword has surely grown in 2 days; try more: --days 6\n"
    assert result.returncode == 0


def test_a_terminal_shows_bars(home: Path) -> None:
    reading, writing = pty.openpty()
    command = [*PROGRAM, "conversions", "top"]
    settings = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "VISTAZO_WAIT_S": "0.5"}
    done = subprocess.run(
        command,
        stdout=writing,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=home,
        env=os.environ | settings,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = os.read(reading, 100_000).decode()
    os.close(writing)
    os.close(reading)
    bars = {line.split()[-1]: line.split()[1] for line in shown.splitlines() if "█" in line}
    assert bars == {"fire": "█" * 20, "sky": "█" * 15, "walls": "█" * 10}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["top", "--limit", "0"], "limit must be a whole number from 1 to 100,000, not 0"),
        (["rising", "--days", "0"], "days must be a whole number from 1 to 3,650, not 0"),
        (
            ["top", "--for", "x", "--similar", "red"],
            "give only one of --for 'WORDS' and --similar ID",
        ),
        (
            ["months", "--where", "width > 1"],
            "--where filters what a query finds: add --for 'WORDS' or --similar ID",
        ),
        (
            ["--similar", "red", "months"],
            "write options after the command: vistazo conversions months ..",
        ),
        (["top", "--similar", "red", "-k", "0"], "k must be a whole number from 1 to 100,000"),
    ],
)
def test_what_cannot_be_asked(home: Path, arguments: list[str], said: str) -> None:
    result = run("conversions", *arguments, cwd=home)
    assert error_of(result).startswith(said)
    assert result.returncode == 2


def test_an_unknown_photo(home: Path) -> None:
    result = run("conversions", "top", "--similar", "nobody", cwd=home)
    assert error_of(result) == "there is no photo with the id 'nobody' in the library"
    assert result.returncode == 1


def test_an_empty_library_has_no_downloads(tmp_path: Path) -> None:
    with vistazo.open(tmp_path / "empty"):
        pass
    for command in ("top", "countries", "months", "rising", "mismatches"):
        result = run("conversions", command, "--json", cwd=tmp_path, db=tmp_path / "empty")
        assert (result.returncode, result.stdout) == (0, "[]\n")


@pytest.mark.parametrize("command", ["top", "countries", "months", "rising", "mismatches"])
def test_help_ends_with_two_examples(command: str) -> None:
    lines = run("conversions", command, "--help").stdout.rstrip().splitlines()
    assert lines[-3].strip() == "Examples:"
    assert lines[-2].strip() == f"vistazo conversions {command}"
    assert lines[-1].strip().startswith(f"vistazo conversions {command} --")

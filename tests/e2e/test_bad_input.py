"""Bad input: one clear sentence that names the thing and the remedy, the right exit code, no loss."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import vistazo
from conftest import paint
from e2e.cli import PROGRAM, error_of, run
from fakes import ColourEncoder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a library `photos` of three pictures, which all of this must leave whole."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("red", "green", "blue"):
        paint(folder / "pictures" / f"{name}.png", name)
    (folder / "vistazo.toml").write_text('db = "photos"\n')
    assert run("index", "pictures", cwd=folder).returncode == 0
    yield folder
    stats = json.loads(run("stats", "--json", cwd=folder).stdout)
    assert (stats["photos"], stats["failures"]) == (3, {})


@pytest.mark.parametrize("k", ["0", "-1", "1000000000"])
def test_k_out_of_range(home: Path, k: str) -> None:
    result = run("search", "red", "-k", k, cwd=home)
    assert error_of(result) == f"k must be a whole number from 1 to 100,000, not {k}"
    assert result.returncode == 2


def test_k_that_is_no_number(home: Path) -> None:
    result = run("search", "red", "-k", "ten", cwd=home)
    assert "-k" in error_of(result)
    assert result.returncode == 2


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_empty_query(home: Path, query: str) -> None:
    result = run("search", query, cwd=home)
    assert error_of(result) == "the query is empty; say in words what you are looking for"
    assert result.returncode == 2


def test_no_query_at_all(home: Path) -> None:
    result = run("search", cwd=home)
    assert "--image FILE" in error_of(result)
    assert result.returncode == 2


@pytest.mark.parametrize(
    "query", ["x" * 10_000, "red car " * 1250, "🦊", "👩‍👩‍👧‍👦 🏳️‍🌈", "red\nwall", "' OR 1=1 --"]
)
def test_any_words_are_a_query(home: Path, query: str) -> None:
    result = run("search", query, "--json", cwd=home)
    assert result.returncode == 0
    assert len(json.loads(result.stdout)) == 3


def test_a_query_that_is_not_utf8(home: Path) -> None:
    result = run("search", b"caf\xe9", "--json", cwd=home)
    assert result.returncode == 0
    assert len(json.loads(result.stdout)) == 3


def test_unknown_encoder(home: Path) -> None:
    for command in (["index", "pictures"], ["search", "red"]):
        result = run(*command, "--encoder", "clap", cwd=home)
        said = "there is no encoder 'clap'; known are auto, offline, clip-vit-b32, "
        assert error_of(result).startswith(said)
        assert result.returncode == 2


def test_library_of_another_encoder(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with vistazo.open(other) as library:
        library.index(home / "pictures", encoder=ColourEncoder())
    for command in (["index", "pictures", "--encoder", "offline"], ["search", "red"]):
        result = run(*command, "--db", str(other), cwd=home)
        message = error_of(result)
        assert f"the library {other} was made with the encoder 'colours'" in message
        assert result.returncode == 1
    with vistazo.open(other, encoder=ColourEncoder()) as library:
        assert [hit.uri[-7:] for hit in library.search("red", k=1)] == ["red.png"]


def test_folder_that_is_not_there(home: Path, tmp_path: Path) -> None:
    result = run("index", "nowhere", "--db", str(tmp_path / "new"), cwd=home)
    assert error_of(result) == "the folder nowhere does not exist"
    assert result.returncode == 1
    assert not (tmp_path / "new").exists()


def test_folder_that_is_a_file(home: Path) -> None:
    result = run("index", "pictures/red.png", cwd=home)
    assert "pictures/red.png is not a folder" in error_of(result)
    assert result.returncode == 1


def test_empty_folder(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("index", str(tmp_path / "empty"), cwd=home)
    assert error_of(result).startswith(f"there are no pictures in {tmp_path}/empty; ")
    assert result.returncode == 1


@pytest.mark.root
def test_unreadable_folder(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o000)
    # Root reads everything, unless it has laid down its capabilities.
    plain = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
    result = run("index", str(folder), "--db", str(tmp_path / "db"), cwd=home, through=plain)
    assert error_of(result) == f"the folder {folder} cannot be read: Permission denied"
    assert result.returncode == 1


def test_query_image_that_is_no_image(home: Path) -> None:
    (home / "text.jpg").write_text("hello")
    result = run("search", "--image", "text.jpg", cwd=home)
    assert error_of(result).startswith(
        "text.jpg cannot be searched with: the content is not a JPEG"
    )
    assert result.returncode == 2
    result = run("search", "--image", "gone.jpg", cwd=home)
    assert error_of(result) == "the image gone.jpg cannot be read: No such file or directory"
    assert result.returncode == 2


def test_words_and_an_image_at_once(home: Path) -> None:
    result = run("search", "red", "--image", "pictures/red.png", cwd=home)
    assert error_of(result) == "give exactly one of: a text, an image, the id of a photo"
    assert result.returncode == 2


def test_paths_with_newlines_and_without_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    strange = [b"new\nline.png", b"caf\xe9.png", b"tab\there.png", "ünïcödé 🦊.png".encode()]
    for number, name in enumerate(strange):
        plain = paint(tmp_path / f"{number}.png", "red")
        folder.mkdir(exist_ok=True)
        os.rename(plain, os.path.join(os.fsencode(folder), name))  # noqa: PTH104, PTH118
    library = tmp_path / "library"
    assert run("index", "pictures", cwd=tmp_path, db=library).returncode == 0
    result = run("search", "red", cwd=tmp_path, db=library)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    paths = {line.split("\t")[5] for line in lines[1:]}
    assert paths == {
        "pictures/new\\nline.png",
        "pictures/caf\\udce9.png",
        "pictures/tab\\there.png",
        "pictures/ünïcödé 🦊.png",
    }
    assert len(json.loads(run("search", "red", "--json", cwd=tmp_path, db=library).stdout)) == 4
    again = run("index", "pictures", cwd=tmp_path, db=library)
    assert again.stdout.startswith("0 added, 4 unchanged, 0 failed")
    image = os.path.join(os.fsencode(folder), strange[1])  # noqa: PTH118
    assert run("search", b"--image", image, cwd=tmp_path, db=library).returncode == 0


def test_library_path_that_is_a_file(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    for command in (["index", "pictures"], ["search", "red"], ["stats"]):
        result = run(*command, "--db", str(path), cwd=home)
        assert error_of(result) == f"{path} is a file, and a library is a folder; give another --db"
        assert result.returncode == 1
    assert path.read_text() == "mine"


def test_library_path_that_is_another_folder(home: Path) -> None:
    result = run("search", "red", "--db", "pictures", cwd=home)
    assert "pictures holds other files and is no vistazo library" in error_of(result)
    assert result.returncode == 1


def test_no_library_yet(home: Path, tmp_path: Path) -> None:
    result = run("search", "red", "--db", str(tmp_path / "none"), cwd=home)
    assert error_of(result) == (
        f"there is no library at {tmp_path}/none. Run: vistazo index FOLDER"
    )
    assert result.returncode == 1
    assert not (tmp_path / "none").exists()


def test_empty_library(home: Path, tmp_path: Path) -> None:
    with vistazo.open(tmp_path / "empty"):
        pass
    for command in (["search", "red"], ["similar", "x"], ["random"], ["conversions", "--for", "x"]):
        result = run(*command, "--db", str(tmp_path / "empty"), cwd=home)
        assert error_of(result) == "the library is empty. Run: vistazo index FOLDER"
        assert result.returncode == 1


def test_second_process_on_the_same_library(home: Path) -> None:
    script = "import sys, time, vistazo; vistazo.open(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    owner = subprocess.Popen(
        [PROGRAM[0], "-c", script, str(home / "photos")], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == "open\n"
        result = run("search", "red", cwd=home)
        assert f"the library {home}/photos is held by process {owner.pid} (" in error_of(result)
        assert result.returncode == 1
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdout.close()


def test_library_from_a_newer_version(home: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    with vistazo.open(newer) as library:
        library.sql("INSERT INTO migrations (version) SELECT 999", write=True)
    for command in (["index", "pictures"], ["search", "red"]):
        result = run(*command, "--db", str(newer), cwd=home)
        assert error_of(result).endswith("Run: pip install --upgrade vistazo")
        assert result.returncode == 1


def test_photo_that_is_not_there(home: Path) -> None:
    result = run("similar", "nosuchphoto", cwd=home)
    assert error_of(result) == "there is no photo with the id 'nosuchphoto' in the library"
    assert result.returncode == 1


def test_filter_that_does_not_parse(home: Path) -> None:
    result = run("search", "red", "--where", "widht > 5", cwd=home)
    message = error_of(result)
    assert "did you mean 'width'?" in message
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELEC 1", "begins with SELEC"),
        ("SELECT nothing FROM photos", "nothing"),
        ("DROP TABLE photos", "this statement writes (DROP)"),
        ("SELECT 1; DROP TABLE photos", "one statement at a time"),
        ("", "the SQL is empty"),
        ("SELECT embed(1)", "embed() takes one text in quotes"),
    ],
)
def test_sql_that_is_wrong_or_writes(home: Path, query: str, words: str) -> None:
    result = run("sql", query, cwd=home)
    assert words in error_of(result)
    assert result.returncode == 1


def test_settings_that_are_wrong(home: Path) -> None:
    result = run("stats", cwd=home, env={"VISTAZO_BATCH_SIZE": "many"})
    assert error_of(result).startswith(
        "VISTAZO_BATCH_SIZE (the environment) must be a whole number"
    )
    assert result.returncode == 2


def test_conversions_file_that_is_none(home: Path) -> None:
    result = run("conversions", "load", "pictures/red.png", cwd=home)
    assert "red.png" in error_of(result)
    assert result.returncode == 1
    result = run("conversions", cwd=home)
    assert error_of(result) == "give either --for 'WORDS' or --similar ID, or: load FILE"
    assert result.returncode == 2


def test_unknown_command_and_flag(home: Path) -> None:
    assert run("serch", "red", cwd=home).returncode == 2
    result = run("search", "red", "--kk", "3", cwd=home)
    assert "--kk" in error_of(result)
    assert result.returncode == 2


def test_a_query_that_cannot_be_read_is_shown_with_the_place(home: Path) -> None:
    result = run("search", "red", "width:>wide", cwd=home)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "  red width:>wide",
        "             ^",
        "error: the query \"red width:>wide\" fails at character 12: 'wide' is not a number",
    ]

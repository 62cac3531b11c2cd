"""The index of words from its file is the one that would be made, whatever happened in between."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vistazo.records import EncoderSpec, Metadata, Photo
from vistazo.search.memory import saved
from vistazo.search.words import index as words
from vistazo.search.words import saved as saved_words
from vistazo.search.words.index import WordIndex, Words
from vistazo.search.words.terms import terms
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.connection import Connection
from vistazo.store.schema import migrate
from vistazo.store.state import Watched, usage
from vistazo.store.store import NewPhoto, Store

ROOT = Path(__file__).parents[4]


def new(name: str, text: str) -> NewPhoto:
    photo = Photo(name, f"file:///{name}.jpg", 1, 1, metadata=Metadata(description=text))
    return NewPhoto(photo, np.array([1, 0], dtype=np.float32), b"")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    address = parse(tmp_path / "library")
    opened = connect(address, create=True, wait_s=0)
    migrate(opened)
    store = Store(opened)
    store.record_encoder(EncoderSpec("test", 2, "sum"))
    store.replace([new("a", "a boat in the harbour"), new("b", "boats"), new("c", "")])
    yield opened
    disconnect(address)


def index(connection: Connection, folder: Path | None) -> WordIndex:
    """As a process that begins now has it."""
    made = Words(connection, Watched(connection, usage), folder)
    return made.index(Store(connection).state())


def said(index: WordIndex, text: str) -> list[tuple[str, float]]:
    matched = index.match([(text, 1.0)])
    ids = index.roster.ids.to_pylist()
    return [(ids[row], share) for row, share in zip(matched.rows, matched.shares, strict=True)]


TEXTS = ["boat", "harbour boats", "castle", "gondola", "harbur", "c"]


def check(connection: Connection, folder: Path) -> None:
    """What two processes get, one after the other, is what is made of the tables."""
    expected = index(connection, None)
    for found in (index(connection, folder), index(connection, folder)):
        assert found.told == expected.told
        assert found.vocabulary.terms == expected.vocabulary.terms
        for text in TEXTS:
            assert said(found, text) == said(expected, text)
            matched, wanted = found.match([(text, 1.0)]), expected.match([(text, 1.0)])
            assert found.why(matched, matched.rows) == expected.why(wanted, wanted.rows)


def test_a_saved_index_is_never_stale(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_SAVED_AGAIN_S", 0.0)
    store, folder = Store(connection), tmp_path / "kept"

    def log(name: str, keyword: str) -> None:
        connection.insert("conversions", pa.table({"photo_id": [name], "keyword": [keyword]}))

    def exchange(old: str, new: str) -> None:
        connection.execute("DELETE FROM conversions WHERE keyword = {old:String}", {"old": old})
        log("c", new)
        log("c", new)

    changes = [
        lambda: None,
        lambda: store.replace([new("d", "a castle")]),
        lambda: store.replace([new("a", "a castle by the harbour")]),
        lambda: store.delete(["b"]),
        lambda: log("c", "gondola"),
        lambda: log("c", "gondola"),
        # As many rows as before, and other words: whoever counts only sees nothing.
        lambda: exchange("gondola", "boat"),
        lambda: connection.execute(
            "ALTER TABLE photos UPDATE description = 'boat' WHERE 1 SETTINGS mutations_sync = 2"
        ),
        lambda: connection.insert("keywords", pa.table({"photo_id": ["d"], "keyword": ["boats"]})),
        lambda: connection.execute("TRUNCATE TABLE conversions"),
        lambda: store.delete(["a", "c", "d"]),
    ]
    for change in changes:
        change()
        check(connection, folder)
        assert len([*folder.iterdir()]) == 1


def test_the_next_process_takes_it_from_the_file(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    index(connection, folder)
    (path,) = folder.iterdir()
    written = path.stat().st_mtime_ns

    def make(self: Words) -> saved_words.Parts:
        raise AssertionError("it was made again")

    monkeypatch.setattr(Words, "_made", make)
    assert said(index(connection, folder), "harbour")[0][0] == "a"
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "of another format"])
def test_what_is_damaged_is_made_again(
    connection: Connection, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    if damage == "of another format":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(saved_words, "_FORMAT", 0)
            index(connection, folder)
    else:
        index(connection, folder)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-9])
    elif damage == "changed":
        path.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    elif damage == "empty":
        path.write_bytes(b"")
    check(connection, folder)
    (again,) = folder.iterdir()
    assert saved_words.load(folder, saved_words.content(connection)) is not None
    assert again.stat().st_size > 0


def test_a_folder_that_cannot_be_written_hinders_no_search(
    connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert said(index(connection, tmp_path / "file"), "harbour")[0][0] == "a"


def test_it_stays_when_vectors_are_saved(tmp_path: Path) -> None:
    from vistazo.search.memory.snapshot import Snapshot
    from vistazo.store.state import State

    folder = tmp_path / saved.FOLDER
    folder.mkdir()
    (folder / "words.1.00000000").write_bytes(b"1")
    (folder / "old.vectors").write_bytes(b"1")
    assert saved.save(Snapshot(State(1, 0), "sum", []), folder, lambda: False)
    assert {path.name for path in folder.iterdir()} == {"snapshot.json", "words.1.00000000"}


def test_another_process_finds_what_this_one_has_saved(tmp_path: Path) -> None:
    import vistazo
    from conftest import paint
    from fakes import ColourEncoder

    paint(tmp_path / "pictures" / "red.png", "red")
    (tmp_path / "pictures" / "captions.tsv").write_text("file\tcaption\nred.png\ta boat\n")
    with vistazo.open(tmp_path / "library", encoder=ColourEncoder()) as library:
        library.index(tmp_path / "pictures")
        assert len(library.search("boat", mode="words")) == 1
    (path,) = (tmp_path / "library" / saved.FOLDER).glob("words.*")
    code = (
        "import sys, vistazo; from fakes import ColourEncoder\n"
        "from vistazo.search.words.index import Words; Words._made = None\n"
        "with vistazo.open(sys.argv[1], encoder=ColourEncoder()) as library:\n"
        "    print(library.search('boats', mode='words')[0].why)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "library")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
    )
    assert "caption: boat" in found.stdout
    assert path.exists()


def test_the_format_is_of_this_way_to_take_texts_apart() -> None:
    """When this fails because terms have changed: raise `saved_words._FORMAT`, then the number."""
    lines = (ROOT / "sample" / "photos" / "captions.tsv").read_text("utf-8").splitlines()
    made = [terms(line) for line in [*lines, "Fußgänger 7 x 猫 x-ray of_the"]]
    statements = (words._PHOTOS, words._KEYWORDS, words._NUMBERED.pattern)
    assert (saved_words._FORMAT, zlib.crc32(repr((made, statements)).encode())) == (1, 2921582908)

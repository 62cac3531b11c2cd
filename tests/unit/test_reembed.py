"""From one encoder to another and back: nothing is lost, and searches never meet both."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder, WideEncoder
from vistazo.errors import EncoderMismatch, LibraryEmpty, StoreError, UsageError
from vistazo.ingest import reembed as anew
from vistazo.library import Library
from vistazo.opening import open_here
from vistazo.records import UInt8Array
from vistazo.store import switch
from vistazo.store.kept_vectors import key_of

SETTINGS = vistazo.Settings(vector_index_rows=1000)


@pytest.fixture
def filled(tmp_path: Path, pictures: Path) -> Iterator[Library]:
    """Twelve photos in the space of `ColourEncoder`."""
    with open_here(tmp_path / "library", encoder=ColourEncoder(), settings=SETTINGS) as library:
        library.index(pictures)
        yield library


def again(library: Library, **options: object) -> Library:
    """The same folder, opened anew as by a later process."""
    path = library.path
    library.close()
    return open_here(path, settings=SETTINGS, **options)  # type: ignore[arg-type]


def vectors(library: Library) -> dict[str, np.ndarray]:
    rows = library.sql("SELECT photo_id, photo_embed FROM photos").to_pylist()
    return {row["photo_id"]: np.array(row["photo_embed"], "f4") for row in rows}


def rest(library: Library) -> list[dict[str, object]]:
    """Everything of the photos but their vectors."""
    sql = "SELECT * EXCEPT photo_embed FROM photos ORDER BY photo_id"
    return library.sql(sql).to_pylist()


def kept(library: Library) -> dict[str, int]:
    rows = library.sql("SELECT encoder, count() AS n FROM kept_vectors GROUP BY encoder")
    return {row["encoder"]: row["n"] for row in rows.to_pylist()}


def first(library: Library, text: str) -> str:
    (hit,) = library.search(text, k=1)
    return Path(hit.uri).stem


def test_every_vector_is_anew_and_all_else_as_it_was(filled: Library) -> None:
    before, old = rest(filled), vectors(filled)
    version = filled.paging.version()
    progress: list[tuple[int, int | None]] = []
    wide = WideEncoder()
    report = filled.reembed(wide, on_progress=lambda at: progress.append((at.done, at.total)))
    assert (report.switched, report.embedded, report.failed) == (True, 12, 0)
    assert (report.encoder, report.replaced) == (wide.spec, ColourEncoder().spec)
    assert progress[-1] == (12, 12)
    assert filled.encoder == wide.spec
    assert rest(filled) == before
    assert filled.paging.version() > version
    new = vectors(filled)
    assert new.keys() == old.keys()
    for photo_id, vector in new.items():
        assert np.allclose(vector, [*-old[photo_id], 0, 0], atol=1e-6)
    assert first(filled, "red") == "red"
    assert kept(filled) == {key_of(ColourEncoder().spec): 12}
    with pytest.raises(StoreError, match="vector_len"):
        filled.sql("INSERT INTO photos (photo_id, photo_embed) VALUES ('x', [1])", write=True)


def test_indexing_goes_on_with_the_new_encoder(filled: Library, pictures: Path) -> None:
    filled.reembed(WideEncoder())
    paint(pictures / "purple.png", "purple")
    report = filled.index(pictures)
    assert (report.added, report.unchanged) == (1, 12)
    assert first(filled, "purple") == "purple"
    with pytest.raises(EncoderMismatch):
        filled.index(pictures, encoder=ColourEncoder())
    opened = again(filled, encoder=WideEncoder())
    assert first(opened, "purple") == "purple"
    opened.close()


def test_from_thumbnails_where_files_have_gone(filled: Library, pictures: Path) -> None:
    paint(pictures / "a/red.jpg", "blue")  # another picture by now: not what was indexed
    shutil.rmtree(pictures / "b")
    assert filled.reembed(WideEncoder()).switched
    assert first(filled, "red") == "red"
    assert first(filled, "navy") == "navy"


def test_thumbnails_alone_when_asked_for(
    filled: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(anew, "_file", lambda pending: read.append(pending.url) or b"")
    assert filled.reembed(WideEncoder(), thumbnails=True).switched
    assert read == []


def test_a_photo_that_cannot_be_embedded_holds_up_the_switch(filled: Library) -> None:
    before, old = rest(filled), vectors(filled)
    fussy = WideEncoder(fail_on=(255, 255, 255))
    report = filled.reembed(fussy)
    assert (report.switched, report.embedded, report.failures) == (False, 11, {"encoder": 1})
    ((path, reason),) = report.examples
    assert Path(path).name == "white.png"
    assert "too much" in reason
    assert rest(filled) == before
    assert filled.encoder == ColourEncoder().spec
    assert all((vectors(filled)[key] == old[key]).all() for key in old)
    # Eleven need not be embedded again.
    report = filled.reembed(fussy, leave_out=True)
    assert (report.switched, report.embedded, report.removed) == (True, 0, 1)
    assert len(rest(filled)) == 11


def test_a_library_is_never_emptied(filled: Library, pictures: Path) -> None:
    shutil.rmtree(pictures)
    filled.sql("TRUNCATE TABLE thumbnails", write=True)
    report = filled.reembed(WideEncoder(), leave_out=True)
    assert (report.switched, report.failures, report.removed) == (False, {"missing": 12}, 0)
    assert len(rest(filled)) == 12


def test_back_and_forth_embeds_only_what_is_new(filled: Library, pictures: Path) -> None:
    old = vectors(filled)
    filled.reembed(WideEncoder())
    first_back = filled.reembed(rollback=True, encoder=ColourEncoder())
    assert (first_back.switched, first_back.embedded) == (True, 0)
    assert all((vectors(filled)[key] == old[key]).all() for key in old)
    assert first(filled, "red") == "red"
    assert kept(filled) == {key_of(WideEncoder().spec): 12}
    assert filled.reembed(rollback=True, encoder=WideEncoder()).embedded == 0
    (pictures / "gold.heic").unlink()
    paint(pictures / "white.png", "teal")
    paint(pictures / "purple.png", "purple")
    report = filled.index(pictures, prune=True)
    assert (report.added, report.updated, report.pruned) == (1, 1, 1)
    colours = ColourEncoder()
    back = filled.reembed(rollback=True, encoder=colours)
    assert (back.embedded, colours.embedded) == (2, 2)
    assert len(vectors(filled)) == 12
    assert first(filled, "purple") == "purple"
    assert first(filled, "teal") == "white"
    paint(pictures / "pink.png", "pink")
    filled.index(pictures)
    with pytest.raises(EncoderMismatch, match="not one of vistazo's"):
        filled.reembed(rollback=True)


def test_what_cannot_be_asked(library: vistazo.Library, filled: Library) -> None:
    with pytest.raises(UsageError, match="'colours' already"):
        filled.reembed(ColourEncoder())
    with pytest.raises(UsageError, match="no encoder of this library was replaced"):
        filled.reembed(rollback=True)
    with pytest.raises(UsageError, match="there is no encoder 'nothing'"):
        filled.reembed("nothing")


def test_an_empty_library(tmp_path: Path) -> None:
    with open_here(tmp_path / "library") as library, pytest.raises(LibraryEmpty):
        library.reembed(WideEncoder())


def test_what_is_kept_can_be_deleted(filled: Library) -> None:
    assert filled.forget_replaced() == 0
    filled.reembed(WideEncoder())
    assert filled.forget_replaced() == 12
    assert kept(filled) == {}
    with pytest.raises(UsageError, match="nothing to go back to"):
        filled.reembed(rollback=True)


def test_columns_and_indexes_of_peoples_own(filled: Library) -> None:
    for statement in (
        "ALTER TABLE photos ADD COLUMN stars UInt8 DEFAULT 3",
        "ALTER TABLE photos ADD COLUMN area UInt64 MATERIALIZED width * height",
        "ALTER TABLE photos ADD INDEX `my ``index` photo_embed"
        " TYPE vector_similarity('hnsw', 'L2Distance', 4)",
        "ALTER TABLE photos UPDATE stars = 5 WHERE file_stem = 'red' SETTINGS mutations_sync = 2",
    ):
        filled.sql(statement, write=True)
    assert filled.reembed(WideEncoder()).switched
    found = filled.sql("SELECT file_stem, stars, area FROM photos ORDER BY stars DESC LIMIT 1")
    assert found.to_pylist() == [{"file_stem": "red", "stars": 5, "area": 48 * 32}]


def test_a_large_library_has_its_index_at_once(tmp_path: Path, pictures: Path) -> None:
    settings = vistazo.Settings(vector_index_rows=12)
    with open_here(tmp_path / "large", encoder=ColourEncoder(), settings=settings) as library:
        library.index(pictures)
        states: list[str] = []
        exchange = switch.exchange

        def spy(*given: object) -> None:
            states.append(library.index_status().state)  # the old one's, which still answers
            exchange(*given)  # type: ignore[arg-type]
            states.append(library.index_status().state)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(anew, "exchange", spy)
            library.reembed(WideEncoder())
        assert states == ["Built", "Built"]
        assert first(library, "gold") == "gold"


def test_photos_changed_by_sql_meanwhile_are_not_lost(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = switch._fill
    changes = iter(["DELETE FROM photos WHERE file_stem = 'red'"])

    def meddled(*given: object) -> None:
        fill(*given)  # type: ignore[arg-type]
        for change in changes:
            filled.sql(change, write=True)

    monkeypatch.setattr(switch, "_fill", meddled)
    assert filled.reembed(WideEncoder()).switched
    assert len(rest(filled)) == 11
    changes = iter(["ALTER TABLE photos UPDATE place = 'there' WHERE 1"] * 3)

    def each_time(*given: object) -> None:
        fill(*given)  # type: ignore[arg-type]
        filled.sql(next(changes), write=True)

    monkeypatch.setattr(switch, "_fill", each_time)
    with pytest.raises(vistazo.errors.LibraryBusy, match="changed by SQL"):
        filled.reembed(ColourEncoder())
    assert filled.encoder == WideEncoder().spec


class Slow(WideEncoder):
    """Waits before its second batch until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.half = threading.Event()
        self.on = threading.Event()

    def encode_pixels(self, pixels: UInt8Array) -> np.ndarray:
        if self.embedded:
            self.half.set()
            assert self.on.wait(30)
        return super().encode_pixels(pixels)


def test_the_old_vectors_answer_meanwhile(tmp_path: Path, pictures: Path) -> None:
    settings = vistazo.Settings(vector_index_rows=1000, batch_size=2)
    encoder = Slow()
    with open_here(tmp_path / "library", encoder=ColourEncoder(), settings=settings) as library:
        library.index(pictures)
        working = threading.Thread(target=library.reembed, args=(encoder,))
        working.start()
        assert encoder.half.wait(30)
        assert first(library, "red") == "red"
        assert library.encoder == ColourEncoder().spec
        wrong: list[str] = []
        done = threading.Event()

        def search() -> None:
            while not done.is_set():
                for stem in ("red", "navy", "gold", "black"):
                    if (found := first(library, stem)) != stem:
                        wrong.append(found)

        searching = threading.Thread(target=search)
        searching.start()
        encoder.on.set()
        working.join(60)
        assert library.encoder == WideEncoder().spec
        assert first(library, "lime") == "lime"
        done.set()
        searching.join(30)
        assert wrong == []


def test_another_library_of_this_process_notices(filled: Library) -> None:
    other = open_here(filled.path, settings=SETTINGS)
    with pytest.raises(EncoderMismatch):
        other.search("red")  # has no encoder of this name to work with
    other.close()
    mine = open_here(filled.path, encoder=ColourEncoder(), settings=SETTINGS)
    assert first(mine, "red") == "red"
    filled.reembed(WideEncoder())
    with pytest.raises(EncoderMismatch, match="'wide'"):
        mine.search("red")
    mine.close()


# (what is under way, whether it dies before it): the exchange after itself is before the record.
MOMENTS = [
    ("_fill", False),
    ("exchange", True),
    ("exchange", False),
    ("_drop_twin", True),
    *(
        pytest.param(*moment, marks=pytest.mark.slow)
        for moment in (("_fill", True), ("keep_present", False), ("_record", False))
    ),
]


class Died(BaseException):
    """In the place of a process's death."""


@pytest.mark.parametrize(("moment", "before"), MOMENTS)
def test_whatever_dies_is_finished_by_the_next(
    filled: Library, moment: str, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = vectors(filled)
    whole = {key: [*-vector, 0, 0] for key, vector in old.items()}
    described = rest(filled)
    owner: object = switch
    if moment == "keep_present":
        owner = switch.KeptVectors
    elif moment == "exchange":
        owner = type(filled.connection.dialect)
    real = getattr(owner, moment)

    def dying(*given: object) -> object:
        if before or moment == "exchange":
            raise Died
        real(*given)
        raise Died

    if moment == "exchange" and not before:
        monkeypatch.setattr(switch, "_record", lambda *given: (_ for _ in ()).throw(Died()))
    else:
        monkeypatch.setattr(owner, moment, dying)
    with pytest.raises(Died):
        filled.reembed(WideEncoder())
    monkeypatch.undo()
    opened = again(filled)
    switched = opened.encoder == WideEncoder().spec
    assert switched is (
        moment in ("_record", "_drop_twin") or (moment, before) == ("exchange", False)
    )
    assert rest(opened) == described
    for key, vector in vectors(opened).items():
        assert np.allclose(vector, whole[key] if switched else old[key], atol=1e-6)
    assert not opened.sql("EXISTS TABLE photos_next").to_pylist()[0]["result"]
    again_wide = WideEncoder()
    if not switched:
        assert opened.reembed(again_wide).switched
        assert again_wide.embedded == 0
    assert opened.encoder == WideEncoder().spec
    assert opened.reembed(rollback=True).embedded == 0
    assert all((vectors(opened)[key] == old[key]).all() for key in old)
    opened.close()


def test_it_covers_every_format(filled: Library) -> None:
    assert filled.reembed(WideEncoder()).embedded == len(COLOURS)

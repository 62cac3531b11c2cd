"""A library from nothing to a vector index: each test opens its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

import vistazo
from fakes import ColourEncoder
from vistazo import Query, errors
from vistazo.errors import LibraryEmpty, SourceError


def stems(hits: list[vistazo.Hit]) -> list[str]:
    return [Path(hit.uri).stem for hit in hits]


def test_an_empty_library_says_what_to_do(library: vistazo.Library, tmp_path: Path) -> None:
    for ask in (
        lambda: library.search("red"),
        lambda: library.search(image=Image.new("RGB", (2, 2))),
        lambda: library.similar("x"),
        lambda: library.random(),
        lambda: library.demand(Query(text="red")),
    ):
        with pytest.raises(LibraryEmpty, match="Run: vistazo index FOLDER"):
            ask()
    assert library.stats().encoder is None
    with pytest.raises(SourceError, match="does not exist"):
        library.index(tmp_path / "nowhere")


def test_an_encoder_can_be_chosen_again_until_there_is_a_photo(
    library: vistazo.Library, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="there are no pictures"):
        library.index(tmp_path / "empty", encoder="offline")
    report = library.index(pictures, encoder=ColourEncoder())
    assert report.added == 12
    assert library.encoder == ColourEncoder().spec
    with pytest.raises(errors.EncoderMismatch):
        library.index(pictures, encoder="offline")


def test_close_twice_and_open_again(tmp_path: Path, pictures: Path) -> None:
    with vistazo.open(tmp_path / "library", encoder=ColourEncoder()) as library:
        library.index(pictures)
        library.close()
    with vistazo.open(tmp_path / "library", create=False, encoder=ColourEncoder()) as library:
        assert stems(library.search("gold", k=1)) == ["gold"]


def test_settings_that_are_refused_leave_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="precision"):
        vistazo.open(tmp_path / "library", settings=vistazo.Settings(precision="fp8"))
    vistazo.open(tmp_path / "another").close()


def test_the_vector_index_is_built_above_the_size_that_is_set(
    tmp_path: Path, pictures: Path
) -> None:
    settings = vistazo.Settings(vector_index_rows=12)
    with vistazo.open(tmp_path / "library", encoder=ColourEncoder(), settings=settings) as library:
        library.index(pictures)
        assert library.index_status().state == "Built"
        found = stems(library.search("red", k=12))
        library.sql("ALTER TABLE photos DROP INDEX photo_embed_index", write=True)
        exact = stems(library.search("red", k=12))
        assert found == exact


@pytest.mark.parametrize("facade", [True, False])
def test_the_copy_in_memory_never_hides_what_sql_has_changed(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, facade: bool
) -> None:
    """By `Library.sql`, and by an INSERT on the connection; then closed and opened again."""
    monkeypatch.setattr("vistazo.search.memory.resident._SETTLED_S", 0.0)
    monkeypatch.setattr("vistazo.search.memory.resident._SAVED_AGAIN_S", 0.0)

    def insert(library: vistazo.Library, name: str) -> None:
        columns = "photo_id, photo_embed"
        text = f"INSERT INTO photos ({columns}) SELECT '{name}', photo_embed FROM photos LIMIT 1"
        if facade:
            library.sql(text, write=True)
        else:
            library.connection.execute(text)

    def found(library: vistazo.Library) -> set[str]:
        return {hit.photo_id for hit in library.search("red", k=20)}

    def settled(library: vistazo.Library) -> set[str]:
        deadline = time.monotonic() + 30
        while library.paging.find(Query(text="red", k=1)).path != "resident":
            assert time.monotonic() < deadline
        return found(library)

    with vistazo.open(tmp_path / "library", encoder=ColourEncoder()) as library:
        library.index(pictures)
        before = settled(library)
        insert(library, "x1")
        assert found(library) == {*before, "x1"}
        assert settled(library) == {*before, "x1"}
        insert(library, "x2")
    with vistazo.open(tmp_path / "library", encoder=ColourEncoder()) as library:
        assert found(library) == {*before, "x1", "x2"}
        assert settled(library) == {*before, "x1", "x2"}
        library.sql("DELETE FROM photos WHERE startsWith(photo_id, 'x')", write=True)
        assert found(library) == before

"""A copy in memory through every change of the tables, in this process and the next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistazo.records import EncoderSpec, Metadata, Photo
from vistazo.search.hits import Ranked
from vistazo.search.memory import resident, saved
from vistazo.search.memory.resident import ResidentPath
from vistazo.search.paths import DatabasePath
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.connection import Connection
from vistazo.store.filters import Filter, compile_filter
from vistazo.store.schema import migrate
from vistazo.store.store import Neighbour, NewPhoto, Store

DIM, GRAPH_ROWS, MAX_BYTES = 8, 20, 1 << 24
EVERY = Filter()
WHERES = ["", "width > 130", "camera = A", "description ~ changed", "width < 0"]
PATIENCE_S = 30
# Both sum eight products, in another order.
CLOSE = 1e-6


def vector(seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return made / np.linalg.norm(made)


def new(number: int, seed: int) -> NewPhoto:
    facts = Metadata(camera="AB"[number % 2], attributes={"n": str(number)})
    photo = Photo(f"p{number:03}", f"file:///{number}.jpg", 100 + number, 50, metadata=facts)
    return NewPhoto(photo, vector(seed), b"")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "_SETTLED_S", 0.0)
    monkeypatch.setattr(resident, "_SAVED_AGAIN_S", 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resident") / "library"


@pytest.fixture(scope="module")
def connection(folder: Path) -> Iterator[Connection]:
    address = parse(folder)
    connection = connect(address, create=True, wait_s=0)
    migrate(connection)
    Store(connection).record_encoder(EncoderSpec("test", DIM, "sum"))
    yield connection
    disconnect(address)


@pytest.fixture
def store(connection: Connection) -> Store:
    store = Store(connection)
    store.delete(store.random_ids(1000, EVERY))
    store.replace([new(n, n - 1 if n % 4 == 3 else n) for n in range(30)])
    return store


def opened(store: Store, folder: Path | None) -> ResidentPath:
    return ResidentPath(store, DatabasePath(store), MAX_BYTES, folder, GRAPH_ROWS)


def path_of(path: ResidentPath, store: Store) -> str:
    return path.explain(1, EVERY, store.state())[0]


def settle(path: ResidentPath, store: Store) -> None:
    """Search until the copy in memory answers, and is saved."""
    deadline = time.monotonic() + PATIENCE_S
    while path_of(path, store) != "resident":
        assert time.monotonic() < deadline
        path.nearest(vector(0), 1, EVERY)
        path.wait(PATIENCE_S)
    path.wait(PATIENCE_S)


def placed(found: list[Neighbour]) -> list[Ranked]:
    return [Ranked(each.photo_id, each.score) for each in found]


def check(path: ResidentPath, store: Store, seed: int, where: str = "", k: int = 7) -> None:
    """The path's hits are those of the database."""
    database, filters, state = DatabasePath(store), compile_filter(where), store.state()
    expected = database.hits(placed(database.nearest(vector(seed), k, filters)))
    found = path.hits(placed(path.nearest(vector(seed), k, filters, state)), state)
    whole, scored = (each.everything(vector(seed), filters, state) for each in (path, database))
    assert whole.ids.equals(scored.ids)
    exact = whole.exact(np.arange(len(whole.ids)))
    assert exact.tolist() == pytest.approx(scored.scores.tolist(), abs=CLOSE)
    assert whole.scores.tolist() == pytest.approx(exact.tolist(), abs=CLOSE)
    assert [each.score for each in found] == pytest.approx([e.score for e in expected], abs=CLOSE)
    for hit in found[:2]:
        expected_vector = database.vectors([hit.photo_id])[hit.photo_id]
        assert np.array_equal(path.vectors([hit.photo_id], state)[hit.photo_id], expected_vector)
    assert path.vectors(["unknown"], state) == {}
    plain = [[{**hit.to_dict(), "score": 0} for hit in hits] for hits in (found, expected)]
    assert plain[0] == plain[1]


NUMBERS = st.lists(st.integers(0, 60), min_size=1, max_size=25, unique=True)
CHANGES = st.one_of(
    st.tuples(st.just("replace"), NUMBERS, st.integers(0, 99)),
    st.tuples(st.just("delete"), NUMBERS, st.just(0)),
    st.tuples(st.just("insert by SQL"), st.just([0]), st.integers(100, 10**9)),
    st.tuples(st.just("update by SQL"), NUMBERS, st.integers(0, 99)),
    st.tuples(st.just("open again"), st.just([0]), st.just(0)),
)


def change(store: Store, connection: Connection, kind: str, numbers: list[int], seed: int) -> None:
    ids = [f"p{number:03}" for number in numbers]
    if kind == "replace":
        store.replace([new(number, seed + number % 3) for number in numbers])
    elif kind == "delete":
        store.delete(ids)
    elif kind == "insert by SQL":
        connection.execute(
            "INSERT INTO photos (photo_id, photo_embed, width, attributes)"
            " SELECT {id:String}, {v:Array(Float32)}, 140, map('sql', 'yes')",
            {"id": f"s{seed}", "v": vector(seed % 100)},
        )
    elif kind == "update by SQL":
        # As `Library.sql` does: the statement, then a note of it.
        connection.execute(
            "ALTER TABLE photos UPDATE description = concat('changed ', {n:String})"
            " WHERE photo_id IN {ids:Array(String)} SETTINGS mutations_sync = 1",
            {"n": str(seed), "ids": ids},
        )
        store.note_change()


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(CHANGES, min_size=1, max_size=5),
    seed=st.integers(0, 99),
    where=st.sampled_from(WHERES),
    k=st.integers(1, 40),
)
def test_the_databases_photos_after_every_change(
    store: Store,
    connection: Connection,
    folder: Path,
    changes: list[tuple[str, list[int], int]],
    seed: int,
    where: str,
    k: int,
) -> None:
    path = opened(store, folder)
    try:
        for kind, numbers, by in changes:
            if kind == "open again":
                path.close()
                path = opened(store, folder)
            change(store, connection, kind, numbers, by)
            check(path, store, seed, where, k)
            if store.state().photos:
                settle(path, store)
                check(path, store, seed, where, k)
                check(path, store, seed, "", k)
    finally:
        path.close()


def blocks_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading of vectors asks for, from now on."""
    lengths: list[int] = []
    blocks = store.copying.blocks

    def noted(ids: pa.Array, *, every: bool) -> object:
        lengths.append(len(ids))
        return blocks(ids, every=every)

    monkeypatch.setattr(store.copying, "blocks", noted)
    return lengths


@pytest.mark.parametrize(
    ("kind", "numbers", "read"),
    [
        ("replace", [50, 51], [2]),
        ("replace", [3], [1]),
        ("delete", [4, 5], []),
        ("insert by SQL", [0], [1]),
        ("update by SQL", [1, 2, 3], [3]),
        # most of the rows have gone, or are new
        ("delete", list(range(25)), [5]),
        ("replace", list(range(20, 60)), [60]),
    ],
)
def test_only_what_has_changed_is_read(
    store: Store,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    numbers: list[int],
    read: list[int],
) -> None:
    path = opened(store, None)
    try:
        settle(path, store)
        lengths = blocks_read(store, monkeypatch)
        change(store, connection, kind, numbers, 7)
        settle(path, store)
        assert [length for length in lengths if length] == read
        check(path, store, 7)
    finally:
        path.close()


def test_the_next_process_has_it_at_once(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = opened(store, folder)
    settle(path, store)
    path.close()
    lengths = blocks_read(store, monkeypatch)
    path = opened(store, folder)
    check(path, store, 1)
    assert path_of(path, store) == "resident"
    path.close()

    store.replace([new(70, 70)])
    path = opened(store, folder)
    check(path, store, 70)
    assert path_of(path, store) == "database"
    settle(path, store)
    check(path, store, 70)
    path.close()
    assert lengths == [1]


def test_of_a_folder_put_back_from_a_copy(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts up to the same state again, with other photos."""
    path = opened(store, folder)
    settle(path, store)
    path.close()
    monkeypatch.setattr(store.copying, "stamp", lambda: 1)
    path = opened(store, folder)
    check(path, store, 1)
    assert path_of(path, store) == "database"
    path.close()


def test_of_another_encoder(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = opened(store, folder)
    settle(path, store)
    path.close()
    monkeypatch.setattr(store, "encoder", lambda: EncoderSpec("test", DIM, "another"))
    path = opened(store, folder)
    check(path, store, 1)
    assert path_of(path, store) == "database"
    settle(path, store)
    path.close()


def test_a_damaged_one_is_made_anew(store: Store, folder: Path) -> None:
    path = opened(store, folder)
    settle(path, store)
    path.close()
    for file in (folder / saved.FOLDER).glob("*.vectors"):
        file.write_bytes(file.read_bytes()[:-4])
    path = opened(store, folder)
    check(path, store, 1)
    assert path_of(path, store) == "database"
    settle(path, store)
    path.close()
    path = opened(store, folder)
    check(path, store, 1)
    assert path_of(path, store) == "resident"
    path.close()


def test_a_folder_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    (tmp_path / saved.FOLDER).write_text("a file")
    path = opened(store, tmp_path)
    settle(path, store)
    check(path, store, 1)
    path.close()


def test_photos_of_the_same_id_are_left_to_the_database(
    store: Store, connection: Connection
) -> None:
    path = opened(store, None)
    for _ in range(2):
        change(store, connection, "insert by SQL", [0], 7)
    for _ in range(4):
        path.nearest(vector(1), 3, EVERY)
        path.wait(PATIENCE_S)
    way, reason = path.explain(3, EVERY, store.state())
    assert (way, reason.rpartition(": ")[2]) == ("database", "some photos have the same id")
    path.close()


def test_a_graph_is_built_beside_the_searches(store: Store) -> None:
    path = opened(store, None)
    settle(path, store)
    (part,) = path._snapshot.parts if path._snapshot else ()
    assert part.segment.graph is not None
    assert len(part.segment.graph.near(vector(1), 5, 64)) == 5
    path.close()


def test_a_graph_that_an_earlier_process_did_not_get_to(store: Store, tmp_path: Path) -> None:
    path = ResidentPath(store, DatabasePath(store), MAX_BYTES, tmp_path, graph_rows=10**9)
    settle(path, store)
    path.close()
    path = opened(store, tmp_path)
    for searches in range(1, 4):
        check(path, store, searches)
        path.wait(PATIENCE_S)
        assert path_of(path, store) == "resident"
        (part,) = path._snapshot.parts if path._snapshot else ()
        assert (part.segment.graph is not None) == (searches == 3)
    path.close()

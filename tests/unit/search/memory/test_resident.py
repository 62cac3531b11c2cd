"""Vectors in memory answer as the database does, through every change of the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistazo.records import EncoderSpec, Metadata, Photo
from vistazo.search.memory.resident import ResidentPath
from vistazo.search.paths import DatabasePath
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.filters import Filter, compile_filter
from vistazo.store.schema import migrate
from vistazo.store.store import Neighbour, NewPhoto, Store

DIM = 8
EVERY = Filter()
PATIENCE_S = 30
# Both sum eight products, in another order.
CLOSE = 1e-6


def vector(seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return made / np.linalg.norm(made)


def new(number: int, seed: int | None = None) -> NewPhoto:
    facts = Metadata(camera="A" if number % 3 else "B", description="é" * (number % 2))
    photo = Photo(f"p{number:03}", f"file:///{number}.jpg", 100 + number, 50, metadata=facts)
    return NewPhoto(photo, vector(number if seed is None else seed), b"")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    address = parse(tmp_path_factory.mktemp("resident") / "library")
    connection = connect(address, create=True, wait_s=0)
    migrate(connection)
    store = Store(connection)
    store.record_encoder(EncoderSpec("test", DIM, ""))
    # Every fourth has the vector of the one before: ties, which go by photo id.
    store.replace([new(n, n - 1 if n % 4 == 3 else n) for n in range(60)])
    yield store
    disconnect(address)


@pytest.fixture
def database(store: Store) -> DatabasePath:
    return DatabasePath(store)


def warmed(store: Store, database: DatabasePath, max_bytes: int = 1 << 20) -> ResidentPath:
    path = ResidentPath(store, database, max_bytes)
    settle(path, store)
    return path


def settle(path: ResidentPath, store: Store) -> None:
    """Search until the vectors in memory answer."""
    deadline = time.monotonic() + PATIENCE_S
    while path.explain(1, EVERY, store.state())[0] != "resident":
        assert time.monotonic() < deadline
        path.nearest(vector(0), 1, EVERY)
        path.wait(PATIENCE_S)


def same(found: list[Neighbour], expected: list[Neighbour]) -> None:
    assert [each.photo_id for each in found] == [each.photo_id for each in expected]
    scores = [each.score for each in expected]
    assert [each.score for each in found] == pytest.approx(scores, abs=CLOSE)


WHERES = ["", "width > 130", "camera = A", "description ~ é and not camera = B", "width < 0"]


@pytest.fixture(scope="module")
def resident(store: Store) -> Iterator[ResidentPath]:
    path = warmed(store, DatabasePath(store))
    yield path
    path.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 70), where=st.sampled_from(WHERES))
def test_the_same_photos_with_the_same_scores(
    store: Store, resident: ResidentPath, database: DatabasePath, seed: int, k: int, where: str
) -> None:
    filters = compile_filter(where)
    assert resident.explain(k, filters, store.state())[0] == "resident"
    same(resident.nearest(vector(seed), k, filters), database.nearest(vector(seed), k, filters))


def test_ties_go_by_photo_id(resident: ResidentPath, database: DatabasePath) -> None:
    for k in (1, 2, 3):
        found = resident.nearest(vector(2), k, EVERY)
        assert [each.photo_id for each in found[:2]] == ["p002", "p003"][:k]
        same(found, database.nearest(vector(2), k, EVERY))


def test_changes_are_seen_at_once(store: Store, database: DatabasePath) -> None:
    path = warmed(store, database)
    try:
        for change in (
            lambda: store.replace([new(900)]),
            lambda: store.replace([new(900, seed=901)]),
            lambda: store.delete(["p900"]),
        ):
            change()
            for seed in (900, 901):
                same(path.nearest(vector(seed), 5, EVERY), database.nearest(vector(seed), 5, EVERY))
            settle(path, store)
            for seed in (900, 901):
                same(path.nearest(vector(seed), 5, EVERY), database.nearest(vector(seed), 5, EVERY))
    finally:
        path.close()


def test_a_mask_of_another_state_is_not_used(store: Store, database: DatabasePath) -> None:
    path = warmed(store, database)
    wide = compile_filter("width > 130")
    try:
        before = path.nearest(vector(950), 3, wide)
        store.replace([new(950)])
        settle(path, store)
        after = path.nearest(vector(950), 3, wide)
        assert "p950" not in [each.photo_id for each in before]
        assert after[0].photo_id == "p950"
    finally:
        store.delete(["p950"])
        path.close()


@pytest.mark.parametrize("max_bytes", [0, 60 * DIM * 4])
def test_no_room(store: Store, database: DatabasePath, max_bytes: int) -> None:
    path = ResidentPath(store, database, max_bytes)
    for _ in range(5):
        path.nearest(vector(1), 3, EVERY)
    assert not path.wait(PATIENCE_S)
    assert path.explain(3, EVERY, store.state())[0] == "database"
    path.close()


def test_a_single_search_makes_no_copy(store: Store, database: DatabasePath) -> None:
    path = ResidentPath(store, database, 1 << 20)
    path.nearest(vector(1), 3, EVERY)
    assert not path.wait(PATIENCE_S)
    path.close()


def test_closing_in_the_middle(store: Store, database: DatabasePath, tmp_path: Path) -> None:
    path = ResidentPath(store, database, 1 << 20)
    for _ in range(4):
        path.nearest(vector(1), 3, EVERY)
    started = time.monotonic()
    path.close()
    assert time.monotonic() - started < PATIENCE_S
    same(path.nearest(vector(1), 3, EVERY), database.nearest(vector(1), 3, EVERY))
    assert not path.wait(1)

"""Scoring only photos that may be first gives the order that scoring all gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from vistazo.records import EncoderSpec, Metadata, Photo
from vistazo.search.candidates import Search
from vistazo.search.fusion import Blend, Ranker, Ranking
from vistazo.search.memory.resident import ResidentPath
from vistazo.search.paths import DatabasePath, SearchPath
from vistazo.search.target import Target
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.filters import compile_filter
from vistazo.store.schema import migrate
from vistazo.store.store import NewPhoto, Store

PHOTOS, DIM = 300, 8
WORDS = ["boat", "harbour", "sea", "night", "castle", "gondola", "dog", "snow", "beach", "wall"]


def vector(seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return made / np.linalg.norm(made)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Photos of which some are equal, half have words, and a third were downloaded."""
    address = parse(tmp_path_factory.mktemp("candidates") / "library")
    connection = connect(address, create=True, wait_s=0)
    migrate(connection)
    store = Store(connection)
    store.record_encoder(EncoderSpec("test", DIM, "sum"))
    chance = np.random.default_rng(5)
    photos = []
    for number in range(PHOTOS):
        told = chance.zipf(1.5, 4) if number % 2 else []
        text = " ".join(WORDS[word - 1] for word in told if word <= len(WORDS))
        facts = Metadata(description=text, camera="AB"[number % 7 == 0])
        photo = Photo(f"p{number:03}", f"file:///{number}.jpg", 100 + number, 50, metadata=facts)
        photos.append(NewPhoto(photo, vector(number - (number % 5 == 4)), b""))
    store.replace(photos[:200])
    store.replace(photos[200:])
    picked = [int(each) for each in chance.zipf(1.3, 400) if each <= PHOTOS][:300]
    table = {
        "photo_id": [f"p{(7 * each) % PHOTOS:03}" for each in picked],
        "keyword": [WORDS[each % len(WORDS)] for each in picked],
        "converted_at": pa.array([10**9 + each * 86_400 for each in picked], pa.timestamp("s")),
    }
    connection.insert("conversions", pa.table(table))
    yield store
    disconnect(address)


@pytest.fixture(scope="module", params=["database", "resident"])
def path(request: pytest.FixtureRequest, store: Store) -> Iterator[SearchPath]:
    database = DatabasePath(store)
    if request.param == "database":
        yield database
        return
    resident = ResidentPath(store, database, 1 << 24, graph_rows=10 * PHOTOS)
    for _ in range(3):
        resident.nearest(vector(0), 1, compile_filter(""))
    assert resident.wait(30)
    assert resident.explain(1, compile_filter(""), store.state())[0] == "resident"
    yield resident
    resident.close()


@pytest.fixture(scope="module")
def ranker(store: Store, path: SearchPath) -> Ranker:
    return Ranker(store.connection, path)


BLENDS = st.builds(
    Blend,
    mode=st.sampled_from(["both", "both", "picture", "words"]),
    words_weight=st.sampled_from([0.01, 0.2, 0.5, 0.9, 1.0]),
    popular=st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]),
    popular_for=st.sampled_from(["all", "words"]),
    half_life_days=st.sampled_from([None, 30.0]),
    cut=st.booleans(),
)
WORDS_ASKED = st.lists(
    st.tuples(st.sampled_from([*WORDS, "zeppelin"]), st.sampled_from([1.0, 1.0, 0.3, -1.0])),
    min_size=1,
    max_size=3,
)
WHERES = ["", "", "width < 250", "camera = A", "camera = B", "width < 0", "description ~ boat"]
EXCLUDED = st.lists(st.integers(0, PHOTOS + 3).map("p{:03}".format), max_size=4, unique=True)


def ranked(ranker: Ranker, target: Target, offset: int, few: float) -> Ranking:
    assert target.state is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Search, "_most", property(lambda _: int(few * PHOTOS)))
        return ranker.rank(target, target.state, offset)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    blend=BLENDS,
    words=WORDS_ASKED,
    where=st.sampled_from(WHERES),
    excluded=EXCLUDED,
    seed=st.integers(0, 2 * PHOTOS),
    k=st.sampled_from([1, 2, 10, 60]),
    offset=st.sampled_from([0, 0, 3, 40]),
)
def test_a_part_of_all_scores_gives_the_order_of_all(
    store: Store,
    ranker: Ranker,
    blend: Blend,
    words: list[tuple[str, float]],
    where: str,
    excluded: list[str],
    seed: int,
    k: int,
    offset: int,
) -> None:
    target = Target(
        vector(seed),
        k,
        compile_filter(where),
        tuple(excluded),
        store.state(),
        tuple(words),
        blend,
    )
    every = ranked(ranker, target, offset, 0.0)
    some = ranked(ranker, target, offset, 1.0)
    event(f"{every.read}, then {some.read}")
    assert (every.read, some.read) in (("all", "some"), ("some", "some"), ("nearest", "nearest"))
    assert some.found == every.found
    assert (some.total, some.weak) == (every.total, every.weak)


def test_a_common_word_and_downloads_of_many_need_few_scores(
    store: Store, path: SearchPath
) -> None:
    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(path, name)

        scored = 0

        def some(self, *arguments: object) -> object:
            self.scored += len(arguments[2])  # type: ignore[arg-type]
            return path.some(*arguments)  # type: ignore[arg-type]

    counting = Counting()
    ranker = Ranker(store.connection, counting)  # type: ignore[arg-type]
    for blend in (Blend(mode="both"), Blend(mode="both", popular=0.3), Blend(popular=0.3)):
        counting.scored = 0
        target = Target(
            vector(1), 2, compile_filter(""), state=store.state(), words=(("boat castle", 1.0),)
        )
        found = ranked(ranker, dataclasses.replace(target, blend=blend), 0, 0.5)
        assert found.read == "some"
        assert 0 < counting.scored < PHOTOS / 3

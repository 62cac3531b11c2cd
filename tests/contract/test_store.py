"""What a library may expect of an engine: photos kept whole, and the nearest found rightly.

The index's state `Error` is provoked by an index for vectors of another length, whose build fails.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from endpoint import REAL, endpoint, real
from vistazo.errors import InvalidSQL
from vistazo.records import (
    EncoderSpec,
    Float32Array,
    IndexStatus,
    Metadata,
    Photo,
    Query,
    uri_of,
    url_of,
)
from vistazo.search.engine import Engine
from vistazo.search.paths import DatabasePath
from vistazo.search.target import Target
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.dialects.base import VECTOR_INDEX
from vistazo.store.filters import Filter, compile_filter
from vistazo.store.schema import migrate
from vistazo.store.store import Neighbour, NewPhoto, Store

DIM = 32
ROWS = 3000
EVERY = Filter()
BUILD_S = 60.0
NASTY = (
    "plain",
    "",
    " ",
    "two\nlines\r\n\tand a tab",
    'it\'s "quoted" and `ticked`',
    "back\\slash \\N \\n \\",
    "{q:String} %s %(q)s $1",
    "'); DROP TABLE photos; --",
    "NUL \0 inside",
    "😀 🏳️‍🌈 ñandú 東京 \u2028 \u202e",
    "e\u0301 and \xe9",
    "x" * 100_000,
)


@contextmanager
def chdb(folder: Path) -> Iterator[Connection]:
    address = parse(folder / "library")
    yield connect(address, create=True, wait_s=0)
    disconnect(address)


@contextmanager
def at(server: AbstractContextManager[str]) -> Iterator[Connection]:
    with server as dsn:
        address = parse(dsn)
        yield connect(address, create=True, wait_s=0)
        disconnect(address)


# Name -> a connection to an engine without tables.
BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Connection]]] = {
    "chdb": chdb,
    "clickhouse": lambda folder: at(endpoint(folder)),
} | {
    # Some tests look below the store, at what only one ClickHouse server has there.
    f"real-{kind}": lambda _, dsn=dsn: at(real(dsn))
    for kind, dsn in REAL.items()
    if kind == "clickhouse" and "cluster=" not in dsn
}


@pytest.fixture(scope="module", params=list(BACKENDS))
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with BACKENDS[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def store(connection: Connection) -> Store:
    """No photo, no vector index, and an encoder of `DIM` dimensions."""
    emptied = Store(connection)
    emptied.drop_index()
    for table in ("photos", "thumbnails"):
        connection.execute(f"TRUNCATE TABLE {table}")
    emptied.record_encoder(EncoderSpec("some", DIM, "c0ffee"))
    return emptied


def unit(vectors: np.ndarray) -> Float32Array:
    rows: Float32Array = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype("f4")
    return rows


def random_vectors(rows: int, seed: int = 0) -> Float32Array:
    return unit(np.random.default_rng(seed).standard_normal((rows, DIM)))


def clustered_vectors(rows: int, seed: int = 0) -> Float32Array:
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((rows // 50, DIM))
    near = centres[chance.integers(len(centres), size=rows)]
    return unit(near + 0.7 * chance.standard_normal((rows, DIM)))


def photo(photo_id: str, **fields: object) -> Photo:
    return Photo(**{"url": f"file:///{photo_id}.jpg", "width": 4, "height": 3, **fields} | {"photo_id": photo_id})  # type: ignore[arg-type]  # fmt: skip


def new(photo_id: str, vector: Float32Array | None = None, **fields: object) -> NewPhoto:
    vector = random_vectors(1)[0] if vector is None else vector
    return NewPhoto(photo(photo_id, **fields), vector, b"webp of " + photo_id.encode())


def fill(store: Store, vectors: Float32Array, seed: int = 0) -> list[str]:
    """Insert in three parts; ids are in another order than the rows. One photo in 100 is wide."""
    numbers = np.random.default_rng(seed).permutation(len(vectors))
    ids = [f"p{number:05d}" for number in numbers]
    for part in np.array_split(np.arange(len(vectors)), 3):
        store.replace([new(ids[i], vectors[i], width=5 if i % 100 == 7 else 4) for i in part])
    return ids


def build(store: Store) -> None:
    store.keep_indexed(DIM)
    assert store.wait_indexed(BUILD_S) == IndexStatus("Built")


def build_whole(store: Store, ids: Sequence[str], vectors: Float32Array) -> None:
    """Build until the nearest of `vectors[0]` are found by the index, few of them and many.

    A graph that several threads build loses a row now and then. What is tried is what the
    library makes of the index's answer, so on graphs that have the rows.
    """

    def finds(k: int) -> bool:
        found = store.nearest(vectors[0], k, EVERY, indexed=True)
        expected = ranked(ids, vectors, vectors[0])[:k]
        scores = [[each.score for each in some] for some in (found, expected)]
        return len(found) == len(expected) and np.allclose(*scores, rtol=0, atol=1e-6)

    for _ in range(10):
        build(store)
        if finds(10) and finds(60):
            return
        store.drop_index()
    raise AssertionError("ten graphs, and not one is whole")


def ranked(ids: Sequence[str], vectors: Float32Array, query: Float32Array) -> list[Neighbour]:
    """All rows by NumPy, in double precision, best first, ties by id."""
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    order = np.lexsort((np.array(ids), -scores))
    return [Neighbour(ids[i], float(scores[i])) for i in order]


def assert_same(found: Sequence[Neighbour], expected: Sequence[Neighbour]) -> None:
    """Same scores in order within 1e-6; same ids in order, but for scores that near each other."""
    scores = np.array([each.score for each in expected])
    np.testing.assert_allclose([each.score for each in found], scores, rtol=0, atol=1e-6)
    clear = np.ones(len(scores), dtype=bool)
    clear[1:] &= np.diff(scores) < -2e-6
    clear[:-1] &= np.diff(scores) < -2e-6
    clear[-1:] = len(scores) == 1  # the next one, cut off, may be as near
    assert clear.sum() >= len(scores) // 2
    assert [each.photo_id for each, sure in zip(found, clear, strict=True) if sure] == [
        each.photo_id for each, sure in zip(expected, clear, strict=True) if sure
    ]
    assert len({each.photo_id for each in found}) == len(found)


def ids_of(found: Sequence[Neighbour]) -> list[str]:
    return [each.photo_id for each in found]


def engine_of(store: Store) -> Engine:
    def never(*_: object) -> object:
        raise AssertionError

    return Engine(store, DatabasePath(store), never, never, never)  # type: ignore[arg-type]


# Rows


def test_an_empty_library(store: Store) -> None:
    assert store.count() == 0
    assert store.get(["a"]) == {}
    assert store.get([]) == {}
    assert store.find("content_hash", ["a"]) == []
    assert store.embeddings(["a"]) == {}
    assert store.thumbnails(["a"]) == {}
    assert store.delete(["a"]) == 0
    assert store.delete([]) == 0
    assert store.under("a") == []
    assert store.sources() == {}
    assert store.content_prefixes().tolist() == []
    assert store.random_ids(3, EVERY) == []
    assert store.nearest(random_vectors(1)[0], 5, EVERY, indexed=False) == []
    store.repair()
    store.compact()
    store.replace([])


def test_the_encoder_is_recorded_and_replaced(store: Store) -> None:
    assert store.encoder() == EncoderSpec("some", DIM, "c0ffee")
    store.record_encoder(EncoderSpec("other", 2, "beef"))
    assert store.encoder() == EncoderSpec("other", 2, "beef")
    store.replace([new("a", np.array([0.6, 0.8], "f4"))])
    assert store.embeddings(["a"])["a"].tolist() == [np.float32(0.6), np.float32(0.8)]


def test_a_photo_comes_back_whole(store: Store) -> None:
    full = Photo(
        photo_id="bzJ3_-aZ01x",
        url="file:///home/ana/Fotos/%C3%B1and%C3%BA.jpg",
        width=4_294_967_295,
        height=1,
        format="JPEG",
        size_bytes=18_446_744_073_709_551_615,
        content_hash="00112233445566778899aabbccddeeff",
        fingerprint="1700000000:5",
        source="/home/ana/Fotos",
        metadata=Metadata(
            description="a bee",
            photographer="Ana",
            camera="Canon EOS 5D",
            place="Madrid, Spain",
            taken_at=dt.datetime(2019, 5, 31, 18, 0, 59),
            latitude=-40.4168,
            longitude=-3.7038,
            attributes={"category": "animals/bees", "iso": "100", "empty": ""},
        ),
    )
    bare = Photo("bare", "https://example.org/a.jpg?x=1", 0, 0)
    vectors = random_vectors(2)
    store.replace([NewPhoto(full, vectors[0], b"\0a\0"), NewPhoto(bare, vectors[1], b"")])
    assert store.get([full.photo_id, "bare", "unknown"]) == {full.photo_id: full, "bare": bare}
    assert store.count() == 2
    assert store.count(compile_filter("camera ~ canon and taken = 2019-05")) == 1
    found = store.embeddings(["bare", full.photo_id, "unknown"])
    assert {key: value.dtype for key, value in found.items()} == {
        "bare": np.float32,
        full.photo_id: np.float32,
    }
    np.testing.assert_array_equal(found["bare"], vectors[1])
    np.testing.assert_array_equal(found[full.photo_id], vectors[0])


@pytest.mark.parametrize("taken_at", [dt.datetime(1900, 1, 1), dt.datetime(2299, 12, 31, 23, 59)])
def test_the_ends_of_the_calendar(store: Store, taken_at: dt.datetime) -> None:
    store.replace([new("a", metadata=Metadata(taken_at=taken_at))])
    assert store.get(["a"])["a"].metadata.taken_at == taken_at
    assert store.count(compile_filter(f"year = {taken_at.year}")) == 1


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_any_text_in_any_field(store: Store, text: str) -> None:
    nasty = Photo(
        photo_id=text[:200],
        url=url_of("/" + text[:200].replace("\0", "")),
        width=1,
        height=1,
        format=text,
        content_hash="ab" * 16,
        fingerprint=text,
        source=text,
        metadata=Metadata(text, text, text, text, attributes={text: text, "k": text}),
    )
    store.replace([NewPhoto(nasty, random_vectors(1)[0], text.encode()), new("other")])
    assert store.get([nasty.photo_id]) == {nasty.photo_id: nasty}
    assert store.find("photo_image_url", [nasty.url]) == [nasty]
    assert store.under(text) == [(nasty.photo_id, nasty.url)] or text == ""
    assert store.thumbnails([nasty.photo_id]) == ({nasty.photo_id: text.encode()} if text else {})
    assert list(store.embeddings([nasty.photo_id])) == [nasty.photo_id]
    assert store.delete([nasty.photo_id]) == 1
    assert list(store.get([nasty.photo_id, "other"])) == ["other"]


def test_names_that_are_not_utf8(store: Store) -> None:
    """A URL keeps such a name exactly; texts show its bytes as escapes, and are found by them."""
    path = "/fotos/a\udcff\n.jpg"
    stray = photo(
        "a\udcff",
        url=url_of(path),
        source="/fotos\udcfe",
        metadata=Metadata(description="b\udcfe", attributes={"k\udcff": "v\udcff"}),
    )
    store.replace([NewPhoto(stray, random_vectors(1)[0], b"")])
    (found,) = store.get(["a\udcff"]).values()
    assert (found.photo_id, found.source) == ("a\\udcff", "/fotos\\udcfe")
    assert uri_of(found.url) == path
    assert found.metadata.description == "b\\udcfe"
    assert found.metadata.attributes == {"k\\udcff": "v\\udcff"}
    assert store.find("photo_image_url", [url_of(path)]) == [found]
    assert store.under("/fotos\udcfe") == [("a\\udcff", url_of(path))]
    assert store.delete(["a\udcff"]) == 1
    assert store.count() == 0


def test_thumbnails_are_kept_byte_for_byte(store: Store) -> None:
    every_byte = bytes(range(256)) * 300
    images = {"all": every_byte, "nul": b"\0" * 1000, "one": b"\xff"}
    store.replace(
        [
            NewPhoto(photo(key), random_vectors(1)[0], image)
            for key, image in {**images, "none": b""}.items()
        ]
    )
    assert store.thumbnails([*images, "unknown", "none"]) == images


def test_replacing_leaves_one_row_and_no_trace_of_the_old(store: Store) -> None:
    vectors = random_vectors(2)
    store.replace([new("a", vectors[0], source="old"), new("b", source="old")])
    store.replace([NewPhoto(photo("a", source="new"), vectors[1], b"second")])
    assert store.get(["a", "b"]) == {
        "a": photo("a", source="new"),
        "b": photo("b", source="old"),
    }
    assert store.count() == 2
    np.testing.assert_array_equal(store.embeddings(["a"])["a"], vectors[1])
    assert store.thumbnails(["a", "b"]) == {"a": b"second", "b": b"webp of b"}


def test_replacing_takes_out_stale_rows(store: Store) -> None:
    store.replace([new("a"), new("b"), new("c")])
    store.replace([new("d")], stale_ids=["a", "c", "unknown"])
    assert sorted(store.get(list("abcd"))) == ["b", "d"]
    store.replace([], stale_ids=["b"])
    assert sorted(store.get(list("abcd"))) == ["d"]
    assert sorted(store.thumbnails(list("abcd"))) == ["d"]


def test_the_same_id_twice_in_a_batch_is_one_row(store: Store) -> None:
    store.replace([new("a", width=1), new("b"), new("a", width=2)])
    assert store.count() == 2
    assert store.get(["a"])["a"].width == 2


def test_delete_removes_exactly_those(store: Store) -> None:
    store.replace([new(key) for key in ("a", "b", "A", "a ", "ab")])
    assert store.delete(["a", "unknown", "a"]) == 1
    assert sorted(store.get(["a", "b", "A", "a ", "ab"])) == ["A", "a ", "ab", "b"]
    assert store.thumbnails(["a"]) == {}
    assert store.delete(["a"]) == 0


def test_every_change_raises_the_version(store: Store) -> None:
    versions = [store.version()]
    for change in (
        lambda: store.replace([new("a"), new("b")]),
        lambda: store.replace([new("a")]),
        lambda: store.delete(["a"]),
        lambda: store.note_change(),
    ):
        change()
        versions.append(store.version())
    assert all(after > before for before, after in itertools.pairwise(versions))
    for no_change in (
        lambda: store.delete(["unknown"]),
        lambda: store.replace([]),
        store.compact,
        store.repair,
    ):
        no_change()
    assert store.version() == versions[-1]


def test_find_by_url_and_by_content(store: Store) -> None:
    store.replace([new("a", content_hash="aa" * 16), new("b", content_hash="aa" * 16), new("c")])
    assert sorted(each.photo_id for each in store.find("content_hash", ["aa" * 16])) == ["a", "b"]
    urls = ["file:///c.jpg", "file:///unknown.jpg"]
    assert store.find("photo_image_url", urls) == [photo("c")]
    with pytest.raises(ValueError, match="photo_id"):
        store.find("photo_id", ["a"])


def test_under_is_the_source_and_its_parts_only(store: Store) -> None:
    sources = {"a": "/x", "b": "/x/y", "c": "/xy", "d": "/", "e": "", "f": "/X", "g": "/x_y%"}
    store.replace([new(key, source=source) for key, source in sources.items()])
    assert sorted(store.under("/x")) == [("a", "file:///a.jpg"), ("b", "file:///b.jpg")]
    assert store.under("/x_y%") == [("g", "file:///g.jpg")]
    assert store.sources() == dict.fromkeys(sorted(sources.values()), 1)


def test_content_prefixes_are_the_first_eight_bytes(store: Store) -> None:
    hashes = ["00112233445566778899aabbccddeeff", "ff" * 16, "", "00" * 16]
    store.replace([new(str(i), content_hash=each) for i, each in enumerate(hashes)])
    found = store.content_prefixes()
    assert found.dtype == np.uint64
    assert sorted(found.tolist()) == [0, 0x0011223344556677, 0xFFFFFFFFFFFFFFFF]


def test_random_ids_differ_match_and_vary(store: Store) -> None:
    store.replace([new(f"{i:03d}", width=i) for i in range(200)])
    wide = compile_filter("width >= 100")
    found = store.random_ids(50, wide)
    assert len(set(found)) == 50
    assert min(found) >= "100"
    assert sorted(store.random_ids(1000, wide)) == [f"{i:03d}" for i in range(100, 200)]
    assert len({tuple(store.random_ids(5, EVERY)) for _ in range(5)}) > 1


def test_repair_takes_out_thumbnails_without_a_photo(store: Store, connection: Connection) -> None:
    store.replace([new("a")])
    connection.execute("INSERT INTO thumbnails SELECT 'orphan', 'x'")
    assert sorted(store.thumbnails(["a", "orphan"])) == ["a", "orphan"]
    store.repair()
    assert store.thumbnails(["a", "orphan"]) == {"a": b"webp of a"}


@pytest.mark.parametrize("length", [0, 1, DIM - 1, DIM + 1])
def test_a_vector_of_another_length_is_refused_and_loses_nothing(store: Store, length: int) -> None:
    store.replace([new("a"), new("b")])
    version = store.version()
    short = NewPhoto(photo("a", width=9), np.ones(length, "f4"), b"never")
    with pytest.raises(InvalidSQL, match="'a'"):
        store.replace([new("c"), short], stale_ids=["b"])
    assert store.get(["a", "b", "c"]) == {"a": photo("a"), "b": photo("b")}
    assert store.thumbnails(["a", "b", "c"]) == {"a": b"webp of a", "b": b"webp of b"}
    assert store.version() == version


def test_the_table_itself_refuses_a_vector_of_another_length(
    store: Store, connection: Connection
) -> None:
    with pytest.raises(InvalidSQL, match="vector_len"):
        connection.execute("INSERT INTO photos (photo_id, photo_embed) SELECT 'a', [1, 0]")
    assert store.count() == 0


# The exact scan


@pytest.mark.parametrize("k", [1, 10, 999, 5000])
def test_exact_search_equals_numpy(store: Store, k: int) -> None:
    vectors = random_vectors(ROWS)
    ids = fill(store, vectors)
    for query in random_vectors(5, seed=1):
        found = store.nearest(query, k, EVERY, indexed=False)
        assert len(found) == min(k, ROWS)
        assert_same(found, ranked(ids, vectors, query)[:k])


def test_ties_are_ordered_by_id_every_time(store: Store) -> None:
    vectors = np.repeat(random_vectors(3), 100, axis=0)
    ids = fill(store, vectors)
    expected = ids_of(ranked(ids, vectors, vectors[150]))[:120]
    for _ in range(5):
        assert ids_of(store.nearest(vectors[150], 120, EVERY, indexed=False)) == expected
    build(store)
    assert expected[:100] == sorted(ids[100:200])
    for _ in range(5):
        assert ids_of(store.nearest(vectors[150], 120, EVERY, indexed=True)) == expected


@pytest.mark.parametrize("k", [1, 10, 30, 100])
def test_a_selective_filter_still_fills_k(store: Store, k: int) -> None:
    vectors = random_vectors(ROWS)
    ids = fill(store, vectors)
    build(store)
    wide = compile_filter("width = 5")
    rows = np.arange(ROWS) % 100 == 7
    query = random_vectors(1, seed=1)[0]
    expected = ranked([i for i, on in zip(ids, rows, strict=True) if on], vectors[rows], query)
    path = DatabasePath(store)
    for found in (
        store.nearest(query, k, wide, indexed=False),
        store.nearest(query, k, wide, indexed=True),
        path.nearest(query, k, wide),
    ):
        assert len(found) == min(k, 30)
        assert_same(found, expected[:k])


# The vector index


@contextmanager
def no_merges(connection: Connection) -> Iterator[None]:
    """The engine merges parts when it likes, and so gives the index to rows that lacked it."""
    connection.execute("SYSTEM STOP MERGES photos")
    try:
        yield
    finally:
        connection.execute("SYSTEM START MERGES photos")


def test_the_state_of_the_index(store: Store, connection: Connection) -> None:
    assert store.index_status() == IndexStatus("Absent")
    fill(store, clustered_vectors(ROWS))
    store.keep_indexed(DIM)
    assert store.wait_indexed(BUILD_S) == IndexStatus("Built")
    with no_merges(connection):
        store.replace([new("late")])
        assert store.index_status() == IndexStatus("InProgress")
        assert store.wait_indexed(0) == IndexStatus("InProgress")
        store.keep_indexed(DIM)
        assert store.index_status() == IndexStatus("InProgress")
    store.keep_indexed(DIM)
    assert store.wait_indexed(BUILD_S) == IndexStatus("Built")
    store.delete(["late"])
    assert store.index_status() == IndexStatus("Built")
    store.drop_index()
    store.drop_index()
    assert store.index_status() == IndexStatus("Absent")


def test_an_index_on_no_rows(store: Store) -> None:
    store.keep_indexed(DIM)
    assert store.wait_indexed(BUILD_S) == IndexStatus("Built")
    assert store.nearest(random_vectors(1)[0], 5, EVERY, indexed=True) == []


def failing_index(store: Store) -> None:
    store.keep_indexed(DIM // 2)
    status = store.wait_indexed(BUILD_S)
    assert status.state == "Error"
    assert f"expects {DIM // 2} elements" in status.reason


def test_an_index_that_fails_is_reported_and_mended(store: Store) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    failing_index(store)
    path = DatabasePath(store)
    assert not path.uses_index(10, EVERY)
    expected = ranked(ids, vectors, vectors[0])[:10]
    assert_same(path.nearest(vectors[0], 10, EVERY), expected)
    build_whole(store, ids, vectors)
    assert_same(store.nearest(vectors[0], 10, EVERY, indexed=True), expected)


def test_an_index_that_fails_does_not_keep_photos_from_being_replaced(store: Store) -> None:
    fill(store, clustered_vectors(ROWS))
    failing_index(store)
    store.replace([new("p00007", width=77)])
    assert store.get(["p00007"])["p00007"].width == 77
    assert store.count() == ROWS
    assert store.delete(["p00007"]) == 1
    assert store.index_status().state == "Error"  # still to be seen


def test_another_encoder_takes_the_index_of_the_old_one_away(store: Store) -> None:
    fill(store, clustered_vectors(300))
    build(store)
    store.delete(store.random_ids(300, EVERY))
    store.record_encoder(EncoderSpec("other", 2, "beef"))
    vectors = np.array([[1, 0], [0, 1]], "f4")
    store.replace([new("a", vectors[0]), new("b", vectors[1])])
    store.compact()
    store.keep_indexed(2)
    assert store.wait_indexed(BUILD_S) == IndexStatus("Built")
    assert ids_of(store.nearest(vectors[1], 2, EVERY, indexed=True)) == ["b", "a"]


def test_the_index_is_dropped_while_it_is_built(store: Store) -> None:
    fill(store, clustered_vectors(9000))
    store.keep_indexed(DIM)
    store.drop_index()
    assert store.index_status() == IndexStatus("Absent")


def test_the_index_proposes_the_candidates(store: Store, connection: Connection) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    statement = store.statement(vectors[0], 10, EVERY, indexed=True)
    inner = connection.dialect.candidates()
    assert f"({inner})" in statement.sql
    forced = {**statement.settings, "force_data_skipping_indices": VECTOR_INDEX}
    with pytest.raises(InvalidSQL, match=VECTOR_INDEX):
        connection.table(inner, statement.params, forced)
    build_whole(store, ids, vectors)
    found = connection.table(inner, statement.params, forced)["photo_id"].to_pylist()
    assert len(set(found)) == 50
    assert set(ids_of(ranked(ids, vectors, vectors[0])[:10])) <= set(found)
    # Up to the largest k that the path asks the index for.
    most = store.statement(vectors[0], 3000, EVERY, indexed=True)
    assert most.params["candidates"] == 9020
    assert connection.table(inner, most.params, forced).num_rows == ROWS


def test_the_index_recalls_and_its_scores_are_exact(store: Store) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    build(store)
    shared, queries = 0, clustered_vectors(100, seed=1)
    for query in queries:
        expected = ranked(ids, vectors, query)
        scores = {each.photo_id: each.score for each in expected}
        found = store.nearest(query, 10, EVERY, indexed=True)
        assert len(found) == 10
        np.testing.assert_allclose(
            [each.score for each in found],
            [scores[each.photo_id] for each in found],
            rtol=0,
            atol=1e-6,
        )
        assert found == sorted(found, key=lambda each: (-each.score, each.photo_id))
        shared += len({*ids_of(found)} & {*ids_of(expected[:10])})
    assert shared / (10 * len(queries)) >= 0.95


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("gone", [5, 49])
def test_deleted_rows_make_room_for_the_next(store: Store, indexed: bool, gone: int) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    if indexed:
        build_whole(store, ids, vectors)
    expected = ranked(ids, vectors, vectors[0])
    assert store.delete(ids_of(expected[:gone])) == gone
    assert_same(store.nearest(vectors[0], 10, EVERY, indexed=indexed), expected[gone : gone + 10])
    # The same inside another statement, which cannot read on.
    path = DatabasePath(store)
    assert path.uses_index(10, EVERY) is indexed
    statement = path.statement(Target(vectors[0], 10, EVERY))
    found = store._connection.table(statement.sql, statement.params, statement.settings)
    assert found["photo_id"].to_pylist() == ids_of(expected[gone : gone + 10])
    store.compact()
    assert not store.has_deleted_rows()
    assert_same(store.nearest(vectors[0], 10, EVERY, indexed=indexed), expected[gone : gone + 10])


def test_rows_without_index_are_found_too(store: Store, connection: Connection) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    build_whole(store, ids, vectors)
    more = unit(vectors[:1] + 0.01 * np.random.default_rng(9).standard_normal((20, DIM)))
    late = [f"late{i:02d}" for i in range(20)]
    expected = ranked([*ids, *late], np.concatenate([vectors, more]), vectors[0])
    assert {*ids_of(expected[1:21])} == {*late}
    with no_merges(connection):
        for key, vector in zip(late, more, strict=True):
            store.replace([new(key, vector)])
        assert store.index_status() == IndexStatus("InProgress")
        found = store.nearest(vectors[0], 25, EVERY, indexed=True)
        assert_same(found[:21], expected[:21])
    build(store)
    assert_same(store.nearest(vectors[0], 25, EVERY, indexed=True)[:21], expected[:21])


@pytest.mark.parametrize("exclude", [True, False])
def test_a_statement_for_others_leaves_a_photo_out(store: Store, exclude: bool) -> None:
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    build_whole(store, ids, vectors)
    assert not store.has_deleted_rows()
    target = Target(vectors[0], 10, EVERY, exclude=(ids[0],) if exclude else ())
    statement = DatabasePath(store).statement(target)
    assert "candidates" in statement.params
    table = store._connection.table(statement.sql, statement.params, statement.settings)
    expected = ids_of(ranked(ids, vectors, vectors[0]))[int(exclude) :][:10]
    assert table.column_names == ["photo_id", "score"]
    assert table["photo_id"].to_pylist() == expected


def test_sql_with_a_filter_gets_all_rows_it_asks_for(store: Store) -> None:
    """An index that took its rows before the filter would give few, or none."""
    vectors = clustered_vectors(ROWS)
    ids = fill(store, vectors)
    build_whole(store, ids, vectors)
    wide = np.flatnonzero(np.arange(ROWS) % 100 == 7)
    table = store._connection.table(
        "SELECT photo_id FROM photos WHERE width = 5"
        " ORDER BY cosineDistance(photo_embed, {q:Array(Float32)}) LIMIT 10",
        {"q": vectors[0].tolist()},
    )
    expected = ranked([ids[row] for row in wide], vectors[wide], vectors[0])[:10]
    assert table["photo_id"].to_pylist() == ids_of(expected)


# The engine above


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("k", [1, 10, 100, 500])
def test_similar_never_finds_the_photo_itself(store: Store, indexed: bool, k: int) -> None:
    """Not even among a hundred copies of its vector."""
    vectors = clustered_vectors(ROWS)
    vectors[:100] = vectors[0]
    ids = fill(store, vectors)
    if indexed:
        build_whole(store, ids, vectors)
    engine = engine_of(store)
    copies = sorted(ids[:100])
    for own in (copies[0], copies[50], copies[-1]):
        hits = engine.search(Query(photo_id=own, k=k))
        found = [hit.photo_id for hit in hits]
        assert own not in found
        assert len(set(found)) == k
        assert {*found[:99]} <= {*copies}
        assert [hit.score for hit in hits[:99]] == pytest.approx([1.0] * min(k, 99), abs=1e-6)
        assert max(hit.score for hit in hits) <= 1.0


@pytest.mark.parametrize("indexed", [False, True])
def test_the_largest_k_on_few_rows(store: Store, indexed: bool) -> None:
    vectors = random_vectors(ROWS)
    ids = fill(store, vectors)
    if indexed:
        build_whole(store, ids, vectors)
    expected = ranked(ids, vectors, vectors[0])
    hits = engine_of(store).search(Query(photo_id=ids[0], k=100_000))
    assert len(hits) == ROWS - 1
    assert_same([Neighbour(hit.photo_id, hit.score) for hit in hits], expected[1:])


def test_twenty_thousand_rows_at_once(store: Store) -> None:
    """Statements with very many values, and answers longer than the index's own limit."""
    rows = 20_000
    vectors = random_vectors(rows)
    ids = [f"{i:011d}" for i in range(rows)]
    store.replace([new(key, vector) for key, vector in zip(ids, vectors, strict=True)])
    assert store.get(ids) == {key: photo(key) for key in ids}
    urls = [f"file:///{key}.jpg" for key in ids]
    assert len(store.find("photo_image_url", urls)) == rows
    assert len(store.thumbnails(ids)) == rows
    np.testing.assert_array_equal(np.stack([*store.embeddings(ids).values()]), vectors)
    build(store)
    path = DatabasePath(store)
    assert path.uses_index(3000, EVERY)
    assert not path.uses_index(3001, EVERY)
    for k in (3000, 3001, 15_000):
        assert len(path.nearest(vectors[0], k, EVERY)) == k
    assert len(store.nearest(vectors[0], 15_000, EVERY, indexed=True)) == 15_000
    assert len(engine_of(store).search(Query(photo_id=ids[0], k=15_000))) == 15_000
    assert store.delete(ids) == rows
    assert store.count() == 0

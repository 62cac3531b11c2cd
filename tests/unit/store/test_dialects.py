"""What can be known here of SQL for servers that are not here: it runs on chDB, or near it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vistazo.errors import InvalidSQL, StoreError
from vistazo.ingest.journal import Journal
from vistazo.records import EncoderSpec, Failure, IndexStatus, Photo
from vistazo.search.paths import DatabasePath
from vistazo.store.connect import Connection
from vistazo.store.dialects.chdb import Chdb
from vistazo.store.dialects.cluster import Cluster, with_settings
from vistazo.store.dialects.myscale import MyScale
from vistazo.store.filters import Filter, compile_filter
from vistazo.store.store import NewPhoto, Store

DIM = 8


class ByAnotherDialect(Connection):
    """The engine that there is, asked as another would be; `said` is what it was told to do."""

    def __init__(self, connection: Connection, dialect: Any, unknown: str = "\0") -> None:
        super().__init__(connection._client, dialect)
        self.said: list[str] = []
        self._unknown = unknown

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        self.said.append(sql)
        if self._unknown in sql:
            raise InvalidSQL("Unknown index type for Float32 Vector: MSTG", engine_code=36)
        if "VECTOR INDEX" not in sql:
            super().execute(sql, params)


@pytest.fixture(scope="module")
def filled(connection: Connection) -> tuple[list[str], np.ndarray]:
    """300 photos, every tenth of them wide."""
    vectors = np.random.default_rng(0).standard_normal((300, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    ids = [f"p{n:03d}" for n in range(300)]
    store = Store(connection)
    store.record_encoder(EncoderSpec("some", DIM, "c0ffee"))
    store.replace(
        [
            NewPhoto(Photo(key, f"file:///{key}", 9 if n % 10 == 0 else 4, 3), vectors[n], b"")
            for n, key in enumerate(ids)
        ]
    )
    return ids, vectors


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("where", ["", "width = 9"])
def test_myscales_search_finds_the_nearest(
    connection: Connection, filled: tuple[list[str], np.ndarray], indexed: bool, where: str
) -> None:
    """On chDB `distance` is a function of the library, and means the same."""
    ids, vectors = filled
    store = Store(ByAnotherDialect(connection, MyScale()))
    filters = compile_filter(where) if where else Filter()
    statement = store.statement(vectors[5], 7, filters, indexed=indexed)
    # The index reads the vector off the statement.
    assert ("q" in statement.params) is not indexed
    assert ("distance(photo_embed, [" in statement.sql) is indexed
    assert ("PREWHERE" in statement.sql) is (indexed and bool(where))
    found = store.nearest(vectors[5], 7, filters, indexed=indexed)
    scores = vectors.astype("f8") @ vectors[5]
    rows = [n for n in np.argsort(-scores) if not where or n % 10 == 0][:7]
    assert [each.photo_id for each in found] == [ids[n] for n in rows]
    np.testing.assert_allclose([each.score for each in found], scores[rows], atol=1e-6)


def test_myscales_index_answers_filters_too(connection: Connection) -> None:
    store = Store(ByAnotherDialect(connection, MyScale()))
    assert store.prefilters
    assert not store.has_deleted_rows()
    path = DatabasePath(store)
    path._has_index = True
    assert path.uses_index(10, compile_filter("width = 9"))
    plain = DatabasePath(Store(connection))
    plain._has_index = True
    assert not plain.uses_index(10, compile_filter("width = 9"))


@pytest.fixture
def indices(connection: Connection) -> Iterator[Connection]:
    """A table as MyScale's `system.vector_indices`, to be filled."""
    connection.execute(
        "CREATE TABLE said (database String, table String, name String, status String,"
        " latest_fail_reason String) ENGINE = Memory"
    )
    connection.execute("CREATE VIEW system.vector_indices AS SELECT * FROM default.said")
    yield connection
    connection.execute("DROP VIEW system.vector_indices")
    connection.execute("DROP TABLE said")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], IndexStatus("Absent")),
        ([("photos", "Built", "")], IndexStatus("Built")),
        ([("photos", "InProgress", "")], IndexStatus("InProgress")),
        ([("photos", "Built", ""), ("photos", "InProgress", "")], IndexStatus("InProgress")),
        (
            [("photos", "Built", ""), ("photos", "Error", "no memory")],
            IndexStatus("Error", "no memory"),
        ),
        ([("others", "Error", "theirs")], IndexStatus("Absent")),
    ],
)
def test_myscales_status(
    indices: Connection, rows: list[tuple[str, str, str]], expected: IndexStatus
) -> None:
    for table, status, reason in rows:
        indices.execute(
            "INSERT INTO said SELECT 'default', {t:String}, 'photo_embed_index', {s:String},"
            " {r:String}",
            {"t": table, "s": status, "r": reason},
        )
    assert Store(ByAnotherDialect(indices, MyScale())).index_status() == expected


@pytest.mark.parametrize(("unknown", "kinds"), [("\0", ["MSTG"]), ("MSTG", ["MSTG", "SCANN"])])
def test_where_there_is_no_mstg_the_index_is_scann(
    indices: Connection, unknown: str, kinds: list[str]
) -> None:
    asked = ByAnotherDialect(indices, MyScale(), unknown)
    Store(asked).keep_indexed(DIM)
    made = [sql for sql in asked.said if "ADD VECTOR INDEX" in sql]
    assert [sql.partition(" TYPE ")[2] for sql in made] == [
        f"{kind}('metric_type=Cosine')" for kind in kinds
    ]


def test_another_failure_of_the_index_is_no_reason_for_another_type(indices: Connection) -> None:
    class Failing(ByAnotherDialect):
        def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
            if "VECTOR INDEX" in sql:
                raise StoreError("no memory")
            super().execute(sql, params)

    failing = Failing(indices, MyScale())
    with pytest.raises(StoreError, match="no memory"):
        Store(failing).keep_indexed(DIM)


def test_deletes_without_subqueries_delete_the_same(connection: Connection) -> None:
    """As on a cluster, whose replicas must not each look for themselves."""
    dialect = Chdb()
    dialect.capabilities = replace(
        dialect.capabilities, subqueries_in_deletes=False, values_in_a_change=2
    )
    apart = ByAnotherDialect(connection, dialect)
    journal = Journal(apart)
    names = [f"file:///it's \\{n}.jpg" for n in range(5)]
    for attempt in (1, 2):
        journal.record([Failure(url, "decode", "bad", "no", attempt) for url in names])
    assert [(each.url, each.attempts) for each in journal.failures()] == [(u, 2) for u in names]
    assert len([sql for sql in apart.said if "Tuple(String, String)" in sql]) == 3  # 5, two each
    connection.execute("INSERT INTO thumbnails SELECT concat('orphan', toString(number)), 'x' FROM numbers(3)")  # fmt: skip
    Store(apart).repair()
    assert connection.value("SELECT count() FROM thumbnails") == 0
    assert not [sql for sql in apart.said if "SELECT" in sql]
    journal.clear(names)
    assert journal.failures() == []


def test_a_statement_that_cannot_be_spread_is_not_run_as_it_is() -> None:
    with pytest.raises(ValueError, match="DROP"):
        Cluster("many", "photos").spread("DROP TABLE photos")


def test_settings_are_added_and_left_out() -> None:
    made = "CREATE TABLE t (x Int8) ENGINE = MergeTree ORDER BY x"
    given = f"{made}\n    SETTINGS a = 1,  b = 2\n    "
    assert with_settings(made) == made
    assert with_settings(made, ("c = 3",)) == f"{made} SETTINGS c = 3"
    assert with_settings(given, ("c = 3",)) == f"{made} SETTINGS a = 1, b = 2, c = 3"
    assert with_settings(given, ("c = 3",), {"b"}) == f"{made} SETTINGS b = 2"
    assert with_settings(given, ("c = 3",), set()) == made

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.store.connect import Connection

FILTERED = "SELECT id, distance(v, [1.0, 2]) AS d FROM made WHERE id > 3 ORDER BY d LIMIT 7"


@pytest.fixture(scope="module")
def vectors(connection: Connection) -> VectorSQL:
    translator = VectorSQL(connection, lambda text: np.array([0.1, len(text)], np.float32))
    made = translator.translate(
        "CREATE TABLE made (id UInt64, v Array(Float32), VECTOR INDEX i v TYPE"
        " MSTG('metric_type=Cosine'), CONSTRAINT l CHECK length(v) = 2) ORDER BY id",
        {},
    )
    for statement in made.statements:
        connection.execute(statement)
    assert made.done is not None
    made.done()
    return translator


@pytest.mark.parametrize(
    "sql",
    [
        "",
        " ; ",
        "SELECT 1",
        "SELECT 'never closed",
        "INSERT INTO made FORMAT TSV\n1\t'distance(v, q)\n",
        "INSERT INTO made (id, vector) VALUES (1, 'distance(",
        'INSERT INTO made (id, distance) FORMAT JSONEachRow {"distance": 3}',
        "CREATE FUNCTION distance AS (a, b) -> 1",
        "CREATE TABLE distance (distance Float32, vector String) ORDER BY distance",
        "CREATE TABLE vector_indices (a Int8) ORDER BY a",
        "INSERT INTO distance (a, b) SELECT 1, 2",
        "SELECT distance(a), distance(a, b, c), t.distance(a, b) FROM t",
        "SELECT L2Distance(v, [1.0, 2]), cosineDistance(v, w), editDistance('a', 'b') FROM made",
        "SELECT 1 AS distance, distance + 1 FROM vector_indices",
        "ALTER TABLE made ADD COLUMN vector Int8, DROP INDEX i",
        "SELECT 'system.vector_indices', system.tables.name FROM system.tables",
        "WITH distance (a, b) AS (SELECT 1, 2) SELECT 1",
    ],
)
def test_what_is_left_alone(vectors: VectorSQL, sql: str) -> None:
    translation = vectors.translate(sql, {})
    assert translation.statements == (sql,)
    assert (translation.params, translation.ours, translation.probe) == ({}, frozenset(), None)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO made VALUES (1, [1, 2])", "1"),
        ("/* x */ insert into default.made FORMAT Native", "1"),
        ("INSERT INTO photos FORMAT Native", None),
        ("SELECT 1", None),
    ],
)
def test_inserts_build_the_indexes_of_users(
    vectors: VectorSQL, sql: str, expected: str | None
) -> None:
    settings = vectors.translate(sql, {}).settings
    assert settings.get("materialize_skip_indexes_on_insert") == expected


def test_embed_becomes_a_parameter(vectors: VectorSQL) -> None:
    translation = vectors.translate(
        "SELECT distance(v, embed({text:String})) AS d, embed('abc') FROM made ORDER BY d LIMIT 2",
        {"text": "red", "_embed_0": "taken"},
    )
    assert translation.statements == (
        "SELECT cosineDistance(v, {_embed_1:Array(Float32)}) AS d, {_embed_2:Array(Float32)}"
        " FROM made ORDER BY d LIMIT 2",
    )
    assert translation.params == {"_embed_1": "[0.1,3.0]", "_embed_2": "[0.1,3.0]"}
    values = vectors.translate("INSERT INTO made VALUES (1, embed('ab'))", {})
    assert values.statements == ("INSERT INTO made VALUES (1, {_embed_0:Array(Float32)})",)


@pytest.mark.parametrize(("counted", "fast"), [(7, True), (8, True), (6, False), (0, False)])
def test_a_filtered_search_is_fast_only_with_every_row(
    vectors: VectorSQL, counted: int, fast: bool
) -> None:
    translation = vectors.translate(FILTERED, {})
    asked: list[str] = []

    def count(sql: str, settings: Mapping[str, str]) -> int:
        asked.append(sql)
        assert settings["vector_search_with_rescoring"] == "0"
        return counted

    settled = translation.settled(count)
    assert asked == [f"SELECT count() FROM ({translation.statements[0]})"]
    assert ("query_plan_try_use_vector_search" not in settled.settings) is fast
    assert settled.settings["vector_search_with_rescoring"] == "1"


def test_a_count_that_fails_leaves_the_safe_way(vectors: VectorSQL) -> None:
    translation = vectors.translate(FILTERED, {})

    def count(sql: str, settings: Mapping[str, str]) -> int:
        raise InvalidSQL("no")

    assert translation.settled(count) == translation
    plain = vectors.translate("SELECT 1", {})
    assert plain.settled(count) is plain


def test_a_statement_has_not_too_many_calls(vectors: VectorSQL) -> None:
    calls = ", ".join(["distance(v, [1.0, 2])"] * 101)
    with pytest.raises(InvalidSQL, match="more than 100") as caught:
        vectors.translate(f"SELECT {calls} FROM made", {})
    assert caught.value.engine_code == 168


@pytest.mark.parametrize("database", ["system", "default"])
def test_the_table_of_indices_in_its_own_database(vectors: VectorSQL, database: str) -> None:
    (statement,) = vectors.translate("SELECT * FROM vector_indices", {}, database).statements
    assert ("arrayJoin" in statement) is (database == "system")

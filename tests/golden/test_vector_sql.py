"""MyScale's statements and what is run instead, one file each; `--update-golden` writes them anew.

Every statement of the files is one that the engine's own parser takes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vistazo.sqlserver.myscale.translate import Translation, VectorSQL
from vistazo.store.connect import Connection

HERE = Path(__file__).parent / "vector_sql"
Q = "[0.5, -1, 2.0, 1e-3]"
CASES = {
    "add": "ALTER TABLE plain ADD VECTOR INDEX i v TYPE MSTG",
    "add_cosine": "alter table default.plain\nadd vector index if not exists i v\n"
    "type mstg\n('metric_type=Cosine', 'alpha=2')",
    "add_flat": "ALTER TABLE plain ADD VECTOR INDEX i v TYPE FLAT('metric_type=IP');",
    "add_hnsw": "ALTER TABLE plain ADD VECTOR INDEX i v TYPE HNSWFLAT('m=16','ef_c=200','ef_s=64')",
    "add_among_others": "ALTER TABLE plain ADD COLUMN n Int8, ADD VECTOR INDEX i v TYPE SCANN,"
    " MODIFY COMMENT 'ADD VECTOR INDEX j v TYPE MSTG'",
    "drop": "ALTER TABLE squared DROP VECTOR INDEX i",
    "drop_missing": "ALTER TABLE plain DROP VECTOR INDEX IF EXISTS `i'j`",
    "create_index": "CREATE VECTOR INDEX i ON plain v TYPE IVFPQ('M=2', 'nprobe=3')",
    "create_table": "CREATE TABLE made (id UInt64, v Array(Float32), VECTOR INDEX i v TYPE"
    " MSTG('metric_type=Cosine'), w Array(Float32), VECTOR INDEX j w TYPE FLAT, CONSTRAINT a CHECK"
    " length(v) = 4, CONSTRAINT b CHECK 8 = length(w)) ORDER BY id",
    "create_table_flat_first": "CREATE TABLE IF NOT EXISTS made (VECTOR INDEX i v TYPE FLAT,"
    " v Array(Float32), CONSTRAINT a CHECK length(v) = 4 AND v[1] > 0) ENGINE = MergeTree"
    " ORDER BY tuple()",
    "wait": "SYSTEM WAIT BUILDING VECTOR INDICES squared",
    "cosine": f"SELECT id, distance(v, {Q}) AS d FROM plain ORDER BY d LIMIT 5",
    "squared": f"SELECT id, distance(v, {Q}) AS d FROM squared ORDER BY d ASC LIMIT 5",
    "squared_call": f"SELECT id FROM squared ORDER BY distance(v, {Q}) LIMIT 5 OFFSET 5",
    "squared_exact": f"SELECT id, distance(v, {Q}) AS d FROM squared ORDER BY d, id LIMIT 5",
    "product": "SELECT id, distance(v, {q:Array(Float32)}) d FROM product ORDER BY d DESC LIMIT 5",
    "breadth": f"SELECT id, distance('alpha=4')(v, {Q}) AS d FROM product ORDER BY d DESC LIMIT 5",
    "filtered": f"WITH {Q} AS q SELECT id, distance(v, q) AS d FROM squared PREWHERE id > 7"
    " WHERE d < 9 ORDER BY d LIMIT 5 FORMAT JSON",
    "joined": f"SELECT p.id, count(*) AS n FROM product AS p JOIN (SELECT id, distance(v, {Q}) AS"
    " dist FROM default.squared ORDER BY dist LIMIT 3) AS k ON p.id = k.id GROUP BY p.id"
    " ORDER BY n DESC",
    "batch": f"SELECT id, batch_distance(v, [{Q}, {Q}]) AS d FROM squared ORDER BY d.1, d.2"
    " LIMIT 5 BY d.1",
    "embed": "SELECT id, distance(v, embed('a red car')) AS d FROM plain ORDER BY d LIMIT 5",
    "view": f"CREATE VIEW seen AS SELECT id, distance(v, {Q}) AS d FROM product ORDER BY d DESC"
    " LIMIT 5",
    "status": "SELECT status FROM system.vector_indices WHERE name = 'i' AND `table` = 'product'",
    "status_joined": "SELECT a.name, system.vector_indices.status FROM system . `vector_indices`"
    " JOIN system.vector_indices a USING (database, table)",
    "describe": "DESCRIBE TABLE system.vector_indices",
    "insert": "INSERT INTO squared SELECT id, v FROM plain",
}


@pytest.fixture(scope="module")
def vectors(connection: Connection) -> VectorSQL:
    """Tables of four dimensions, two of them with an index named i."""
    translator = VectorSQL(connection, lambda text: np.array([1, 0, 0.5, -2], np.float32))
    for name, metric in (("plain", ""), ("squared", "L2"), ("product", "IP")):
        connection.execute(
            f"CREATE TABLE {name} (id UInt64, v Array(Float32),"
            " CONSTRAINT l CHECK length(v) = 4) ORDER BY id"
        )
        if metric:
            added = translator.translate(
                f"ALTER TABLE {name} ADD VECTOR INDEX i v TYPE MSTG('metric_type={metric}')", {}
            )
            for statement in added.statements:
                connection.execute(statement)
            assert added.done is not None
            added.done()
    return translator


def shown(sql: str, translation: Translation) -> str:
    lines = [f"-- {line}" for line in sql.splitlines()]
    ours = {True: " -- ours", False: ""}
    lines += [f"{text};{ours[text in translation.ours]}" for text in translation.statements]
    lines += [f"-- {name} = {value}" for name, value in translation.settings.items()]
    lines += [f"-- {name}: {value}" for name, value in translation.params.items()]
    if translation.probe:
        lines.append("-- faster if these count enough:")
        lines += [f"{sql}; -- {rows}" for sql, rows in translation.probe.counts]
        lines += [f"-- {name} = {value}" for name, value in translation.probe.counting.items()]
        lines.append("-- and then:")
        lines += [f"-- {name} = {value}" for name, value in translation.probe.settings.items()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_the_text(name: str, vectors: VectorSQL, request: pytest.FixtureRequest) -> None:
    translation = vectors.translate(CASES[name], {})
    text = shown(CASES[name], translation)
    golden = HERE / f"{name}.sql"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing: run with --update-golden and review it"
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_the_engine_parses_it(name: str, vectors: VectorSQL, connection: Connection) -> None:
    translation = vectors.translate(CASES[name], {})
    counts = translation.probe.counts if translation.probe else ()
    for sql in (*translation.statements, *(sql for sql, _ in counts)):
        assert connection.value("SELECT formatQuerySingleLine({sql:String})", {"sql": sql})


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(CASES)

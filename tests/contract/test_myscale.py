"""MyScale's vector SQL on the real engine, against NumPy."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vector_server import Server, distances, finds_all, nearest
from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.store.connect import Connection

DIM, ROWS = 16, 4000
RNG = np.random.default_rng(7)
VECTORS = RNG.standard_normal((ROWS, DIM)).astype(np.float32)
QUERY = RNG.standard_normal(DIM).astype(np.float32)
Q = str(QUERY.tolist())
METRICS = ("Cosine", "L2", "IP")
ORDER = {"Cosine": "ASC", "L2": "", "IP": "DESC"}
FORCED = {"force_data_skipping_indices": "i"}
# Many small granules: some ways of the engine return every row of a granule that holds a candidate.
TABLE = (
    "(id UInt64, g UInt8, v Array(Float32), CONSTRAINT l CHECK length(v) = {dim})"
    " ORDER BY id SETTINGS index_granularity = 32"
)


def embed(text: str) -> np.ndarray:
    return QUERY


@pytest.fixture(scope="module")
def server(connection: Connection) -> Server:
    """Tables t_cosine, t_l2 and t_ip of 4,000 rows, each with a built index named i."""
    made = Server(connection, VectorSQL(connection, embed))
    for metric in METRICS:
        make(made, f"t_{metric.lower()}", metric)
    return made


def make(server: Server, name: str, metric: str = "", kind: str = "MSTG", rows: int = ROWS) -> None:
    server.run(f"DROP TABLE IF EXISTS {name}")
    server.run(f"CREATE TABLE {name} {TABLE.format(dim=DIM)}")
    server.fill(name, VECTORS[:rows])
    if metric:
        build(server, name, metric, kind)
        for _ in range(20):
            if kind.upper() == "FLAT" or finds_all(
                server, f"{name}.v", metric, VECTORS[:rows], QUERY
            ):
                return
            server.run(f"ALTER TABLE {name} DROP VECTOR INDEX i")
            build(server, name, metric, kind)
        raise AssertionError("no build of the index found every neighbour")


def build(server: Server, name: str, metric: str, kind: str) -> None:
    server.run(f"ALTER TABLE {name} ADD VECTOR INDEX i v TYPE {kind}('metric_type={metric}')")
    server.run(f"SYSTEM WAIT BUILDING VECTOR INDICES {name}")


def status(server: Server, table: str) -> list[str]:
    rows = server.run(f"SELECT status FROM system.vector_indices WHERE table = '{table}'")
    return [row["status"] for row in rows]


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "vector", [Q, "{q:Array(Float32)}", f"(SELECT {Q}::Array(Float32))", "embed('x')"]
)
def test_a_search_uses_the_index_and_is_right(server: Server, metric: str, vector: str) -> None:
    rows = server.run(
        f"SELECT id, distance(v, {vector}) AS dist FROM default.t_{metric.lower()}"
        f" ORDER BY dist {ORDER[metric]} LIMIT 10",
        {"q": QUERY.tolist()} if "{q" in vector else {},
        settings=FORCED,
    )
    expected = nearest(metric, VECTORS, QUERY, 10)
    assert ids(rows) == expected
    truth = distances(metric, VECTORS, QUERY)[expected]
    assert np.allclose([row["dist"] for row in rows], truth, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.id FROM t_l2 AS t ORDER BY distance(t.v, {q}) LIMIT 10",
        "WITH {q} AS w SELECT id, distance('alpha=4')(v, w) AS `d i` FROM t_l2 ORDER BY `d i`"
        " LIMIT 10",
        "SELECT id FROM (SELECT id, distance(v, {q}) d FROM t_l2 ORDER BY d LIMIT 10) ORDER BY d",
        "WITH k AS (SELECT id, distance(v, {q}) AS d FROM t_l2 ORDER BY d LIMIT 10)"
        " SELECT id FROM k ORDER BY d",
        "SELECT k.id FROM (SELECT id, distance(v, {q}) AS dist FROM t_l2 ORDER BY dist LIMIT 10)"
        " AS k INNER JOIN (SELECT number FROM numbers(4000)) AS n ON k.id = n.number"
        " ORDER BY k.dist",
        "SELECT id, distance(v, {q}) AS d, pow(d, 0.5) FROM t_l2 ORDER BY d LIMIT 10",
        "SELECT id FROM t_l2 WHERE id != 4001 ORDER BY distance(v, {q}) ASC LIMIT 10",
        "SELECT id, distance(v, {q}) AS d FROM t_l2 PREWHERE g != 101 ORDER BY d LIMIT 10",
    ],
)
def test_the_index_is_used_in_other_forms(server: Server, sql: str) -> None:
    rows = server.run(sql.replace("{q}", Q), settings=FORCED)
    assert ids(rows) == nearest("L2", VECTORS, QUERY, 10)


def test_without_an_index_it_is_cosine_and_exact(server: Server) -> None:
    make(server, "bare")
    rows = server.run(f"SELECT id, distance(v, {Q}) AS d FROM bare ORDER BY d LIMIT 10")
    assert ids(rows) == nearest("Cosine", VECTORS, QUERY, 10)


@pytest.mark.parametrize("metric", METRICS)
def test_flat_has_a_metric_and_reads_every_row(server: Server, metric: str) -> None:
    make(server, "flat", metric, "flat", rows=300)
    sql = f"SELECT id, distance(v, {Q}) AS d FROM flat ORDER BY d {ORDER[metric]} LIMIT 5"
    assert ids(server.run(sql)) == nearest(metric, VECTORS[:300], QUERY, 5)
    assert status(server, "flat") == ["Built"]
    with pytest.raises(InvalidSQL, match="not used|unknown|Index"):
        server.run(sql, settings=FORCED)


# Filters and deletes


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("word", ["WHERE", "PREWHERE"])
@pytest.mark.parametrize("probing", [True, False])
@pytest.mark.parametrize("condition", ["g = 3", "g < 50", "id != {first}", "id IN (1, 2, 3)"])
def test_a_filter_takes_no_row_away(
    server: Server, metric: str, word: str, probing: bool, condition: str
) -> None:
    everything = np.arange(ROWS)
    first = nearest(metric, VECTORS, QUERY, 1)[0]
    among = {
        "g = 3": everything % 100 == 3,
        "g < 50": everything % 100 < 50,
        "id != {first}": everything != first,
        "id IN (1, 2, 3)": np.isin(everything, [1, 2, 3]),
    }[condition]
    rows = server.run(
        f"SELECT id, distance(v, {Q}) AS d FROM t_{metric.lower()} {word}"
        f" {condition.format(first=first)} ORDER BY d {ORDER[metric]} LIMIT 10",
        probing=probing,
    )
    assert ids(rows) == nearest(metric, VECTORS, QUERY, 10, among)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY 2 LIMIT 10",
        "SELECT id, (distance(v, {q})) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT 10",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY (d) LIMIT 10",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d, id LIMIT 0, 10",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT 0, 10",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT {k:UInt8}",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT 5 + 5",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine PREWHERE g = 3 OR 0 WHERE 1 OR 0"
        " ORDER BY d LIMIT 10",
        "SELECT id FROM (SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d"
        " LIMIT 10) ORDER BY d",
        "SELECT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT 1 BY id"
        " LIMIT 10",
        "SELECT id, any(distance(v, {q})) AS d FROM t_cosine WHERE g = 3 GROUP BY id ORDER BY d"
        " LIMIT 10",
        "SELECT DISTINCT id, distance(v, {q}) AS d FROM t_cosine WHERE g = 3 ORDER BY d LIMIT 10",
    ],
)
def test_other_forms_of_a_filter(server: Server, sql: str) -> None:
    rows = server.run(sql.replace("{q}", Q), {"k": 10} if "{k" in sql else {})
    assert ids(rows) == nearest("Cosine", VECTORS, QUERY, 10, np.arange(ROWS) % 100 == 3)


def test_a_filter_by_the_distance_itself(server: Server) -> None:
    truth = distances("L2", VECTORS, QUERY)
    bound = float(np.sort(truth)[7]) + 1e-4
    rows = server.run(
        f"SELECT id, distance(v, {Q}) AS d FROM t_l2 WHERE d < {bound} ORDER BY d LIMIT 100"
    )
    assert ids(rows) == nearest("L2", VECTORS, QUERY, 8)


@pytest.mark.parametrize("by", ["the endpoint", "the library"])
def test_deleted_rows_take_no_others_away(server: Server, by: str) -> None:
    make(server, "gone", "Cosine")
    search = f"SELECT id, distance(v, {Q}) AS d FROM gone ORDER BY d LIMIT 10"
    doomed = nearest("Cosine", VECTORS, QUERY, 200)
    assert ids(server.run(search, settings=FORCED)) == doomed[:10]
    delete = f"DELETE FROM gone WHERE id IN ({', '.join(map(str, doomed))})"
    patched = " SETTINGS lightweight_delete_mode = 'alter_update'"  # the table keeps no blocks
    if by == "the endpoint":
        server.run(delete + patched)
    else:
        server.connection.execute(delete + patched)
    among = ~np.isin(np.arange(ROWS), doomed)
    assert ids(server.run(search)) == nearest("Cosine", VECTORS, QUERY, 10, among)
    assert ids(server.run(search, probing=False)) == nearest("Cosine", VECTORS, QUERY, 10, among)


def test_a_limit_above_a_thousand(server: Server) -> None:
    sql = f"SELECT id, distance(v, {Q}) AS d FROM t_l2 ORDER BY d LIMIT {{}}"
    rows = server.run(sql.format(1500), settings=FORCED)
    assert len(rows) == 1500
    assert len(set(ids(rows)) & set(nearest("L2", VECTORS, QUERY, 1500))) > 1450
    assert len(server.run(sql.format(20_000))) == ROWS


# Batches


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_of_queries(server: Server, metric: str) -> None:
    queries = RNG.standard_normal((3, DIM)).astype(np.float32)
    order = "d.1, d.2 DESC" if metric == "IP" else "d.1, d.2"
    rows = server.run(
        f"SELECT id, batch_distance(v, {queries.tolist()}) AS d FROM t_{metric.lower()}"
        f" WHERE g < 90 ORDER BY {order} LIMIT 5 BY d.1"
    )
    among = np.arange(ROWS) % 100 < 90
    expected = [
        (number, row)
        for number, query in enumerate(queries)
        for row in nearest(metric, VECTORS, query, 5, among)
    ]
    assert [(row["d"]["1"], row["id"]) for row in rows] == expected
    truth = [distances(metric, VECTORS, queries[n])[row] for n, row in expected]
    assert np.allclose([row["d"]["2"] for row in rows], truth, rtol=1e-4, atol=1e-5)
    bound = server.run(
        f"SELECT id, batch_distance(v, {{qs:Array(Array(Float32))}}) AS d FROM"
        f" t_{metric.lower()} WHERE g < 90 ORDER BY {order} LIMIT 5 BY d.1",
        {"qs": queries.tolist()},
    )
    assert bound == rows


# Rows and statuses


def test_rows_that_come_later_are_indexed(server: Server) -> None:
    make(server, "later", "Cosine", rows=2000)
    server.run("CREATE TABLE IF NOT EXISTS more AS later")
    server.connection.execute("ALTER TABLE more DROP INDEX i")
    server.fill("more", VECTORS[2000:], first=2000)
    server.run("INSERT INTO later SELECT * FROM more")
    assert status(server, "later") == ["Built"]
    sql = f"SELECT id, distance(v, {Q}) AS d FROM later ORDER BY d LIMIT 10"
    assert ids(server.run(sql, settings=FORCED)) == nearest("Cosine", VECTORS, QUERY, 10)
    parts = server.run("SELECT total_parts, parts_with_vector_index FROM system.vector_indices"
                       " WHERE table = 'later'")  # fmt: skip
    assert parts[0]["total_parts"] == parts[0]["parts_with_vector_index"] > 0


def test_an_index_is_built_in_the_background(server: Server) -> None:
    make(server, "slow")
    server.fill("slow", VECTORS, first=ROWS)
    server.run("ALTER TABLE slow ADD VECTOR INDEX i v TYPE HNSWFLAT('ef_c=1024', 'm=128')")
    states = [status(server, "slow")[0]]
    deadline = time.monotonic() + 120
    while states[-1] == "InProgress" and time.monotonic() < deadline:
        time.sleep(0.05)
        states.append(status(server, "slow")[0])
    assert (states[0], states[-1]) == ("InProgress", "Built")


def test_a_build_that_fails_says_so(server: Server) -> None:
    server.run("DROP TABLE IF EXISTS broken")
    server.run("CREATE TABLE broken (id UInt64, g UInt8, v Array(Float32)) ORDER BY id")
    server.fill("broken", VECTORS[:100])
    server.run("ALTER TABLE broken ADD CONSTRAINT l CHECK length(v) = 3")
    server.run("ALTER TABLE broken ADD VECTOR INDEX i v TYPE SCANN")
    deadline = time.monotonic() + 60
    while status(server, "broken") == ["InProgress"] and time.monotonic() < deadline:
        time.sleep(0.05)
    row = server.run("SELECT * FROM system.vector_indices WHERE table = 'broken'")[0]
    assert row["status"] == "Error"
    assert row["latest_failed_part"]
    assert "16 elements, expects 3" in row["latest_fail_reason"]
    server.run("ALTER TABLE broken DROP VECTOR INDEX i")
    assert status(server, "broken") == []


def test_the_table_of_indices(server: Server) -> None:
    (row,) = server.run("SELECT * FROM system.vector_indices WHERE table = 't_l2' AND name = 'i'")
    assert row == {
        "database": "default",
        "table": "t_l2",
        "name": "i",
        "type": "MSTG",
        "expr": "i v TYPE MSTG('metric_type=L2')",
        "total_parts": 1,
        "parts_with_vector_index": 1,
        "small_parts": 0,
        "status": "Built",
        "host_name": "localhost",
        "latest_failed_part": "",
        "latest_fail_reason": "",
    }
    described = server.run("DESCRIBE TABLE system.vector_indices")
    assert [each["name"] for each in described] == list(row)
    assert server.run("EXISTS TABLE system.vector_indices") == [{"result": 1}]
    joined = server.run(
        "SELECT a.name AS name, system.vector_indices.table AS t FROM system.vector_indices"
        " JOIN `system`.\"vector_indices\" AS a USING (database, table, name) WHERE t = 't_ip'"
    )
    assert joined == [{"name": "i", "t": "t_ip"}]


# Whose column it is


@pytest.mark.parametrize(
    ("sql", "metric"),
    [
        ("SELECT a.id AS id, distance(a.v, {q}) AS d FROM t_ip AS a JOIN t_l2 AS b USING (id)"
         " ORDER BY d DESC LIMIT 5", "IP"),
        ("SELECT a.id AS id, distance(b.v, {q}) AS d FROM t_ip AS a JOIN t_l2 AS b USING (id)"
         " ORDER BY d LIMIT 5", "L2"),
        ("SELECT id, distance(w, {q}) AS d FROM (SELECT id, v AS w FROM t_l2) ORDER BY d LIMIT 5",
         "L2"),
        ("WITH c AS (SELECT * FROM t_l2) SELECT id, distance(v, {q}) AS d FROM c ORDER BY d"
         " LIMIT 5", "L2"),
        ("SELECT id, distance(v, {q}) AS d FROM seen ORDER BY d LIMIT 5", "L2"),
        ("SELECT id, distance(default.t_l2.v, {q}) AS d FROM default.t_l2 ORDER BY d LIMIT 5",
         "L2"),
        ("SELECT id FROM t_cosine AS a JOIN (SELECT id, distance(v, {q}) AS d FROM t_l2) AS b"
         " USING (id) ORDER BY b.d LIMIT 5", "L2"),
        ("SELECT id, d FROM (SELECT id, distance(v, {q}) AS d FROM t_l2 UNION ALL SELECT id + 9999,"
         " -distance(v, {q}) + 1e9 FROM t_ip) ORDER BY d LIMIT 5", "L2"),
    ],
)  # fmt: skip
def test_whose_column_it_is(server: Server, sql: str, metric: str) -> None:
    server.run("CREATE OR REPLACE VIEW seen AS SELECT id, v FROM t_l2")
    rows = server.run(sql.replace("{q}", Q))
    assert ids(rows) == nearest(metric, VECTORS, QUERY, 5)


def test_a_column_of_two_metrics_is_ambiguous(server: Server) -> None:
    with pytest.raises(InvalidSQL, match="ambiguous.* IP and L2 ") as caught:
        server.run(f"SELECT distance(v, {Q}) AS d FROM t_l2, t_ip ORDER BY d LIMIT 1")
    assert caught.value.engine_code == 207


def test_changes_of_rows_by_distance(server: Server) -> None:
    make(server, "near", "L2", rows=500)
    bound = float(np.sort(distances("L2", VECTORS[:500], QUERY))[100]) - 1e-4
    sql = f"DELETE FROM near WHERE distance(v, {Q}) >= {bound}"
    server.run(sql + " SETTINGS lightweight_delete_mode = 'alter_update'")
    rows = server.run("SELECT id FROM near")
    assert set(ids(rows)) == set(nearest("L2", VECTORS[:500], QUERY, 100))


def test_a_view_does_not_depend_on_settings(server: Server) -> None:
    server.run(f"CREATE OR REPLACE VIEW top AS SELECT id, distance(v, {Q}) AS d FROM t_ip"
               " ORDER BY d DESC LIMIT 5")  # fmt: skip
    rows = server.connection.rows("SELECT id, d FROM top ORDER BY d DESC")
    assert ids(rows) == nearest("IP", VECTORS, QUERY, 5)


# What becomes of indexes


@pytest.mark.parametrize("kind", ["MSTG", "FLAT"])
@pytest.mark.parametrize(
    ("change", "left"),
    [
        (["DROP TABLE a"], []),
        (["DROP TABLE a", "CREATE TABLE a {table}"], []),
        (["CREATE OR REPLACE TABLE a {table}"], []),
        (["RENAME TABLE a TO b"], ["b"]),
        (["CREATE TABLE b {table}", "EXCHANGE TABLES a AND b"], ["b"]),
        (["ALTER TABLE a DROP INDEX IF EXISTS i", "ALTER TABLE a DROP COLUMN v"], []),
        (["ALTER TABLE a DROP VECTOR INDEX i"], []),
        (["TRUNCATE TABLE a"], ["a"]),
    ],
)
def test_what_becomes_of_an_index(
    server: Server, kind: str, change: list[str], left: list[str]
) -> None:
    for name in ("a", "b"):
        server.run(f"DROP TABLE IF EXISTS {name}")
    table = "(id UInt64, v Array(Float32), {}) ORDER BY id"
    with_check = table.format("CONSTRAINT l CHECK length(v) = 4")
    server.run(f"CREATE TABLE a {with_check}")
    server.run(f"ALTER TABLE a ADD VECTOR INDEX i v TYPE {kind}")
    for statement in change:
        if "DROP COLUMN" in statement:
            server.run("ALTER TABLE a DROP CONSTRAINT l")
        server.run(statement.format(table=with_check))
    rows = server.run(
        "SELECT table, type, status FROM system.vector_indices WHERE table IN ('a', 'b')"
    )
    assert rows == [{"table": name, "type": kind, "status": "Built"} for name in left]


def test_a_table_as_another_keeps_its_metric_or_is_refused(server: Server) -> None:
    make(server, "graph", "IP", rows=200)
    server.run("CREATE TABLE graph_again AS graph")
    server.run("INSERT INTO graph_again SELECT * FROM graph")
    rows = server.run(f"SELECT id, distance(v, {Q}) AS d FROM graph_again ORDER BY d DESC LIMIT 5")
    assert ids(rows) == nearest("IP", VECTORS[:200], QUERY, 5)
    make(server, "flat", "IP", rows=200, kind="FLAT")
    for sql in (
        "CREATE TABLE flat_again AS flat",
        "CREATE OR REPLACE TABLE b as `flat` ORDER BY g",
    ):
        with pytest.raises(InvalidSQL, match="without its vector index") as caught:
            server.run(sql)
        assert caught.value.engine_code == 48
    server.run("CREATE TABLE flat_copy ENGINE = Memory AS SELECT id FROM flat")


def test_indexes_survive_a_restart(tmp_path: Path) -> None:
    opened = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from vector_server import Server
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.schema import migrate
address = parse({str(tmp_path / "library")!r})
connection = connect(address, create=True, wait_s=0)
migrate(connection)
server = Server(connection, VectorSQL(connection, lambda text: None))
"""
    made = """
server.run("CREATE TABLE t (id UInt64, v Array(Float32), w Array(Float32),"
           " VECTOR INDEX i v TYPE MSTG('metric_type=IP'), VECTOR INDEX j w TYPE FLAT,"
           " CONSTRAINT a CHECK length(v) = 2, CONSTRAINT b CHECK length(w) = 2) ORDER BY id")
server.run("INSERT INTO t SELECT number, [number, 1], [number, 1] FROM numbers(100)")
disconnect(address)
"""
    asked = """
print(server.run("SELECT name, type, status FROM system.vector_indices"))
print(server.run("SELECT id, distance(v, [1.0, 0]) AS d FROM t ORDER BY d DESC LIMIT 1",
                 settings={"force_data_skipping_indices": "i"}))
print(server.run("SELECT id, distance(w, [9.25, 1]) AS d FROM t ORDER BY d LIMIT 2"))
disconnect(address)
"""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", opened + body], check=True, capture_output=True, text=True
        ).stdout
        for body in (made, asked)
    ]
    assert outputs[1].splitlines() == [
        "[{'name': 'i', 'type': 'MSTG', 'status': 'Built'},"
        " {'name': 'j', 'type': 'FLAT', 'status': 'Built'}]",
        "[{'id': 99, 'd': 99.0}]",
        "[{'id': 9, 'd': 0.0625}, {'id': 10, 'd': 0.5625}]",
    ]


def test_the_library_has_one_index_of_its_own(server: Server) -> None:
    server.connection.execute(
        "ALTER TABLE photos ADD CONSTRAINT IF NOT EXISTS vector_len CHECK length(photo_embed) = 4"
    )
    add = "ALTER TABLE photos ADD VECTOR INDEX {} photo_embed TYPE MSTG('metric_type={}')"
    for name, metric in (("mine", "Cosine"), ("photo_embed_index", "L2")):
        with pytest.raises(InvalidSQL, match="the library's own vector index"):
            server.run(add.format(name, metric))
    for _ in range(2):
        server.run(add.format("photo_embed_index", "Cosine"))
    rows = server.run("SELECT name, type FROM system.vector_indices WHERE table = 'photos'")
    assert rows == [{"name": "photo_embed_index", "type": "MSTG"}]
    own = server.connection.rows(
        "SELECT name FROM system.data_skipping_indices WHERE table = 'photos'"
    )
    assert own == [{"name": "photo_embed_index"}]
    with pytest.raises(InvalidSQL, match="cannot be dropped") as caught:
        server.run("ALTER TABLE photos DROP VECTOR INDEX photo_embed_index")
    assert caught.value.engine_code == 497


# Refusals

Change = Callable[[Server], object]


@pytest.mark.parametrize(
    ("sql", "code", "says"),
    [
        ("ALTER TABLE t_l2 ADD VECTOR INDEX k v TYPE MSTG", 44, "has the vector index i"),
        ("ALTER TABLE t_l2 ADD VECTOR INDEX i g TYPE MSTG", 44, "Float32"),
        ("ALTER TABLE t_l2 ADD VECTOR INDEX k missing TYPE MSTG", 44, "no column 'missing'"),
        ("ALTER TABLE no_table ADD VECTOR INDEX k v TYPE MSTG", 60, "no_table"),
        ("ALTER TABLE t_l2 DROP VECTOR INDEX k", 36, "Cannot find vector index `k`"),
        ("ALTER TABLE free ADD VECTOR INDEX k v TYPE MSTG", 44, "CHECK length(v) = 512"),
        ("ALTER TABLE free ADD VECTOR INDEX k d TYPE MSTG", 44, "must be `Float32`"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE HNSWFLAT('m=7')", 36, "8~128"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE HNSWFLAT('ef_c=1025')", 36, "16~1024"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE MSTG('disk_mode=1')", 36,
         "valid parameters is [alpha,metric_type]"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE MSTG('alpha=5')", 36, "1~4"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE IVFPQ('ncentroids=3.9')", 36,
         "integer value for parameter: `ncentroids`, but got `3.9`"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE IVFPQ('M=3')", 36, "`dim`%`M`==0"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE IVFSQ('bit_size=8Bit')", 36, "QT_fp16"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE MSTG('metric_type=Hamming')", 36,
         "[Cosine, IP, L2]"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE BINARYFLAT", 48, "cannot be expressed"),
        ("ALTER TABLE ok ON CLUSTER c ADD VECTOR INDEX k v TYPE MSTG", 48, "ON CLUSTER"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE ANNOY", 36, "Unknown index type"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v", 62, "TYPE"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE MSTG(3)", 62, "in quotes"),
        ("ALTER TABLE ok ADD VECTOR INDEX k v TYPE MSTG GRANULARITY 1", 62, "end of the clause"),
        ("ALTER TABLE conversions ADD VECTOR INDEX k v TYPE MSTG", 497, "not yours"),
        ("ALTER TABLE system.tables ADD VECTOR INDEX k v TYPE MSTG", 497, "not yours"),
        ("CREATE TABLE n (v Array(Float32), VECTOR INDEX i v TYPE MSTG) ORDER BY v", 44, "length"),
        ("CREATE TEMPORARY TABLE n (v Array(Float32), VECTOR INDEX i v TYPE MSTG)", 48, "temporary"),
        ("SELECT id, distance(v, [1.0]) AS d FROM t_l2 ORDER BY d DESC LIMIT 3", 62, "needs ASC"),
        ("SELECT id, distance(v, [1.0]) AS d FROM t_ip ORDER BY d LIMIT 3", 62, "needs DESC"),
        ("SELECT id FROM free ORDER BY distance(v, [1.0]) DESC LIMIT 3", 62, "needs ASC"),
        ("SELECT distance('beta=3')(v, [1.0]) AS d FROM t_l2 ORDER BY d LIMIT 3", 36, "`beta`"),
        ("SELECT distance('alpha=9')(v, [1.0]) AS d FROM t_l2 ORDER BY d LIMIT 3", 36, "1~4"),
        ("SELECT TextSearch(g, 'x') AS s FROM t_l2 ORDER BY s DESC LIMIT 3", 48, "text index"),
        ("SELECT HybridSearch('fusion_type=RSF')(v, g, [1.0], 'x') AS s FROM t_l2", 48, "HybridS"),
        ("SHOW CREATE TABLE system.vector_indices", 48, "SELECT and DESCRIBE"),
        ("SELECT * FROM system.vector_index_segments", 48, "vector_index_segments"),
        ("CREATE VIEW w AS SELECT * FROM system.vector_indices", 48, "SELECT and DESCRIBE"),
    ],
)  # fmt: skip
def test_what_is_refused(server: Server, sql: str, code: int, says: str) -> None:
    server.run("CREATE TABLE IF NOT EXISTS free (id UInt64, v Array(Float32), d Array(Float64),"
               " CONSTRAINT l CHECK length(d) = 4) ORDER BY id")  # fmt: skip
    server.run("CREATE TABLE IF NOT EXISTS ok (id UInt64, v Array(Float32),"
               " CONSTRAINT l CHECK length(v) = 16) ORDER BY id")  # fmt: skip
    with pytest.raises(InvalidSQL) as caught:
        server.run(sql)
    assert caught.value.engine_code == code
    assert says in str(caught.value)

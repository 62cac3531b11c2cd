"""MyScale's vector SQL through the whole endpoint: translation, guard and engine, by a real client."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import httpx
import numpy as np
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from e2e.clients.conftest import Server, serving

DIM, ROWS, K = 32, 3000, 10
VECTORS = np.random.default_rng(5).standard_normal((ROWS, DIM)).astype(np.float32)
QUERY = VECTORS[7] + np.float32(0.1)
Q = str([round(float(number), 6) for number in QUERY])
NEXT = itertools.count()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("vectors") / "library", "s3cret") as found:
        yield found


@pytest.fixture(scope="module")
def client(guarded: Server) -> Iterator[Any]:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=guarded.port, username="anybody", password="s3cret"
    ) as found:
        yield found


def made(client: Any, index: str = "") -> str:
    """A table of the vectors, with an index."""
    name = f"pictures{next(NEXT)}"
    client.command(
        f"CREATE TABLE {name} (id UInt64, even UInt8, v Array(Float32),"
        f" CONSTRAINT l CHECK length(v) = {DIM}) ORDER BY id"
    )
    rows = [[n, n % 2 == 0, vector] for n, vector in enumerate(VECTORS.tolist())]
    client.insert(name, rows, column_names=["id", "even", "v"])
    metric = index.removesuffix("')").rpartition("=")[2]
    while index:
        client.command(f"ALTER TABLE {name} ADD VECTOR INDEX i v TYPE {index}")
        client.command(f"SYSTEM WAIT BUILDING VECTOR INDICES {name}")
        assert client.command(status_of(name)) == "Built"
        if has_all(client, name, metric):
            break
        client.command(f"ALTER TABLE {name} DROP VECTOR INDEX i")
    return name


def has_all(client: Any, name: str, metric: str) -> bool:
    """Whether near rows are all found by the engine's own words, few of them and many.

    A graph built by several threads loses a row now and then; a table is then indexed anew.
    """
    call = {"Cosine": "cosineDistance", "L2": "L2Distance", "IP": "dotProduct"}[metric]
    order = np.argsort(-distances(metric) if metric == "IP" else distances(metric)).tolist()
    for k in (20, 100):
        found = client.query(
            f"SELECT id FROM {name} ORDER BY {call}(v, {Q}){' DESC' if metric == 'IP' else ''}"
            f" LIMIT {k}",
            settings={"vector_search_with_rescoring": 1, "vector_search_index_fetch_multiplier": 3},
        )
        if {row[0] for row in found.result_rows} != set(order[:k]):
            return False
    return True


def status_of(name: str) -> str:
    return f"SELECT status FROM system.vector_indices WHERE table = '{name}' AND name = 'i'"


def distances(metric: str) -> Any:
    exact, query = VECTORS.astype(np.float64), QUERY.astype(np.float64)
    if metric == "L2":
        return ((exact - query) ** 2).sum(axis=1)
    if metric == "IP":
        return exact @ query
    return 1 - exact @ query / np.linalg.norm(exact, axis=1) / np.linalg.norm(query)


@pytest.mark.parametrize("kind", ["MSTG", "scann", "HNSWFLAT", "IVFFLAT", "FLAT"])
@pytest.mark.parametrize("metric", ["Cosine", "L2", "IP"])
def test_a_search(client: Any, kind: str, metric: str) -> None:
    name = made(client, f"{kind}('metric_type={metric}')")
    order = np.argsort(-distances(metric) if metric == "IP" else distances(metric))
    way = " DESC" if metric == "IP" else ""
    found = client.query(
        f"SELECT id, distance(v, {{q:Array(Float32)}}) AS d FROM {name} ORDER BY d{way} LIMIT {K}",
        parameters={"q": QUERY.tolist()},
        settings={} if kind == "FLAT" else {"force_data_skipping_indices": "i"},
    )
    assert [row[0] for row in found.result_rows] == order[:K].tolist()
    shown = [row[1] for row in found.result_rows]
    assert np.allclose(shown, distances(metric)[order[:K]], atol=1e-4)
    filtered = client.query(
        f"SELECT id, distance('alpha=3')(v, {Q}) AS d FROM {name} WHERE even ORDER BY d{way}"
        f" LIMIT {K}"
    )
    assert [row[0] for row in filtered.result_rows] == [n for n in order if n % 2 == 0][:K]


def test_an_index_goes_and_deleted_rows_take_no_others_away(client: Any) -> None:
    name = made(client, "MSTG('metric_type=L2')")
    order = np.argsort(distances("L2"))
    client.command(f"DELETE FROM {name} WHERE id IN ({','.join(map(str, order[:5]))})")
    ask = f"SELECT id, distance(v, {Q}) AS d FROM {name} ORDER BY d LIMIT {K}"
    assert [row[0] for row in client.query(ask).result_rows] == order[5 : 5 + K].tolist()
    client.command(f"ALTER TABLE {name} DROP VECTOR INDEX i, ADD COLUMN note String")
    assert client.query(status_of(name)).result_rows == []
    gone = set(order[:5].tolist())
    order = [n for n in np.argsort(distances("Cosine")) if n not in gone]
    assert [row[0] for row in client.query(ask).result_rows] == order[:K]


def test_an_index_inside_create_table(client: Any) -> None:
    while True:
        client.command("DROP TABLE IF EXISTS inside")
        client.command(
            "CREATE TABLE inside (id UInt64, v Array(Float32), VECTOR INDEX i v"
            f" TYPE MSTG('metric_type=Cosine'), CONSTRAINT l CHECK length(v) = {DIM}) ORDER BY id"
        )
        client.insert("inside", [[n, v] for n, v in enumerate(VECTORS.tolist())])
        if has_all(client, "inside", "Cosine"):
            break
    found = client.query(
        f"SELECT id FROM inside ORDER BY distance(v, {Q}) LIMIT {K}",
        settings={"force_data_skipping_indices": "i"},
    )
    order = np.argsort(distances("Cosine"))
    assert [row[0] for row in found.result_rows] == order[:K].tolist()
    described = client.query("DESCRIBE TABLE system.vector_indices").result_rows
    assert [row[0] for row in described][:4] == ["database", "table", "name", "type"]


def test_a_batch(client: Any) -> None:
    name = made(client, "MSTG('metric_type=L2')")
    found = client.query(
        f"SELECT id, batch_distance(v, [{Q}, {Q}]) AS d FROM {name}"
        f" ORDER BY d.1, d.2 LIMIT {K} BY d.1"
    ).result_rows
    order = np.argsort(distances("L2"))[:K].tolist()
    assert [row[0] for row in found] == order * 2
    assert [row[1][0] for row in found] == [0] * K + [1] * K


def test_words_that_are_no_calls(client: Any) -> None:
    found = client.query(
        "SELECT 'distance(a, b)' AS `distance`, 1 AS embed /* distance(v, [1]) */, 2 AS vector"
    )
    assert found.first_row == ("distance(a, b)", 1, 2)


def test_a_reader_searches_and_changes_nothing(guarded: Server, client: Any) -> None:
    name = made(client)
    plain = clickhouse_connect.get_client  # who shows no password is turned away here
    with pytest.raises(DatabaseError) as info:
        plain(host="127.0.0.1", port=guarded.port)
    assert info.value.code == 516
    # GET is for reading, whoever asks.
    answer = httpx.get(
        f"http://127.0.0.1:{guarded.port}/",
        params={"query": f"ALTER TABLE {name} ADD VECTOR INDEX i v TYPE MSTG"},
        auth=("anybody", "s3cret"),
    )
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert client.query(status_of(name)).result_rows == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ALTER TABLE {} ADD VECTOR INDEX i v TYPE NOPE", 36),
        ("ALTER TABLE {} ADD VECTOR INDEX i v TYPE MSTG('metric_type=Nope')", 36),
        ("ALTER TABLE {} ADD VECTOR INDEX i id TYPE MSTG", 44),
        ("ALTER TABLE {} DROP VECTOR INDEX nope", 36),
        ("ALTER TABLE {} ON CLUSTER c ADD VECTOR INDEX i v TYPE MSTG", 48),
        ("ALTER TABLE photos DROP VECTOR INDEX photo_embed_index", 497),
        ("ALTER TABLE photos ADD INDEX i width TYPE minmax", 497),
        ("ALTER TABLE changes ADD VECTOR INDEX i n TYPE MSTG", 497),
        ("SELECT TextSearch(v, 'x') FROM {}", 48),
        ("INSERT INTO vector_indices VALUES ('a', 'b', 'c', 'd', 'e', 'f', 1)", 497),
    ],
)
def test_what_is_refused(client: Any, sql: str, code: int) -> None:
    with pytest.raises(DatabaseError) as info:
        client.command(sql.format(made(client)))
    assert info.value.code == code

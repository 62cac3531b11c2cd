"""`clickhouse-connect`, the sync client: what the walk-through and most notebooks use."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import clickhouse_connect
import numpy as np
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from .conftest import Server

UTC = dt.UTC
MADRID = "Europe/Madrid"

# Column type -> two values, as a client gets them back.
TYPES: dict[str, list[Any]] = {
    "Int8": [-128, 127],
    "Int16": [-(2**15), 2**15 - 1],
    "Int32": [-(2**31), 2**31 - 1],
    "Int64": [-(2**63), 2**63 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "Int256": [-(2**255), 2**255 - 1],
    "UInt8": [0, 255],
    "UInt16": [0, 2**16 - 1],
    "UInt32": [0, 2**32 - 1],
    "UInt64": [0, 2**64 - 1],
    "UInt128": [0, 2**128 - 1],
    "UInt256": [0, 2**256 - 1],
    "Float32": [-1.5, 0.25],
    "Float64": [-1e300, 0.1],
    "BFloat16": [-1.5, 0.25],
    "Decimal(9, 2)": [Decimal("-1234567.89"), Decimal("0.01")],
    "Decimal(38, 10)": [Decimal("1234567890123456789012345678.0123456789"), Decimal("-0.5")],
    "String": ["", "naïve ‘quoted’ \\ \t\n\0 🙂"],
    "FixedString(4)": [b"abcd", b"x\0\0\0"],
    "Bool": [True, False],
    "Date": [dt.date(1970, 1, 1), dt.date(2149, 6, 6)],
    "Date32": [dt.date(1900, 1, 1), dt.date(2299, 12, 31)],
    "UUID": [uuid.UUID(int=1), uuid.uuid5(uuid.NAMESPACE_DNS, "vistazo")],
    "Enum8('b' = -2, 'a' = 1)": ["a", "b"],
    "Enum16('b' = 2, 'long' = 1000)": ["long", "b"],
    "Nullable(Int32)": [None, 7],
    "Nullable(String)": [None, "x"],
    "LowCardinality(String)": ["red", "blue"],
    "LowCardinality(Nullable(String))": [None, "blue"],
    "Array(Float32)": [[], [0.5, -0.5]],
    "Array(Array(String))": [[[], ["a"]], [["b", "c"]]],
    "Array(Nullable(UInt8))": [[None, 1], []],
    "Map(String, UInt64)": [{}, {"a": 1, "b": 2**64 - 1}],
    "Map(LowCardinality(String), Array(String))": [{"k": ["v", "w"]}, {}],
    "Tuple(UInt8, String)": [(1, "a"), (2, "b")],
    "Tuple(a UInt8, b String)": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "IPv4": [IPv4Address("0.0.0.0"), IPv4Address("192.168.1.255")],
    "IPv6": [IPv6Address("::1"), IPv6Address("2001:db8::ff00:42:8329")],
    "JSON": [{"a": 1, "b": {"c": ["x", "y"]}}, {}],
}


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as opened:
        yield opened


@pytest.fixture
def table(client: Any) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex}"
    yield name
    client.command(f"DROP TABLE IF EXISTS {name}")


def test_handshake(client: Any) -> None:
    assert client.ping()
    assert client.server_version == client.command("SELECT version()")
    assert client.server_tz == dt.UTC or str(client.server_tz) in ("UTC", "Etc/UTC")
    assert client.server_settings["max_threads"]


@pytest.mark.parametrize("kind", TYPES)
def test_type(client: Any, table: str, kind: str) -> None:
    client.command(f"CREATE TABLE {table} (n UInt8, v {kind}) ENGINE = MergeTree ORDER BY n")
    values = TYPES[kind]
    written = client.insert(table, [[n, value] for n, value in enumerate(values)])
    assert written.written_rows == len(values)
    result = client.query(f"SELECT v FROM {table} ORDER BY n")
    assert [row[0] for row in result.result_rows] == values
    name = result.column_types[0].name.replace(" ", "").replace("`", "")
    assert name == kind.replace(" ", "")


def test_times_with_zones(client: Any, table: str) -> None:
    client.command(
        f"CREATE TABLE {table} (a DateTime, b DateTime('{MADRID}'), c DateTime64(6),"
        f" d DateTime64(3, '{MADRID}')) ENGINE = MergeTree ORDER BY a"
    )
    moment = dt.datetime(2024, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
    client.insert(table, [[moment] * 4])
    row = client.query(f"SELECT * FROM {table}", tz_mode="aware").result_rows[0]
    whole = moment.replace(microsecond=0)
    assert [value.astimezone(UTC) for value in row] == [
        whole,
        whole,
        moment,
        moment.replace(microsecond=123000),
    ]
    # chDB's Native leaves out the zone of a DateTime, and keeps that of a DateTime64.
    assert row[3].utcoffset() == dt.timedelta(hours=2)


def test_nested(client: Any, table: str) -> None:
    client.command(
        f"CREATE TABLE {table} (id UInt8, n Nested(k String, v UInt8)) ENGINE = MergeTree"
        " ORDER BY id"
    )
    client.insert(table, [[1, ["a", "b"], [1, 2]]], column_names=["id", "n.k", "n.v"])
    assert client.query(f"SELECT n.k, n.v FROM {table}").result_rows == [(["a", "b"], [1, 2])]


def test_bound_parameters(client: Any) -> None:
    values = {
        "text": "it's \\ a\ttab\nand a line, 🙂",
        "number": -5,
        "words": ["a'b", "c\\d"],
        "vector": [0.25] * 600,
        "day": dt.date(2024, 2, 29),
        "nothing": None,
    }
    row = client.query(
        "SELECT {text:String}, {number:Int32}, {words:Array(String)}, {vector:Array(Float32)},"
        " {day:Date}, {nothing:Nullable(String)}",
        parameters=values,
    ).result_rows[0]
    assert row == tuple(values.values())


def test_long_parameters_come_as_a_form(client: Any) -> None:
    # The driver moves what does not fit a URL into a multipart form.
    vector = [0.123456789] * 20_000
    found = client.query(
        "SELECT length({v:Array(Float64)}) AS n, {v:Array(Float64)}[1] AS first, {s:String} AS s",
        parameters={"v": vector, "s": "a\r\n--b"},
    )
    assert found.result_rows == [(20_000, 0.123456789, "a\r\n--b")]


def test_percent_parameters(client: Any) -> None:
    assert client.query("SELECT %(a)s, %(b)s", parameters={"a": "x'y", "b": [1, 2]}).first_row == (
        "x'y",
        [1, 2],
    )


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT * FROM there_is_none", 60, "UNKNOWN_TABLE"),
        ("SELECT nope", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT nope(1)", 46, "UNKNOWN_FUNCTION"),
        ("SELECT throwIf(1, 'on purpose')", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT {x:UInt8}", 456, "UNKNOWN_QUERY_PARAMETER"),
    ],
)
def test_errors(client: Any, sql: str, code: int, name: str) -> None:
    with pytest.raises(
        DatabaseError, match=rf"(?s)Code: {code}\. DB::Exception: .*\({name}\)"
    ) as info:
        client.query(sql)
    assert info.value.code == code
    assert info.value.name == name


@pytest.mark.parametrize("compression", [False, "gzip", "lz4", "zstd", "br"])
def test_compression(server: Server, table: str, compression: Any) -> None:
    rows = [[n, f"row {n}" * 5] for n in range(20_000)]
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, compress=compression
    ) as client:
        client.command(f"CREATE TABLE {table} (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
        client.insert(table, rows)
        found = client.query(f"SELECT * FROM {table} ORDER BY n").result_rows
    assert found == [tuple(row) for row in rows]


def test_streams_100_000_rows(client: Any) -> None:
    total = blocks = 0
    with client.query_row_block_stream(
        "SELECT number, toString(number) FROM numbers(100000)", settings={"max_block_size": 8192}
    ) as stream:
        for block in stream:
            blocks += 1
            total += sum(row[0] for row in block)
    assert total == 100_000 * 99_999 // 2
    assert blocks > 5


def test_inserts_100_000_rows(client: Any, table: str) -> None:
    client.command(f"CREATE TABLE {table} (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    summary = client.insert(table, [[n, str(n)] for n in range(100_000)])
    assert summary.written_rows == 100_000
    assert client.query(f"SELECT count(), sum(n), uniqExact(s) FROM {table}").first_row == (
        100_000,
        100_000 * 99_999 // 2,
        100_000,
    )


def test_an_error_in_the_middle_of_a_stream(client: Any) -> None:
    blocks = []

    def read() -> None:
        sql = "SELECT number, throwIf(number = 900000, 'too far') FROM numbers(1000000)"
        with client.query_row_block_stream(sql) as stream:
            blocks.extend(len(block) for block in stream)

    with pytest.raises(StreamFailureError, match="too far") as info:
        read()
    assert sum(blocks) > 0 or info.value.code == 395


def test_arrow_parquet_and_numpy(client: Any, table: str) -> None:
    client.command(
        f"CREATE TABLE {table} (n UInt32, v Array(Float32)) ENGINE = MergeTree ORDER BY n"
    )
    data = pa.table({"n": pa.array([1, 2], pa.uint32()), "v": [[0.5, 1.5], [2.5]]})
    client.insert_arrow(table, data)
    found = client.query_arrow(f"SELECT * FROM {table} ORDER BY n")
    assert found["v"].to_pylist() == [[0.5, 1.5], [2.5]]
    parquet = client.raw_query(f"SELECT * FROM {table} ORDER BY n", fmt="Parquet")
    client.command(f"TRUNCATE TABLE {table}")
    client.raw_insert(table, insert_block=parquet, fmt="Parquet")
    assert client.query_np(f"SELECT n FROM {table} ORDER BY n").ravel().tolist() == [1, 2]
    assert np.allclose(client.query_df(f"SELECT v FROM {table} ORDER BY n")["v"][0], [0.5, 1.5])


def test_query_id_and_summary(client: Any) -> None:
    named = f"mine-{uuid.uuid4()}"
    result = client.query("SELECT number FROM numbers(10)", settings={"query_id": named})
    assert result.query_id == named
    assert int(result.summary["read_rows"]) == 10
    assert int(result.summary["result_rows"]) == 10


def test_a_session_keeps_settings(server: Server) -> None:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, session_id=f"s-{uuid.uuid4()}"
    ) as client:
        client.command("SET max_block_size = 1234")
        assert client.command("SELECT getSetting('max_block_size')") == 1234
        # A request's own settings end with it.
        other = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 99})
        assert other.first_row == (99,)
        assert client.command("SELECT getSetting('max_block_size')") == 1234


def test_sessions_are_apart(server: Server) -> None:
    with (
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as one,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as other,
    ):
        one.command("SET max_block_size = 1234")
        asked = "SELECT getSetting('max_block_size')"
        assert one.command(asked) == 1234
        assert other.command(asked) != 1234


def test_temporary_tables_are_refused(client: Any) -> None:
    with pytest.raises(DatabaseError) as info:
        client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    assert info.value.code == 497


def test_databases(plain: Server) -> None:
    with clickhouse_connect.get_client(host="127.0.0.1", port=plain.port) as client:
        client.command("CREATE DATABASE IF NOT EXISTS `odd ``name`")
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=plain.port, database="odd `name"
    ) as inside:
        assert inside.command("SELECT currentDatabase()") == "odd `name"
        inside.command("CREATE TABLE here (a UInt8) ENGINE = Memory")
        inside.insert("here", [[7]])
        assert inside.query("SELECT a FROM here").first_row == (7,)


def test_many_clients_at_once(server: Server) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as client:
                for turn in range(20):
                    expected = number * 1000 + turn
                    found = client.query(
                        "SELECT {n:UInt32} + sum(number) FROM numbers(1000)",
                        parameters={"n": expected},
                    ).first_row[0]
                    assert found == expected + 499_500
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures

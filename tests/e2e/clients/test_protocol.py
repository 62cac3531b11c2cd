"""The protocol's facts, one by one, over plain HTTP."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from functools import partial

import brotli
import httpx
import lz4.block
import lz4.frame
import psutil
import pyarrow as pa
import pytest
from clickhouse_driver.compression import get_decompressor_cls
from clickhouse_driver.reader import read_binary_uint128

from vistazo.sqlserver.http.compression import zstd

from .conftest import Server, serving


@pytest.fixture
def table(http: httpx.Client) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex}"
    run(http, f"CREATE TABLE {name} (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    yield name
    run(http, f"DROP TABLE {name}")


def run(http: httpx.Client, sql: str | bytes, **params: object) -> str:
    answer = http.post("/", content=sql, params={name: str(v) for name, v in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_health(http: httpx.Client) -> None:
    for path in ("/ping", "/", "/replicas_status"):
        answer = http.get(path)
        assert (answer.status_code, answer.text) == (200, "Ok.\n")
    assert http.head("/ping").status_code == 200
    assert http.get("/nowhere").status_code == 404
    assert "There is no handle /nowhere" in http.get("/nowhere").text
    assert http.put("/", content="SELECT 1").status_code == 501
    assert http.options("/").status_code == 204


def test_query_in_url_body_or_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert run(http, "SELECT 1") == "1\n"
    assert run(http, "2", query="SELECT 1 +") == "3\n"
    assert run(http, "", query="SELECT 1;") == "1\n"


def test_get_only_reads(http: httpx.Client) -> None:
    answer = http.get("/", params={"query": "CREATE TABLE x (a UInt8) ENGINE = Memory"})
    assert answer.status_code == 500
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert "(READONLY)" in answer.text


def test_headers(http: httpx.Client) -> None:
    answer = http.post(
        "/",
        content="SELECT number FROM numbers(5)",
        params={"query_id": "mine", "default_format": "CSV"},
    )
    assert answer.headers["x-clickhouse-query-id"] == "mine"
    assert answer.headers["x-clickhouse-format"] == "CSV"
    assert answer.headers["x-clickhouse-timezone"] == run(http, "SELECT timezone()").strip()
    assert answer.headers["x-clickhouse-server-display-name"] == "vistazo"
    assert answer.headers["content-type"].startswith("text/csv")
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    assert summary["read_rows"] == summary["result_rows"] == "5"
    assert int(summary["elapsed_ns"]) > 0
    made = http.post("/", content="SELECT 1").headers["x-clickhouse-query-id"]
    assert uuid.UUID(made)
    progress = http.post("/", content="SELECT 1", params={"send_progress_in_http_headers": "1"})
    assert json.loads(progress.headers["x-clickhouse-progress"])["read_rows"] == "1"
    assert "x-clickhouse-format" not in http.post("/", content="SET max_threads = 1").headers


def test_an_id_adds_no_header_lines(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"query_id": "a\r\nx-evil: 1"})
    assert answer.text == "1\n"
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("fmt", "expected"),
    [
        ("CSVWithNames", '"n","s"\n1,"a"\n'),
        ("JSONEachRow", '{"n":1,"s":"a"}\n'),
        ("TabSeparatedWithNamesAndTypes", "n\ts\nUInt8\tString\n1\ta\n"),
        ("Values", "(1,'a')"),
        ("XML", None),
        ("Pretty", None),
    ],
)
def test_formats(http: httpx.Client, fmt: str, expected: str | None) -> None:
    sql = "SELECT 1 AS n, 'a' AS s"
    for found in (
        run(http, f"{sql} FORMAT {fmt}"),
        run(http, sql, default_format=fmt),
        http.post("/", content=sql, headers={"X-ClickHouse-Format": fmt}).text,
        run(http, f"{sql} FORMAT {fmt} SETTINGS max_threads = 1"),
        run(http, f"{sql} SETTINGS max_threads = 1 FORMAT {fmt}"),
    ):
        assert found == expected if expected is not None else "a" in found


def test_a_million_rows_in_a_format_with_an_end(http: httpx.Client) -> None:
    found = http.post("/", content="SELECT number AS n FROM numbers(1000000) FORMAT JSON")
    assert len(found.json()["data"]) == found.json()["rows"] == 1_000_000
    arrow = http.post("/", content="SELECT number AS n FROM numbers(1000000) FORMAT ArrowStream")
    assert pa.ipc.open_stream(arrow.content).read_all().num_rows == 1_000_000


INSERTS = {
    "CSV": b'1,"x"\n2,"y"\n',
    "CSVWithNames": b'"s","a"\n"x",1\n"y",2\n',
    "TabSeparated": b"1\tx\n2\ty\n",
    "JSONEachRow": b'{"a":1,"s":"x"}\n{"a":2,"s":"y"}',
    "Values": b"(1,'x'),(2,'y')",
    "RowBinary": struct.pack("<I", 1) + b"\1x" + struct.pack("<I", 2) + b"\1y",
}


@pytest.mark.parametrize(
    "fmt", [*INSERTS, "Native", "RowBinaryWithNamesAndTypes", "Parquet", "ArrowStream"]
)
@pytest.mark.parametrize("place", ["body", "after the query", "cut in pieces"])
def test_inserts(http: httpx.Client, table: str, fmt: str, place: str) -> None:
    data = INSERTS.get(fmt)
    if data is None:
        rows = "SELECT number + 1 AS a, ['x', 'y'][number + 1] AS s FROM numbers(2)"
        sql = f"SELECT toUInt32(a) AS a, s FROM ({rows})"
        data = http.post("/", content=f"{sql} FORMAT {fmt}").content
    head = f"INSERT INTO {table} (a, s) FORMAT {fmt}"
    if place == "body":
        answer = http.post("/", params={"query": head}, content=data)
    elif place == "after the query":
        answer = http.post("/", content=head.encode() + b"\n" + data)
    else:
        whole = head.encode() + b"\n" + data
        answer = http.post("/", content=(whole[at : at + 7] for at in range(0, len(whole), 7)))
    assert answer.status_code == 200, answer.text
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    assert summary["written_rows"] == "2"
    assert run(http, f"SELECT * FROM {table} ORDER BY a") == "1\tx\n2\ty\n"


def test_values_with_expressions(http: httpx.Client, table: str) -> None:
    run(http, f"INSERT INTO {table} VALUES (1 + 1, concat('a', 'b')), (3, 'it''s')")
    assert run(http, f"SELECT * FROM {table} ORDER BY a") == "2\tab\n3\tit\\'s\n"
    run(http, f"insert into {table}(s, a) values ('x', 9);")
    assert run(http, f"SELECT s FROM {table} WHERE a = 9") == "x\n"


def test_insert_select_and_parameters(http: httpx.Client, table: str) -> None:
    run(http, f"INSERT INTO {table} SELECT number, toString(number) FROM numbers(10)")
    run(http, "11\tz\n", query="INSERT INTO {t:Identifier} FORMAT TSV", param_t=table)
    assert run(http, "SELECT count(), max(a) FROM {t:Identifier}", param_t=table) == "11\t11\n"


def test_a_bad_row_is_an_error_and_nothing_is_written(http: httpx.Client, table: str) -> None:
    answer = http.post(
        "/", params={"query": f"INSERT INTO {table} FORMAT JSONEachRow"}, content=b'{"a":"no"}'
    )
    assert answer.status_code == 400
    assert answer.headers["x-clickhouse-exception-code"] == "27"
    assert run(http, f"SELECT count() FROM {table}") == "0\n"


def test_a_large_body_streams_in(http: httpx.Client, table: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield f"INSERT INTO {table} FORMAT TabSeparated\n".encode()
        for start in range(0, 1_000_000, 10_000):
            yield "".join(f"{n}\trow {n}\n" for n in range(start, start + 10_000)).encode()

    answer = http.post("/", content=pieces())
    assert answer.status_code == 200, answer.text
    assert run(http, f"SELECT count(), sum(a) FROM {table}") == "1000000\t499999500000\n"


ENCODE = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=4),
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
}
DECODE = {"lz4": lz4.frame.decompress, "zstd": zstd.decompress, "br": brotli.decompress} | {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


@pytest.mark.parametrize("rows", [10, 100_000])
@pytest.mark.parametrize("name", ENCODE)
def test_content_encoding_both_ways(
    http: httpx.Client, server: Server, table: str, name: str, rows: int
) -> None:
    data = "".join(f"{n}\trow {n}\n" for n in range(rows)).encode()
    body = f"INSERT INTO {table} FORMAT TSV\n".encode() + data
    answer = http.post("/", content=ENCODE[name](body), headers={"Content-Encoding": name})
    assert answer.status_code == 200, answer.text
    with http.stream(
        "POST",
        "/",
        content=f"SELECT * FROM {table} ORDER BY a",
        params={"enable_http_compression": "1"},
        headers={"Accept-Encoding": name},
    ) as streamed:
        packed = b"".join(streamed.iter_raw())
    assert streamed.headers["content-encoding"] == name
    assert DECODE[name](packed) == data
    assert len(packed) < len(data) or rows < 100


def test_no_compression_unless_enabled(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def _native_blocks(data: bytes) -> bytes:
    import io

    plain = b""
    while data:
        head = io.BytesIO(data)
        read_binary_uint128(head)
        method = head.read(1)[0]
        size, _ = struct.unpack("<II", head.read(8))
        block = io.BytesIO(data[17 : 16 + size])
        plain += get_decompressor_cls(method)(block).get_decompressed_data(
            method, read_binary_uint128(io.BytesIO(data)), 1
        )
        data = data[16 + size :]
    return plain


def test_native_compression_both_ways(http: httpx.Client, table: str) -> None:
    expected = "".join(f"{n}\n" for n in range(300_000)).encode()
    packed = http.post(
        "/", content="SELECT number FROM numbers(300000)", params={"compress": "1"}
    ).content
    # clickhouse-driver checks every block's hash.
    assert _native_blocks(packed) == expected
    query = {"query": f"INSERT INTO {table} (a) FORMAT TSV", "decompress": "1"}
    assert http.post("/", params=query, content=packed).status_code == 200
    assert run(http, f"SELECT count() FROM {table}") == "300000\n"
    broken = packed[:40] + bytes([packed[40] ^ 1]) + packed[41:]
    answer = http.post("/", params=query, content=broken)
    assert answer.headers["x-clickhouse-exception-code"] == "40"


def test_a_broken_or_unknown_encoding_is_an_error(http: httpx.Client) -> None:
    for name, body, code in [
        ("gzip", b"no gzip", "271"),
        ("zstd", zstd.compress(b"SELECT 1" * 100)[:-3], "271"),
        ("odd", b"SELECT 1", "89"),
    ]:
        answer = http.post("/", content=body, headers={"Content-Encoding": name})
        assert answer.headers["x-clickhouse-exception-code"] == code, name


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT * FROM there_is_none", 404, 60),
        ("SELECT nope(1)", 404, 46),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT 1 SETTINGS nope = 1", 404, 115),
        ("SELECT 1 SETTINGS readonly = 0", 500, 452),
        ("SELECT 1 FROM there.isnone", 404, 81),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT toUInt8('x')", 400, 6),
        (
            "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(number)"
            " SETTINGS max_execution_time = 1",
            408,
            159,
        ),
        (
            "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000",
            500,
            241,
        ),
    ],
)
def test_errors(http: httpx.Client, sql: str, status: int, code: int) -> None:
    answer = http.post("/", content=sql)
    assert answer.status_code == status, answer.text
    assert answer.headers["x-clickhouse-exception-code"] == str(code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.endswith("(vistazo))\n")


def test_an_unknown_setting_of_the_url(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"nope": "1"})
    assert answer.headers["x-clickhouse-exception-code"] == "115"


def test_an_error_after_data(http: httpx.Client) -> None:
    sql = "SELECT number, throwIf(number = 900000, 'too far') FROM numbers(1000000)"
    seen = b""
    with http.stream("POST", "/", content=sql, params={"max_block_size": "1000"}) as answer:
        pieces = answer.iter_raw()
        try:
            for piece in pieces:
                seen += piece
        except httpx.RemoteProtocolError as error:
            broken = error
    assert "incomplete chunked read" in str(broken)
    assert answer.status_code == 200
    tag = answer.headers["x-clickhouse-exception-tag"].encode()
    assert len(tag) == 16
    begin = seen.index(b"\r\n__exception__\r\n" + tag + b"\r\n")
    message = seen[begin + 17 + len(tag) + 2 :]
    text, _, rest = message.partition(b"\n")
    assert text.startswith(b"Code: 395. DB::Exception: too far")
    assert rest == b"%d %b\r\n__exception__\r\n" % (len(text) + 1, tag)


def test_wait_end_of_query_gives_the_error_its_status(http: httpx.Client) -> None:
    sql = "SELECT number, throwIf(number = 900000, 'too far') FROM numbers(1000000)"
    answer = http.post("/", content=sql, params={"wait_end_of_query": "1"})
    assert answer.status_code == 500
    assert answer.text.startswith("Code: 395.")


def test_sessions(http: httpx.Client) -> None:
    mine = f"s-{uuid.uuid4()}"
    missing = http.post("/", content="SELECT 1", params={"session_id": mine, "session_check": "1"})
    assert missing.headers["x-clickhouse-exception-code"] == "372"
    run(http, "SET max_block_size = 777", session_id=mine)
    assert run(http, "SELECT 3", session_id=mine, session_check=1) == "3\n"
    setting = "SELECT getSetting('max_block_size')"
    assert run(http, setting, session_id=mine, max_block_size=5) == "5\n"
    assert run(http, setting, session_id=mine) == "777\n"
    assert run(http, setting) != "777\n"
    late = http.post(
        "/", content="SELECT 1", params={"session_id": mine, "session_timeout": "9999"}
    )
    assert late.headers["x-clickhouse-exception-code"] == "374"


def test_a_session_is_used_by_one_at_a_time(plain_http: httpx.Client, plain: Server) -> None:
    mine = f"s-{uuid.uuid4()}"
    slow = threading.Thread(
        target=httpx.post,
        args=(plain.url,),
        kwargs={"content": f"SELECT sleep(1) AS `{mine}`", "params": {"session_id": mine}},
    )
    slow.start()
    _until(plain_http, mine, 1)
    answer = plain_http.post("/", content="SELECT 1", params={"session_id": mine})
    assert answer.headers["x-clickhouse-exception-code"] == "373"
    slow.join()
    assert run(plain_http, "SELECT 1", session_id=mine) == "1\n"


def test_a_session_ends_by_its_timeout(http: httpx.Client) -> None:
    mine = f"s-{uuid.uuid4()}"
    run(http, "SET max_block_size = 5", session_id=mine, session_timeout=0)
    time.sleep(0.05)
    gone = http.post("/", content="SELECT 1", params={"session_id": mine, "session_check": "1"})
    assert gone.headers["x-clickhouse-exception-code"] == "372"


def test_database(plain_http: httpx.Client) -> None:
    run(plain_http, "CREATE DATABASE IF NOT EXISTS other")
    assert run(plain_http, "SELECT currentDatabase()", database="other") == "other\n"
    answer = plain_http.post(
        "/", content="SELECT currentDatabase()", headers={"X-ClickHouse-Database": "other"}
    )
    assert answer.text == "other\n"
    assert run(plain_http, "SELECT currentDatabase()") == "default\n"
    missing = plain_http.post("/", content="SELECT 1", params={"database": "nope"})
    assert (missing.status_code, missing.headers["x-clickhouse-exception-code"]) == (404, "81")
    run(plain_http, "DROP DATABASE other")


def test_parameters_of_a_form(http: httpx.Client) -> None:
    answer = http.post(
        "/",
        files={"query": (None, "SELECT {a:String}, {b:UInt8}"), "param_a": (None, "x\\ny")},
        params={"param_b": "7"},
    )
    assert answer.text == "x\\ny\t7\n"
    refused = http.post("/", files={"data": ("data", b"1")}, params={"query": "SELECT 1"})
    assert refused.headers["x-clickhouse-exception-code"] == "48"


def _running(http: httpx.Client, marker: str) -> int:
    sql = (
        "SELECT count() FROM system.processes WHERE query LIKE {m:String} AND query_id != queryID()"
    )
    return int(run(http, sql, param_m=f"%{marker}%"))


def _until(http: httpx.Client, marker: str, count: int) -> None:
    deadline = time.monotonic() + 30
    while _running(http, marker) != count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("fills_the_pipe", [False, True])
def test_a_client_that_leaves_cancels_its_query(
    plain_http: httpx.Client, plain: Server, fills_the_pipe: bool
) -> None:
    marker = f"m{uuid.uuid4().hex}"
    what = "number" if fills_the_pipe else "count()"
    sql = f"SELECT {what} AS {marker} FROM numbers(1000000000000) WHERE NOT ignore(number)"
    with socket.create_connection(("127.0.0.1", plain.port)) as raw:
        raw.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(sql), sql.encode())
        )
        _until(plain_http, marker, 1)
    _until(plain_http, marker, 0)


def test_a_slow_reader_costs_no_memory(plain_http: httpx.Client, plain: Server) -> None:
    process = psutil.Process(plain.pid)
    run(plain_http, "SELECT number, toString(number) FROM numbers(100000) FORMAT Native")
    before = process.memory_info().rss
    sql = "SELECT number, toString(number) FROM numbers(100000000)"  # 1.7 GB of text
    with plain_http.stream("POST", "/", content=sql) as answer:
        pieces = answer.iter_raw(1000)
        next(pieces)
        time.sleep(1)
        assert process.memory_info().rss - before < 300_000_000
        marker = "numbers(100000000)"
        _until(plain_http, marker, 1)
        assert len(next(pieces)) == 1000
    _until(plain_http, marker, 0)


def test_a_client_that_leaves_in_the_middle_of_an_insert(
    http: httpx.Client, server: Server, table: str
) -> None:
    head = f"INSERT INTO {table} FORMAT TSV\n1\tx\n".encode()
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + head)
        time.sleep(0.2)
    time.sleep(0.2)
    assert run(http, f"SELECT count() FROM {table}") == "0\n"
    run(http, f"INSERT INTO {table} VALUES (1, 'y')")
    assert run(http, f"SELECT s FROM {table}") == "y\n"


def test_the_same_id_twice_at_once(plain_http: httpx.Client, plain: Server) -> None:
    mine = f"q-{uuid.uuid4()}"
    slow = threading.Thread(
        target=httpx.post,
        args=(plain.url,),
        kwargs={"content": f"SELECT sleep(1) AS `{mine}`", "params": {"query_id": mine}},
    )
    slow.start()
    _until(plain_http, mine, 1)
    answer = plain_http.post("/", content="SELECT 1", params={"query_id": mine})
    assert answer.headers["x-clickhouse-exception-code"] == "216"
    slow.join()


def test_short_queries_pass_a_slow_one(plain_http: httpx.Client, plain: Server) -> None:
    slow = threading.Thread(
        target=httpx.post, args=(plain.url,), kwargs={"content": "SELECT sleep(2)"}
    )
    slow.start()
    answered = 0
    while slow.is_alive():
        assert run(plain_http, "SELECT 1") == "1\n"
        answered += 1
    assert answered > 20


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("guarded") / "library", "s3cret") as found:
        yield found


def test_credentials(guarded: Server) -> None:
    ask = {"url": guarded.url, "params": {"query": "SELECT 1"}}
    right = [
        httpx.get(**ask, auth=("anybody", "s3cret")),
        httpx.get(**ask, headers={"X-ClickHouse-User": "u", "X-ClickHouse-Key": "s3cret"}),
        httpx.get(guarded.url, params={"query": "SELECT 1", "user": "u", "password": "s3cret"}),
        httpx.get(**ask, headers={"Authorization": "Bearer s3cret"}),
    ]
    assert [answer.text for answer in right] == ["1\n"] * 4
    wrong = [
        httpx.get(**ask),
        httpx.get(**ask, auth=("anybody", "guess")),
        httpx.get(**ask, headers={"X-ClickHouse-Key": "guéss".encode()}),
        httpx.get(**ask, headers={"Authorization": "Basic !!!"}),
        httpx.get(**ask, auth=("u", "s3cret"), headers={"X-ClickHouse-User": "u"}),
    ]
    for answer in wrong:
        assert answer.status_code == 403
        assert answer.headers["x-clickhouse-exception-code"] == "516"
        assert "(AUTHENTICATION_FAILED)" in answer.text
    assert httpx.get(f"{guarded.url}/ping").text == "Ok.\n"

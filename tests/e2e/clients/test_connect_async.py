"""`clickhouse-connect`, the async client."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from .conftest import Server


def within(server: Server, work: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=server.port, **options
        )
        try:
            await work(client)
        finally:
            await client.close()

    asyncio.run(main())


def test_tables_inserts_and_queries(server: Server) -> None:
    name = f"t_{uuid.uuid4().hex}"

    async def work(client: Any) -> None:
        assert await client.ping()
        await client.command(
            f"CREATE TABLE {name} (n UInt32, words Array(String), at DateTime64(3, 'UTC'),"
            " kind Enum8('a' = 1), maybe Nullable(Decimal(9, 2))) ENGINE = MergeTree ORDER BY n"
        )
        summary = await client.insert(name, [[n, [str(n)] * 3, n, "a", None] for n in range(1000)])
        assert summary.written_rows == 1000
        found = await client.query(
            f"SELECT n, words, kind, maybe FROM {name} WHERE n < {{most:UInt32}} ORDER BY n",
            parameters={"most": 2},
        )
        assert found.result_rows == [(0, ["0"] * 3, "a", None), (1, ["1"] * 3, "a", None)]
        await client.command(f"DROP TABLE {name}")

    within(server, work)


@pytest.mark.parametrize("compression", [False, "gzip", "lz4", "zstd"])
def test_streams_100_000_rows(server: Server, compression: Any) -> None:
    async def work(client: Any) -> None:
        total = 0
        stream = await client.query_row_block_stream("SELECT number FROM numbers(100000)")
        async with stream:
            async for block in stream:
                total += sum(row[0] for row in block)
        assert total == 100_000 * 99_999 // 2

    within(server, work, compress=compression)


def test_errors(server: Server) -> None:
    async def work(client: Any) -> None:
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as info:
            await client.query("SELECT * FROM there_is_none")
        assert info.value.code == 60

        async def read() -> None:
            stream = await client.query_row_block_stream(
                "SELECT number, throwIf(number = 900000, 'too far') FROM numbers(1000000)"
            )
            async with stream:
                async for _block in stream:
                    pass

        with pytest.raises(StreamFailureError, match="too far"):
            await read()

    within(server, work)


def test_eight_queries_at_once(server: Server) -> None:
    async def work(client: Any) -> None:
        found = await asyncio.gather(
            *(
                client.query(
                    "SELECT {n:UInt8}, sum(number) FROM numbers(100000)", parameters={"n": n}
                )
                for n in range(8)
            )
        )
        assert [result.first_row[0] for result in found] == list(range(8))

    within(server, work, autogenerate_session_id=False)


def test_a_session(server: Server) -> None:
    async def work(client: Any) -> None:
        await client.command("SET max_block_size = 1234")
        assert (await client.query("SELECT getSetting('max_block_size')")).first_row == (1234,)

    within(server, work, session_id=f"s-{uuid.uuid4()}")

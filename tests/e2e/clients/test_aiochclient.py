"""`aiochclient`, an async client of tab-separated text."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from aiochclient import ChClient
from aiochclient.exceptions import ChClientError
from aiohttp import ClientSession

from .conftest import Server


def within(
    server: Server, work: Callable[[ChClient], Awaitable[None]], *, compressed: bool = False
) -> None:
    async def main() -> None:
        async with ClientSession() as session:
            await work(ChClient(session, url=server.url, compress_response=compressed))

    asyncio.run(main())


@pytest.mark.parametrize("compressed", [False, True])
def test_tables_inserts_and_queries(server: Server, compressed: bool) -> None:
    name = f"t_{uuid.uuid4().hex}"
    rows = [
        (
            n,
            f"it's {n}\t\\",
            dt.date(2024, 1, 1 + n),
            dt.datetime(2024, 1, 1, 12, n),
            Decimal("1.50"),
            None if n else 5,
            ["a", "b'c"],
            (1, "x"),
            uuid.UUID(int=n),
        )
        for n in range(3)
    ]

    async def work(client: ChClient) -> None:
        assert await client.is_alive()
        await client.execute(
            f"CREATE TABLE {name} (n UInt32, s String, day Date, at DateTime, price Decimal(9, 2),"
            " maybe Nullable(Int8), words Array(String), pair Tuple(UInt8, String), u UUID)"
            " ENGINE = MergeTree ORDER BY n"
        )
        await client.execute(f"INSERT INTO {name} VALUES", *rows)
        found = await client.fetch(f"SELECT * FROM {name} ORDER BY n")
        assert [tuple(row.values()) for row in found] == rows
        one = await client.fetchrow(f"SELECT s FROM {name} WHERE n = {{n}}", params={"n": 1})
        assert one is not None
        assert one["s"] == "it's 1\t\\"
        await client.execute(f"DROP TABLE {name}")

    within(server, work, compressed=compressed)


def test_streams_100_000_rows(server: Server) -> None:
    async def work(client: ChClient) -> None:
        total = 0
        async for row in client.iterate("SELECT number FROM numbers(100000)"):
            total += row[0]
        assert total == 100_000 * 99_999 // 2

    within(server, work)


def test_errors(server: Server) -> None:
    async def work(client: ChClient) -> None:
        with pytest.raises(ChClientError, match=r"Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\)"):
            await client.fetch("SELECT * FROM there_is_none")

    within(server, work)

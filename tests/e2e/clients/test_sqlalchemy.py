"""`clickhouse-sqlalchemy`, its HTTP dialect: what Superset speaks."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa
from clickhouse_sqlalchemy import engines, make_session, types
from clickhouse_sqlalchemy.exceptions import DatabaseException

from .conftest import Server


@pytest.fixture
def engine(server: Server) -> Iterator[sa.Engine]:
    made = sa.create_engine(f"clickhouse+http://default:@127.0.0.1:{server.port}/default")
    yield made
    made.dispose()


def test_a_declared_table(engine: sa.Engine) -> None:
    table = sa.Table(
        f"t_{uuid.uuid4().hex}",
        sa.MetaData(),
        sa.Column("n", types.UInt32, primary_key=True),
        sa.Column("s", types.String),
        sa.Column("day", types.Date),
        sa.Column("price", types.Decimal(9, 2)),
        sa.Column("maybe", types.Nullable(types.Int8)),
        sa.Column("words", types.Array(types.String)),
        engines.MergeTree(order_by=("n",)),
    )
    session = make_session(engine)
    table.create(engine)
    try:
        rows = [
            {"n": n, "s": f"it's {n}\\", "day": dt.date(2024, 1, 1 + n), "price": Decimal("1.50"),
             "maybe": None if n else 5, "words": ["a", "b'c"]}
            for n in range(3)
        ]  # fmt: skip
        session.execute(table.insert(), rows)
        found = session.query(table.c.n, table.c.s, table.c.day, table.c.price, table.c.maybe)
        assert found.order_by(table.c.n).all() == [
            (n, f"it's {n}\\", dt.date(2024, 1, 1 + n), Decimal("1.50"), None if n else 5)
            for n in range(3)
        ]
        assert session.query(sa.func.count()).select_from(table).scalar() == 3
        assert table.name in sa.inspect(engine).get_table_names()
    finally:
        session.close()
        table.drop(engine)


def test_reflection_and_parameters(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT :a AS a, :b AS b"), {"a": "x'y", "b": 5}).one()
        assert tuple(row) == ("x'y", 5)
        found = connection.execute(sa.text("SELECT name FROM system.databases"))
        assert ("default",) in [tuple(each) for each in found]
    columns = {column["name"] for column in sa.inspect(engine).get_columns("photos")}
    assert {"photo_id", "photo_embed"} <= columns


def test_100_000_rows(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT number FROM numbers(100000)"))
        assert sum(row[0] for row in found) == 100_000 * 99_999 // 2


def test_errors(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(DatabaseException, match="UNKNOWN_TABLE"):
        connection.execute(sa.text("SELECT * FROM there_is_none"))

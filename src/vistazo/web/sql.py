"""`/sql`: one reading statement, within limits, and the statement of the page that is seen."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from fastapi import APIRouter, Response

from vistazo.errors import InvalidSQL
from vistazo.store.bounded import SqlLimits
from vistazo.web import schemas
from vistazo.web.answers import answer
from vistazo.web.queries import Parameters
from vistazo.web.refusals import Busy

if TYPE_CHECKING:
    from vistazo.library import Library
    from vistazo.store.bounded import Guard
    from vistazo.web.queries import Reader

_AT_ONCE = 4
_PATIENCE_S = 5.0
_SAFE = 2**53  # beyond it JavaScript's numbers are not whole ones
_MAX_TEXT = 20_000  # characters of a value that are shown


def router(library: Library, reader: Reader, guard: Guard) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["sql"])
    slots = threading.BoundedSemaphore(_AT_ONCE)

    @routes.post("/sql", response_model=schemas.SqlOut)
    def sql(asked: schemas.SqlIn) -> Response:
        """Run one reading statement; `embed('a red car')` in it stands for that text's vector."""
        if not slots.acquire(timeout=_PATIENCE_S):
            raise Busy(f"{_AT_ONCE} statements are running; send this one again in a moment")
        try:
            started = time.perf_counter()
            limits = SqlLimits(guard, max_rows=asked.max_rows + 1)
            table = library.read_sql(asked.query, asked.params, limits=limits)
            elapsed_ms = 1000 * (time.perf_counter() - started)
        finally:
            slots.release()
        return answer(_result(table, asked.max_rows, elapsed_ms))

    @routes.get("/sql/of", response_model=schemas.SqlText)
    def sql_of(given: Parameters) -> Response:
        """The statement whose rows are the first page of a query."""
        asked = reader.read(given)
        text = library.paging.view_sql(asked.query, asked.where, asked.k)
        return answer(schemas.SqlText(sql=text))

    return routes


def _result(table: pa.Table, max_rows: int, elapsed_ms: float) -> schemas.SqlOut:
    columns = [schemas.ColumnOut(name=field.name, type=str(field.type)) for field in table.schema]
    values = [_values(column) for column in table.slice(0, max_rows).columns]
    return schemas.SqlOut(
        columns=columns,
        rows=[[_plain(value) for value in row] for row in zip(*values, strict=True)],
        truncated=table.num_rows > max_rows,
        elapsed_ms=round(elapsed_ms, 3),
    )


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError as error:  # the engine's strings are bytes of any kind
        if not pa.types.is_string(column.type):
            raise InvalidSQL(
                "a value holds bytes that are no text; ask for hex(..) of it"
            ) from error
        return list(column.cast(pa.binary()).to_pylist())


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < _SAFE else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            text = value.encode("utf-8", "backslashreplace").decode()
            return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
        case bytes():
            try:
                return _plain(value.decode())
            except UnicodeDecodeError:
                return "base64:" + base64.b64encode(value[:_MAX_TEXT]).decode()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case decimal.Decimal() | dt.timedelta():
            return str(value)
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)

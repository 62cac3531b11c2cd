"""What tests of MyScale's SQL share: translated statements run on a connection, and NumPy's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from vistazo.records import Float32Array
from vistazo.sqlserver.myscale.translate import Translation, VectorSQL
from vistazo.sqlserver.myscale.types import ENGINE_METRIC
from vistazo.store.connect import Connection

READS = ("SELECT", "WITH", "DESCRIBE", "EXPLAIN", "FROM", "EXISTS")


class Server:
    """Runs MyScale's SQL as the endpoint would, without HTTP and guard."""

    def __init__(self, connection: Connection, vectors: VectorSQL) -> None:
        self.connection = connection
        self.vectors = vectors

    def run(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        probing: bool = True,
    ) -> list[dict[str, Any]]:
        given = {name: str(value) for name, value in (params or {}).items()}
        translation = self.vectors.translate(sql, given)
        bound = {**(params or {}), **_values(translation)}

        def count(text: str, needed: Mapping[str, str]) -> int:
            table = self.connection.table(text, bound, {**needed, **(settings or {})})
            return int(table.column(0)[0].as_py())

        if probing:
            translation = translation.settled(count)
        rows: list[dict[str, Any]] = []
        for statement in translation.statements:
            if statement.upper().lstrip(" \n(").startswith(READS):
                needed = {**translation.settings, **(settings or {})}
                rows = self.connection.table(statement, bound, needed).to_pylist()
            else:
                self.connection.execute(_with_settings(statement, translation.settings), bound)
        if translation.done:
            translation.done()
        return rows

    def fill(self, table: str, vectors: Float32Array, first: int = 0) -> None:
        """Add rows (id, g, v): id counts, g is id modulo 100."""
        ids = np.arange(first, first + len(vectors), dtype=np.uint64)
        flat = pa.array(vectors.reshape(-1))
        offsets = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
        self.connection.insert(
            table,
            pa.table(
                {
                    "id": ids,
                    "g": (ids % 100).astype(np.uint8),
                    "v": pa.ListArray.from_arrays(offsets, flat),
                }
            ),
        )


def _values(translation: Translation) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in translation.params.items()}


def _with_settings(statement: str, settings: Mapping[str, str]) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in settings.items())
    if statement.startswith("INSERT") and given:
        return statement.replace(" SELECT", f" SETTINGS {given} SELECT", 1)
    return (
        f"{statement} SETTINGS {given}"
        if statement.endswith("MATERIALIZE INDEX `i`")
        else statement
    )


def distances(metric: str, vectors: Float32Array, query: Float32Array) -> np.ndarray:
    """MyScale's distance of each row, in float64."""
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "L2":
        return ((v - q) ** 2).sum(axis=1)
    product = v @ q
    if metric == "IP":
        return product
    return 1 - product / np.linalg.norm(v, axis=1) / np.linalg.norm(q)


def nearest(
    metric: str, vectors: Float32Array, query: Float32Array, k: int, among: np.ndarray | None = None
) -> list[int]:
    """The numbers of the k nearest rows, nearest first."""
    found = distances(metric, vectors, query)
    order = np.argsort(-found if metric == "IP" else found, kind="stable")
    if among is not None:
        order = order[among[order]]
    return [int(n) for n in order[:k]]


def finds_all(
    server: Server, column: str, metric: str, vectors: Float32Array, query: Float32Array
) -> bool:
    """Whether the engine's own search by its index has the nearest rows, few of them and many.

    A graph that several threads build loses a row now and then, and a narrow search misses some
    that a wide one has. What is tried is the translation: on graphs that have them all.

    Args:
        column: `table.column`; the table's `id` counts the vectors.
    """
    table, _, name = column.rpartition(".")
    for k in (20, 200):
        found = server.connection.table(
            f"SELECT id FROM {table} ORDER BY {ENGINE_METRIC[metric]}({name}, {{q:Array(Float32)}})"
            f" {'DESC' if metric == 'IP' else ''} LIMIT {k}",
            {"q": query},
            {"vector_search_with_rescoring": 1, "vector_search_index_fetch_multiplier": 3},
        )
        if set(found["id"].to_pylist()) != set(nearest(metric, vectors, query, k)):
            return False
    return True

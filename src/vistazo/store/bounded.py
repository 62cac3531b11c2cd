"""Statements of callers that nobody vouches for: one at most so long, so large, and only reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vistazo.errors import InvalidSQL
from vistazo.records import Float32Array
from vistazo.store import sqlread

if TYPE_CHECKING:
    import pyarrow as pa

    from vistazo.store.connect import Connection

_TIMEOUT, _MEMORY, _ROWS_READ = 159, 241, 158

# A statement and the values it binds to the text that may run; raises InvalidSQL.
Guard = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What a statement may take.

    Attributes:
        max_rows: of the answer; further ones are left out.
        guard: judges every statement, and what it gives back is what runs.
    """

    guard: Guard
    max_rows: int = 1000
    max_seconds: int = 20
    max_memory_bytes: int = 1 << 30
    max_bytes: int = 64 << 20

    def run(
        self,
        connection: Connection,
        query: str,
        embed: Callable[[str], Float32Array],
        params: Mapping[str, Any] | None,
    ) -> pa.Table:
        """Run a statement.

        Raises:
            InvalidSQL: it may not run, or takes too much.
        """
        text, values = sqlread.expand_embed(query, embed, params)
        text = self.guard(text, values)
        settings = {
            "limit": self.max_rows,
            "max_execution_time": self.max_seconds,
            "max_memory_usage": self.max_memory_bytes,
            "max_result_bytes": self.max_bytes,
            "max_threads": 2,
        }
        try:
            return connection.table(text, values, settings)
        except Exception as error:
            code = getattr(error, "engine_code", 0)
            if code in (_TIMEOUT, _MEMORY, _ROWS_READ, 396):
                what = f"{self.max_seconds} seconds" if code == _TIMEOUT else "memory or rows"
                text = f"the statement takes more than the {what} it may: make it smaller"
                raise InvalidSQL(text, engine_code=code) from error
            raise

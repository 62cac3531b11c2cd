"""MyScale: a ClickHouse of some years ago with vector indexes of its own.

Nothing here has run on a MyScale server; it follows the sources and documents of MyScaleDB. The
index wants a vector it can read off the statement, so `Store` writes it there as a literal instead
of binding it.
"""

from __future__ import annotations

from vistazo.store.dialects.base import VECTOR_INDEX, Capabilities
from vistazo.store.dialects.clickhouse import ClickHouse

# By age, what a server has that understands `dotProduct` of arrays is not known.
_SCORE = "1 - cosineDistance(photo_embed, {q:Array(Float32)})"
# The open source server has no MSTG.
_TYPES = ("MSTG", "SCANN")


class MyScale(ClickHouse):
    """MyScale's answers."""

    name = "myscale"
    capabilities = Capabilities(prefilters=True, bound_vectors=False)

    def session(self) -> dict[str, object]:
        """Settings of every statement; a server that lacks one must not be sent it."""
        # Rows that the index does not cover yet are found too.
        return {**super().session(), "enable_brute_force_vector_search": 1}

    def functions(self) -> tuple[str, ...]:
        """None: `distance` is the server's own."""
        return ()

    def exact_knn(self, where: str) -> str:
        """The k nearest of all rows that match, by reading them all."""
        return (
            f"SELECT photo_id, {_SCORE} AS score FROM photos"
            f"{' WHERE ' + where if where else ''}"
            " ORDER BY score DESC, photo_id LIMIT {k:UInt64}"
        )

    def indexed_knn(self, where: str) -> str:
        """The k nearest among the index's candidates, scored exactly."""
        return (
            f"SELECT photo_id, {_SCORE} AS score FROM photos WHERE photo_id IN"
            f" ({self.candidates(where)})"
            " ORDER BY score DESC, photo_id LIMIT {k:UInt64}"
        )

    def candidates(self, where: str = "") -> str:
        """Rows the index proposes, about the nearest of those that match."""
        return (
            "SELECT photo_id FROM (SELECT photo_id, distance(photo_embed, {q:Array(Float32)}) AS dist"
            f" FROM photos{' PREWHERE ' + where if where else ''}"
            " ORDER BY dist LIMIT {candidates:UInt64})"
        )

    def indexed_settings(self) -> dict[str, object]:
        """Settings an index search needs."""
        return {}

    def add_index(self, dim: int, table: str = "photos") -> tuple[str, ...]:
        """Declare the vector index, which is then built by itself; the vectors' length is in the
        table's constraint."""
        return tuple(
            self.alter(
                table,
                f"ADD VECTOR INDEX IF NOT EXISTS {VECTOR_INDEX} photo_embed"
                f" TYPE {kind}('metric_type=Cosine')",
            )
            for kind in _TYPES
        )

    def build_index(self, table: str = "photos") -> tuple[str, ...]:
        """None: parts that lack the index get it by themselves."""
        return ()

    def drop_index(self, table: str = "photos") -> tuple[str, ...]:
        """Statements that remove the vector index, and end its builds."""
        return (self.alter(table, f"DROP VECTOR INDEX IF EXISTS {VECTOR_INDEX}"),)

    def deleted_rows(self) -> str:
        """None that matter: the index leaves them out before it ranks."""
        return "SELECT 0"

    def index_status(self, table: str = "photos") -> str:
        """One row (status, failure) when the index exists, none otherwise."""
        return (
            "SELECT multiIf(countIf(each.status = 'Error') > 0, 'Error',"
            " countIf(each.status != 'Built') > 0, 'InProgress', 'Built') AS status,"
            " anyIf(each.latest_fail_reason, each.status = 'Error') AS failure"
            f" FROM {self._system('vector_indices')} AS each WHERE {self._of(table)}"
            f" AND name = '{VECTOR_INDEX}' HAVING count() > 0"
        )

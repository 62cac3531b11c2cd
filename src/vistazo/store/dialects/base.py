"""ClickHouse's SQL for vectors: arguments in, text and settings out, no connection.

Other engines subclass and override what differs. Measured traps behind these texts: an index
search returns fewer rows after lightweight deletes and under filters, its distances are
approximate, and `ORDER BY distance, tie_break` does not use the index at all. So the index only
proposes candidates; the statement around it computes exact scores and the order.
"""

from __future__ import annotations

from dataclasses import dataclass

VECTOR_INDEX = "photo_embed_index"

# Scores are dot products of unit vectors: half the time of cosineDistance (see bench/knn.py).
_SCORE = "dotProduct(photo_embed, {q:Array(Float32)})"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, so that callers ask for a capability and never for a name."""

    vector_index: bool


class Dialect:
    """ClickHouse's answers."""

    name = "clickhouse"
    capabilities = Capabilities(vector_index=True)

    def functions(self) -> tuple[str, ...]:
        """Statements that make the walk-through's `distance(column, vector)` work."""
        return ("CREATE FUNCTION IF NOT EXISTS distance AS (a, b) -> cosineDistance(a, b)",)

    def exact_knn(self, where: str) -> str:
        """The k nearest of all rows that match, by reading them all.

        Binds: q Array(Float32), k UInt64, and what `where` binds.
        Returns columns photo_id, score; best first, ties by photo_id.
        """
        return (
            f"SELECT photo_id, {_SCORE} AS score FROM photos"
            f"{' WHERE ' + where if where else ''}"
            " ORDER BY score DESC, photo_id LIMIT {k:UInt64}"
        )

    def indexed_knn(self, where: str) -> str:
        """The k nearest among the index's candidates, scored exactly.

        Binds: q Array(Float32), k and candidates UInt64, and what `where` binds. `where` is
        applied to the candidates, so it is meant for excluding a few known rows.
        """
        return (
            f"SELECT photo_id, {_SCORE} AS score FROM photos WHERE photo_id IN"
            " (SELECT photo_id FROM photos ORDER BY cosineDistance(photo_embed, {q:Array(Float32)})"
            " LIMIT {candidates:UInt64})"
            f"{' AND (' + where + ')' if where else ''}"
            " ORDER BY score DESC, photo_id LIMIT {k:UInt64}"
        )

    def indexed_settings(self) -> dict[str, object]:
        """Settings an index search needs."""
        return {"max_limit_for_vector_search_queries": 10_000}

    def add_index(self, dim: int) -> str:
        """Declare the vector index; rows already there are covered by `build_index`."""
        return (
            f"ALTER TABLE photos ADD INDEX IF NOT EXISTS {VECTOR_INDEX} photo_embed"
            f" TYPE vector_similarity('hnsw', 'cosineDistance', {int(dim)})"
        )

    def build_index(self) -> str:
        """Build the index for the parts that lack it, in the background."""
        return f"ALTER TABLE photos MATERIALIZE INDEX {VECTOR_INDEX} SETTINGS mutations_sync = 0"

    def drop_index(self) -> str:
        """Remove the vector index."""
        return f"ALTER TABLE photos DROP INDEX IF EXISTS {VECTOR_INDEX}"

    def index_status(self) -> str:
        """One row (status, failure) when the index exists, none otherwise.

        status: `Built`, `InProgress`, or `Error` with the engine's reason in failure.
        """
        mutations = "system.mutations WHERE database = currentDatabase() AND table = 'photos'"
        return (
            "SELECT multiIf("
            f" (SELECT count() FROM {mutations} AND NOT is_done AND latest_fail_reason != '') > 0,"
            " 'Error',"
            f" (SELECT count() FROM {mutations} AND NOT is_done"
            " AND command LIKE '%MATERIALIZE INDEX%') > 0, 'InProgress',"
            " (SELECT count() FROM system.parts WHERE database = currentDatabase()"
            " AND table = 'photos' AND active AND rows > 0"
            " AND secondary_indices_compressed_bytes = 0) > 0, 'InProgress', 'Built') AS status,"
            f" (SELECT any(latest_fail_reason) FROM {mutations} AND NOT is_done) AS failure"
            " FROM system.data_skipping_indices WHERE database = currentDatabase()"
            f" AND table = 'photos' AND name = '{VECTOR_INDEX}'"
        )

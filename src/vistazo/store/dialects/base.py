"""ClickHouse's SQL for vectors: arguments in, text and settings out, no connection.

Other engines subclass and override what differs. Measured traps behind these texts: an index
search returns fewer rows after lightweight deletes and under filters, its distances are
approximate, and `ORDER BY distance, tie_break` does not use the index at all. So the index only
proposes candidates; the statement around it computes exact scores and the order.
"""

from __future__ import annotations

from dataclasses import dataclass

VECTOR_INDEX = "photo_embed_index"

# Scores are dot products of unit vectors: as fast as cosineDistance at 10,000 rows, a sixth faster
# at 50,000 (see bench/knn.py).
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
            f" ({self.candidates()})"
            f"{' AND (' + where + ')' if where else ''}"
            " ORDER BY score DESC, photo_id LIMIT {k:UInt64}"
        )

    def candidates(self) -> str:
        """Rows the index proposes, about the nearest; the statement that makes the index work.

        Binds: q Array(Float32), candidates UInt64.
        """
        return (
            "SELECT photo_id FROM photos ORDER BY cosineDistance(photo_embed, {q:Array(Float32)})"
            " LIMIT {candidates:UInt64}"
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

    def drop_index(self) -> tuple[str, ...]:
        """Statements that remove the vector index, and end its builds, which would be in the way."""
        return (
            "KILL MUTATION WHERE database = currentDatabase() AND table = 'photos'"
            f" AND command LIKE '%MATERIALIZE INDEX {VECTOR_INDEX}%' AND NOT is_done SYNC",
            f"ALTER TABLE photos DROP INDEX IF EXISTS {VECTOR_INDEX}",
        )

    def deleted_rows(self) -> str:
        """How many parts hold deleted rows, which an index search counts among its candidates.

        A patch stays for some seconds after a merge has applied it; parts as new as the patch have
        it applied.
        """
        parts = "system.parts WHERE database = currentDatabase() AND table = 'photos' AND active"
        oldest = f"(SELECT min(data_version) FROM {parts} AND NOT startsWith(name, 'patch-'))"
        return (
            f"SELECT count() FROM {parts} AND has_lightweight_delete"
            f" AND (NOT startsWith(name, 'patch-') OR data_version > {oldest})"
        )

    def index_status(self) -> str:
        """One row (status, failure) when the index exists, none otherwise.

        status: `Built`, `InProgress`, or `Error` with the engine's reason in failure. Changes are
        made in turn, so any that fails holds up a build.
        """
        mutations = (
            "system.mutations WHERE database = currentDatabase() AND table = 'photos'"
            " AND NOT is_done"
        )
        building = f"(SELECT count() FROM {mutations} AND command LIKE '%MATERIALIZE INDEX%') > 0"
        return (
            "SELECT multiIf("
            f"{building} AND (SELECT count() FROM {mutations} AND latest_fail_reason != '') > 0,"
            f" 'Error', {building}, 'InProgress',"
            " (SELECT count() FROM system.parts WHERE database = currentDatabase()"
            " AND table = 'photos' AND active AND rows > 0 AND NOT startsWith(name, 'patch-')"
            " AND secondary_indices_compressed_bytes = 0) > 0, 'InProgress', 'Built') AS status,"
            " if(status = 'Error', (SELECT any(latest_fail_reason) FROM"
            f" {mutations} AND latest_fail_reason != ''), '') AS failure"
            " FROM system.data_skipping_indices WHERE database = currentDatabase()"
            f" AND table = 'photos' AND name = '{VECTOR_INDEX}'"
        )

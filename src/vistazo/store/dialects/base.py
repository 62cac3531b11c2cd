"""ClickHouse's SQL for vectors: arguments in, text and settings out, no connection.

Other engines subclass and override what differs. Measured traps behind these texts: an index
search returns fewer rows after lightweight deletes and under filters, its distances are
approximate, and `ORDER BY distance, tie_break` does not use the index at all. So the index only
proposes candidates; the statement around it computes exact scores and the order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vistazo.store.dialects.cluster import Cluster

VECTOR_INDEX = "photo_embed_index"

# Scores are dot products of unit vectors: as fast as cosineDistance at 10,000 rows, a sixth faster
# at 50,000 (see bench/knn.py).
_SCORE = "dotProduct(photo_embed, {q:Array(Float32)})"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, so that callers ask for a capability and never for a name.

    Attributes:
        subqueries_in_deletes: whether a DELETE may look at other rows.
        values_in_a_change: how many a DELETE may list; 0 for any number.
        prefilters: whether the vector index ranks only the rows that match a filter.
        bound_vectors: whether the vector index can be asked by a bound vector.
    """

    vector_index: bool = True
    subqueries_in_deletes: bool = True
    values_in_a_change: int = 0
    prefilters: bool = False
    bound_vectors: bool = True


class Dialect:
    """ClickHouse's answers.

    Args:
        cluster: spreads the tables over it; None for a single server.
        table_settings: those of MergeTree that the server knows; None for all.
    """

    name = "clickhouse"
    capabilities = Capabilities()

    def __init__(
        self, cluster: Cluster | None = None, table_settings: Collection[str] | None = None
    ) -> None:
        self.cluster = cluster
        self._table_settings = table_settings
        self._on = cluster.on if cluster else ""
        self._database = f"'{cluster.database}'" if cluster else "currentDatabase()"

    def _table(self, name: str) -> str:
        """The table that holds the rows."""
        return f"{name}_local" if self.cluster else name

    def _system(self, name: str) -> str:
        """A table of the engine about itself, of every server."""
        table = f"system.{name}"
        return f"clusterAllReplicas('{self.cluster.name}', {table})" if self.cluster else table

    # Tables and rows

    def session(self) -> dict[str, object]:
        """Settings of every statement; a server that lacks one must not be sent it."""
        return {}

    def ddl(self, statement: str) -> tuple[str, ...]:
        """The statements that do what a migration's one says."""
        return (statement,)

    def functions(self) -> tuple[str, ...]:
        """Statements that make the walk-through's `distance(column, vector)` work."""
        return (
            f"CREATE FUNCTION IF NOT EXISTS distance{self._on} AS (a, b) -> cosineDistance(a, b)",
        )

    def alter(self, table: str, change: str) -> str:
        """Change a table's definition or its rows; `change` is what follows the table's name."""
        return f"ALTER TABLE {self._table(table)}{self._on} {change}"

    def delete(self, table: str, where: str) -> str:
        """Delete the rows that match."""
        return f"DELETE FROM {self._table(table)}{self._on} WHERE {where}"

    def truncate(self, table: str) -> str:
        """Delete every row."""
        return f"TRUNCATE TABLE {self._table(table)}{self._on}"

    def compact(self, table: str) -> str:
        """Merge a table's parts, dropping deleted rows for good."""
        return f"OPTIMIZE TABLE {self._table(table)}{self._on} FINAL"

    # A table beside another, and in its place

    def twin(self, table: str, twin: str) -> tuple[str, ...]:
        """Make an empty table that is defined as another one."""
        if not self.cluster:
            return (f"CREATE TABLE {twin} AS {table}",)
        name, database = self.cluster.name, self.cluster.database
        return (
            f"CREATE TABLE {twin}_local{self._on} AS {database}.{table}_local",
            f"CREATE TABLE {twin}{self._on} AS {database}.{twin}_local ENGINE ="
            f" Distributed('{name}', '{database}', '{twin}_local', sipHash64(photo_id))",
        )

    def exchange(self, table: str, other: str) -> str:
        """Give two tables each other's name, at once; on a cluster, at once on each server."""
        return f"EXCHANGE TABLES {self._table(table)} AND {self._table(other)}{self._on}"

    def drop(self, table: str) -> tuple[str, ...]:
        """Remove a table, if there is one."""
        names = (table, f"{table}_local") if self.cluster else (table,)
        return tuple(f"DROP TABLE IF EXISTS {name}{self._on} SYNC" for name in names)

    def vector_indices(self, table: str) -> str:
        """The names of a table's vector indexes, also of those that people have made."""
        return (
            f"SELECT DISTINCT name FROM {self._system('data_skipping_indices')}"
            f" WHERE {self._of(table)} AND startsWith(type, 'vector_similarity')"
        )

    def comment(self, table: str) -> str:
        """One row with what was noted of a table by MODIFY COMMENT."""
        return (
            f"SELECT comment FROM system.tables WHERE database = {self._database}"
            f" AND name = '{self._table(table)}'"
        )

    # Search

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

    # The vector index

    def add_index(self, dim: int, table: str = "photos") -> tuple[str, ...]:
        """Declare the vector index; rows already there are covered by `build_index`.

        Returns:
            Statements to try until the engine knows one's type of index, the best first.
        """
        change = (
            f"ADD INDEX IF NOT EXISTS {VECTOR_INDEX} photo_embed"
            f" TYPE vector_similarity('hnsw', 'cosineDistance', {int(dim)})"
        )
        return (self.alter(table, change),)

    def build_index(self, table: str = "photos") -> tuple[str, ...]:
        """Statements that build the index for the parts that lack it, in the background."""
        change = f"MATERIALIZE INDEX {VECTOR_INDEX} SETTINGS mutations_sync = 0"
        return (self.alter(table, change),)

    def drop_index(self, table: str = "photos") -> tuple[str, ...]:
        """Statements that remove the vector index, and end its builds, which would be in the way."""
        return (
            f"KILL MUTATION{self._on} WHERE {self._of(table)}"
            f" AND command LIKE '%MATERIALIZE INDEX {VECTOR_INDEX}%' AND NOT is_done SYNC",
            self.alter(table, f"DROP INDEX IF EXISTS {VECTOR_INDEX}"),
        )

    def deleted_rows(self) -> str:
        """How many parts hold deleted rows, which an index search counts among its candidates.

        A patch stays for some seconds after a merge has applied it; parts as new as the patch have
        it applied.
        """
        parts = f"{self._system('parts')} WHERE {self._of('photos')} AND active"
        oldest = f"(SELECT min(data_version) FROM {parts} AND NOT startsWith(name, 'patch-'))"
        return (
            f"SELECT count() FROM {parts} AND has_lightweight_delete"
            f" AND (NOT startsWith(name, 'patch-') OR data_version > {oldest})"
        )

    def index_status(self, table: str = "photos") -> str:
        """One row (status, failure) when the index exists, none otherwise.

        status: `Built`, `InProgress`, or `Error` with the engine's reason in failure. Changes are
        made in turn, so any that fails holds up a build.
        """
        mutations = f"{self._system('mutations')} WHERE {self._of(table)} AND NOT is_done"
        building = f"(SELECT count() FROM {mutations} AND command LIKE '%MATERIALIZE INDEX%') > 0"
        return (
            "SELECT multiIf("
            f"{building} AND (SELECT count() FROM {mutations} AND latest_fail_reason != '') > 0,"
            f" 'Error', {building}, 'InProgress',"
            f" (SELECT count() FROM {self._system('parts')} WHERE {self._of(table)}"
            " AND active AND rows > 0 AND NOT startsWith(name, 'patch-')"
            " AND secondary_indices_compressed_bytes = 0) > 0, 'InProgress', 'Built') AS status,"
            " if(status = 'Error', (SELECT any(latest_fail_reason) FROM"
            f" {mutations} AND latest_fail_reason != ''), '') AS failure"
            f" FROM {self._system('data_skipping_indices')} WHERE {self._of(table)}"
            f" AND name = '{VECTOR_INDEX}'{' LIMIT 1' if self.cluster else ''}"
        )

    def _of(self, table: str) -> str:
        return f"database = {self._database} AND table = '{self._table(table)}'"

"""ClickHouse servers, one or a cluster: tables that others reach too, over a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vistazo.store.dialects.base import Dialect
from vistazo.store.dialects.cluster import with_settings

if TYPE_CHECKING:
    from collections.abc import Collection

    from vistazo.store.dialects.cluster import Cluster

# A block that is sent twice under one token is kept once; replicated tables do so by themselves.
_ONCE = "non_replicated_deduplication_window = 1000"
# What the view of changes writes may be the same row many times, and each counts.
_EACH = "replicated_deduplication_window = 0"


class ClickHouse(Dialect):
    """ClickHouse's answers, with what servers need besides."""

    def __init__(
        self, cluster: Cluster | None = None, table_settings: Collection[str] | None = None
    ) -> None:
        super().__init__(cluster, table_settings)
        if cluster:
            # A replica might find other rows than its twin; and a change goes through the
            # cluster's queue, whose entries are small.
            self.capabilities = replace(
                type(self).capabilities, subqueries_in_deletes=False, values_in_a_change=1000
            )

    def session(self) -> dict[str, object]:
        """Settings of every statement; a server that lacks one must not be sent it."""
        settings: dict[str, object] = {
            # Vector indexes are built after bulk loading.
            "materialize_skip_indexes_on_insert": 0,
            "lightweight_delete_mode": "lightweight_update",
            # An index ranks the rows that match, not all before the filter.
            "vector_search_filter_strategy": "prefilter",
            # A change is done when the statement has returned, on all replicas.
            "mutations_sync": 2,
            "lightweight_deletes_sync": 2,
            "alter_sync": 2,
            "replication_alter_partitions_sync": 2,
            "async_insert": 0,
            # Only blocks with a token are taken for the same: people may insert equal rows.
            "insert_deduplicate": 0,
        }
        if self.cluster:
            settings |= {
                "distributed_foreground_insert": 1,
                "insert_distributed_sync": 1,
                # Subqueries run once and their result is sent to all.
                "distributed_product_mode": "global",
                # INSERT SELECT is computed over all shards, not on each by itself.
                "parallel_distributed_insert_select": 0,
                # What one statement has written the next one reads, from the same replica.
                "load_balancing": "in_order",
                "distributed_ddl_output_mode": "throw",
            }
        return settings

    def ddl(self, statement: str) -> tuple[str, ...]:
        """The statements that do what a migration's one says."""
        if statement.startswith("CREATE TABLE"):
            summing = "ENGINE = SummingMergeTree" in statement
            more = {(True, True): _EACH, (False, False): _ONCE}.get((summing, bool(self.cluster)))
            statement = with_settings(statement, (more,) if more else (), self._table_settings)
        return self.cluster.spread(statement) if self.cluster else (statement,)

"""Which columns have a vector index, of what metric, and how far it is built.

Two sources are read together: the engine's own `vector_similarity` indexes, and the rows of
`vector_indices`, which keep what MyScale's SQL said and the engine cannot (the type's name, its
parameters, an index of type FLAT). A row counts only while its table's folder, its column and, but
for FLAT, its index in the engine are there; so nothing need be done when a table is dropped,
renamed or exchanged.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import PurePosixPath

from vistazo.errors import InvalidSQL
from vistazo.store.connection import Connection

TableName = tuple[str, str]  # database, table
IndexRow = tuple[str | int, ...]  # of system.vector_indices

_WAIT_S = 3600.0
_OF_ENGINE = {"cosineDistance": "Cosine", "L2Distance": "L2", "dotProduct": "IP"}
_TYPE_FULL = re.compile(r"vector_similarity\('hnsw', '(\w+)', (\d+)")
_FOLDERS = (
    "SELECT database, name AS table, data_paths[1] AS path FROM system.tables"
    " WHERE notEmpty(data_paths) AND database NOT IN ('system', 'INFORMATION_SCHEMA',"
    " 'information_schema')"
)
_PARTS = (
    "SELECT database, table, count() AS parts, countIf(secondary_indices_compressed_bytes > 0)"
    " AS indexed FROM system.parts WHERE active AND rows > 0 AND NOT startsWith(name, 'patch-')"
    " GROUP BY database, table"
)
_BUILDS = (
    "SELECT database, table, command, latest_failed_part, latest_fail_reason"
    " FROM system.mutations WHERE NOT is_done"
)


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """A vector index.

    Attributes:
        type: the name in MyScale's SQL, as written; FLAT is no index of the engine.
        definition: `name column TYPE type('param=value', ..)`.
        metric: `Cosine`, `L2` or `IP`.
    """

    database: str
    table: str
    name: str
    column: str
    type: str
    definition: str
    metric: str
    dim: int

    @property
    def exact(self) -> bool:
        """Whether the engine reads every row, having no index."""
        return self.type.upper() == "FLAT"


class VectorIndices:
    """The vector indexes of one engine; what was read is kept until something changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: tuple[int, tuple[VectorIndex, ...]] = (-1, ())
        self._clean: dict[TableName, int] = {}

    def all(self) -> tuple[VectorIndex, ...]:
        """Every vector index, by database, table and name."""
        changes = self._connection.changes
        age, known = self._known
        if age != changes:
            known = self._read()
            self._known = (changes, known)
        return known

    def of(self, table: TableName) -> tuple[VectorIndex, ...]:
        """The vector indexes of a table."""
        return tuple(index for index in self.all() if (index.database, index.table) == table)

    def record(self, index: VectorIndex) -> None:
        """Keep what was said of an index; its table must be there."""
        identity = self._identities().get((index.database, index.table))
        if identity is None:
            raise InvalidSQL(f"there is no table {index.database}.{index.table}", engine_code=60)
        self._connection.execute(
            "INSERT INTO vector_indices (identity, name, column, type, definition, metric, dim)"
            " SELECT {identity:String}, {name:String}, {column:String}, {type:String},"
            " {definition:String}, {metric:String}, {dim:UInt32}",
            {
                "identity": identity,
                "name": index.name,
                "column": index.column,
                "type": index.type,
                "definition": index.definition,
                "metric": index.metric,
                "dim": index.dim,
            },
        )
        self._connection.note_change()

    def erase(self, table: TableName, name: str) -> None:
        """Forget what was said of an index."""
        self._connection.execute(
            "DELETE FROM vector_indices WHERE identity = {identity:String} AND name = {name:String}",
            {"identity": self._identities().get(table, ""), "name": name},
        )
        self._connection.note_change()

    def _identities(self) -> dict[TableName, str]:
        rows = self._connection.rows(_FOLDERS)
        return {(r["database"], r["table"]): PurePosixPath(r["path"]).name for r in rows}

    def _read(self) -> tuple[VectorIndex, ...]:
        found: dict[tuple[str, str, str], VectorIndex] = {}
        for row in self._connection.rows(
            "SELECT database, table, name, type_full, expr FROM system.data_skipping_indices"
            " WHERE type = 'vector_similarity'"
        ):
            if match := _TYPE_FULL.match(row["type_full"].replace("\\'", "'")):
                key = (row["database"], row["table"], row["name"])
                metric = _OF_ENGINE[match[1]]
                definition = f"{row['name']} {row['expr']} TYPE HNSWFLAT('metric_type={metric}')"
                found[key] = VectorIndex(
                    *key, row["expr"].strip("`"), "HNSWFLAT", definition, metric, int(match[2])
                )
        said = self._connection.rows(
            "SELECT identity, name, column, type, definition, metric, dim FROM vector_indices"
            " ORDER BY added_at"
        )
        if said:
            tables = {identity: table for table, identity in self._identities().items()}
            columns = self._columns([row["column"] for row in said])
            for row in said:
                table = tables.get(row["identity"])
                if table is None:
                    continue
                index = VectorIndex(*table, **{k: row[k] for k in row if k != "identity"})
                key = (*table, index.name)
                if (*table, index.column) in columns and (index.exact or key in found):
                    found[key] = index
        return tuple(found[key] for key in sorted(found))

    def _columns(self, names: list[str]) -> set[tuple[str, str, str]]:
        rows = self._connection.rows(
            "SELECT database, table, name FROM system.columns WHERE name IN {names:Array(String)}",
            {"names": names},
        )
        return {(row["database"], row["table"], row["name"]) for row in rows}

    def has_deleted_rows(self, table: TableName) -> bool:
        """Whether deleted rows wait to be merged away; asked anew only after a change.

        A patch stays for some seconds after a merge has applied it; parts as new as the patch have
        it applied.
        """
        changes = self._connection.changes
        if self._clean.get(table) == changes:
            return False
        parts = f"system.parts WHERE database = {quoted(table[0])} AND table = {quoted(table[1])}"
        oldest = (
            f"(SELECT min(data_version) FROM {parts} AND active AND NOT startsWith(name, 'patch-'))"
        )
        if self._connection.value(
            f"SELECT count() FROM {parts} AND active AND has_lightweight_delete"
            f" AND (NOT startsWith(name, 'patch-') OR data_version > {oldest})"
        ):
            return True
        self._clean[table] = changes
        return False

    # As a table

    def wait(self, table: TableName, timeout_s: float = _WAIT_S) -> None:
        """Wait until a table's vector indexes are built, at most so long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and any(
            row[:2] == table and row[8] == "InProgress" for row in self.status()
        ):
            time.sleep(0.05)

    def status(self) -> list[IndexRow]:
        """The rows of `system.vector_indices`, in the order of its columns."""
        known = self.all()
        if not known:
            return []
        parts = {(r["database"], r["table"]): r for r in self._connection.rows(_PARTS)}
        builds = self._connection.rows(_BUILDS)
        return [self._status(index, parts.get((index.database, index.table)), builds)
                for index in known]  # fmt: skip

    def _status(
        self, index: VectorIndex, parts: dict[str, int] | None, builds: list[dict[str, str]]
    ) -> IndexRow:
        total = parts["parts"] if parts else 0
        built = total if index.exact or not parts else parts["indexed"]
        building = failed_part = reason = ""
        if not index.exact:
            for row in builds:
                if (row["database"], row["table"]) == (index.database, index.table):
                    # Changes are made in turn, so any that fails holds up a build.
                    failed_part = failed_part or row["latest_failed_part"]
                    reason = reason or row["latest_fail_reason"]
                    if re.search(rf"MATERIALIZE INDEX `?{re.escape(index.name)}\b", row["command"]):
                        building = row["command"]
        if building:
            built = min(built, max(total - 1, 0))
        else:
            failed_part = reason = ""
        state = "Error" if reason else "InProgress" if building or built < total else "Built"
        return (
            *(index.database, index.table, index.name, index.type, index.definition),
            *(total, built, 0, state, "localhost", failed_part, reason),
        )


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

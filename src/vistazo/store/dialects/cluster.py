"""Tables spread over a cluster: each is `<name>_local` on every server, behind `<name>`.

`<name>` is a Distributed table: reading and inserting go through it as if it were the table.
Whatever changes rows or definitions goes to the local tables, on the whole cluster.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_TABLE = re.compile(
    r"(CREATE TABLE IF NOT EXISTS) (\w+)(.*)ENGINE = (\w*MergeTree)\s+(ORDER BY \(?(\w+).*)",
    re.DOTALL,
)
_VIEW = re.compile(r"(CREATE MATERIALIZED VIEW IF NOT EXISTS) (\w+) TO (\w+) AS(.*) FROM (\w+)$")
_ALTER = re.compile(r"ALTER TABLE (\w+) (.*)", re.DOTALL)
_SETTINGS = re.compile(r"\s+SETTINGS\s+((?:\w+ = \w+(?:,\s+)?)+)\s*$")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the tables are spread.

    Attributes:
        name: as `system.clusters` or a macro of the servers has it.
        database: that of the tables. Named in statements, because `currentDatabase()` is another
            one where a part of the statement runs.
    """

    name: str
    database: str

    @property
    def on(self) -> str:
        """The clause that makes a statement run on all servers."""
        return f" ON CLUSTER '{self.name}'"

    def spread(self, statement: str) -> tuple[str, ...]:
        """The statements that do on the cluster what one does on a single server.

        Args:
            statement: a CREATE TABLE or MATERIALIZED VIEW with IF NOT EXISTS, or an ALTER TABLE.
        """
        if made := _TABLE.fullmatch(statement):
            create, name, columns, engine, order, key = made.groups()
            return (
                f"{create} {name}_local{self.on}{columns}ENGINE = Replicated{engine} {order}",
                f"{create} {name}{self.on} AS {self.database}.{name}_local ENGINE ="
                f" Distributed('{self.name}', '{self.database}', '{name}_local',"
                f" sipHash64({key}))",
            )
        if made := _VIEW.fullmatch(statement):
            # It must see the rows of its own server only, for each server has one.
            create, name, target, columns, source = made.groups()
            return (f"{create} {name}{self.on} TO {target}_local AS{columns} FROM {source}_local",)
        if changed := _ALTER.fullmatch(statement):
            name, change = changed.groups()
            local = f"ALTER TABLE {name}_local{self.on} {change}"
            if change.startswith("ADD COLUMN"):
                return local, f"ALTER TABLE {name}{self.on} {change}"
            return (local,)
        raise ValueError(statement)


def with_settings(
    statement: str, more: tuple[str, ...] = (), known: Collection[str] | None = None
) -> str:
    """A CREATE TABLE with more settings, those left out that the server does not know.

    Args:
        more: as `name = value`.
        known: names; None keeps all.
    """
    found = _SETTINGS.search(statement)
    given = re.split(r",\s+", found[1].strip()) if found else []
    kept = [each for each in (*given, *more) if known is None or each.split(" =")[0] in known]
    body = statement[: found.start()] if found else statement.rstrip()
    return f"{body} SETTINGS {', '.join(kept)}" if kept else body

"""A program for tests: the SQL endpoint, until its input ends; its first line is the port.

Run: python serve_sql.py FOLDER [TOKEN]          over a new library, everybody a writer
     python serve_sql.py --plain FOLDER [TOKEN]  over a new engine that lets its callers do all
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn
import uvloop

import vistazo
from vistazo.sqlserver.access import Access
from vistazo.sqlserver.guard.checks import Checked
from vistazo.sqlserver.pipeline import Count, Pipeline, Plan
from vistazo.sqlserver.protocol import Protocol, app, over
from vistazo.store.connection import Connection
from vistazo.store.embedded import engine_at


class Unguarded(Pipeline):
    """The engine as a server's owner has it: what a library on a server is made with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = lambda checked: None

    def plan(
        self,
        sql: str,
        params: Mapping[str, str],
        settings: Mapping[str, str],
        database: str,
        *,
        may_write: bool,
        count: Count,
    ) -> Plan:
        asked = "SELECT formatQuerySingleLine({q:String})"
        text = str(self._connection.value(asked, {"q": sql}))
        kind = text.lstrip("(").split(None, 1)[0].lower()
        kind = "select" if kind in ("with", "from") else kind
        writes = kind not in ("select", "show", "describe", "explain", "exists")
        return Plan((Checked(text, kind, writes),), params, settings, database)


async def serve(endpoint: Protocol) -> None:
    config = uvicorn.Config(endpoint, host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await running


def main(arguments: list[str]) -> None:
    plain = arguments[0] == "--plain"
    folder, *rest = arguments[plain:]
    access = Access(allow_write=True, token=rest[0] if rest else None)
    if plain:
        store = Path(folder)
        connection = engine_at(store)
        uvloop.run(serve(over(store, access, Unguarded(connection))))
        connection.close()
        return
    with vistazo.open(folder) as library:
        uvloop.run(serve(app(library, access)))


if __name__ == "__main__":
    main(sys.argv[1:])

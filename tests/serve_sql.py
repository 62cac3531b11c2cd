"""A program for tests: the SQL endpoint over a new library, until its input ends.

Run: python serve_sql.py FOLDER [TOKEN] ; its first line of output is the port.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvloop

import vistazo
from vistazo.errors import InvalidSQL
from vistazo.sqlserver.access import Access
from vistazo.sqlserver.handles import Handle
from vistazo.sqlserver.protocol import app
from vistazo.sqlserver.statements import Pipeline


@dataclass(frozen=True)
class Untouched:
    """A stand-in for a translation: the statement as it came."""

    statements: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    done: None = None
    internal: bool = False


@dataclass(frozen=True)
class Passed:
    """A stand-in for the guard's verdict."""

    text: str
    kind: str
    writes: bool
    table: str | None = None


READS = ("select", "with", "show", "describe", "desc", "explain", "exists", "check")


def translate(sql: str, params: Mapping[str, str], database: str = "default") -> Untouched:
    return Untouched((sql,))


class Canonical:
    """A stand-in for the guard: the engine's own parser, and a role's right to write."""

    def __init__(self, store: Path) -> None:
        self._handle = Handle(store, readonly=True, settings={})
        self._one = threading.Lock()

    def check(
        self, sql: str, *, may_write: bool, settings: Mapping[str, str], internal: bool = False
    ) -> Passed:
        with self._one:
            found = self._handle.query(
                "SELECT formatQuerySingleLine({q:String})",
                "TSVRaw",
                {"q": sql.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")},
            )
        text = found.bytes().decode().removesuffix("\n")
        kind = text.lstrip("(").split(None, 1)[0].lower()
        writes = kind not in (*READS, "set", "use")
        if writes and not may_write:
            raise InvalidSQL("Cannot execute query in readonly mode", engine_code=164)
        return Passed(text, kind, writes)


async def serve(folder: str, token: str | None) -> None:
    with vistazo.open(folder) as library:
        pipeline = Pipeline(translate, Canonical(library.path / "store").check)
        endpoint = app(library, Access(allow_write=True, token=token), pipeline)
        config = uvicorn.Config(endpoint, host="127.0.0.1", port=0, log_level="warning")
        server = uvicorn.Server(config)
        running = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.should_exit = True
        await running


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))

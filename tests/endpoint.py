"""A `clickhouse://` server to test against, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from vistazo.store.dsn import parse
from vistazo.store.server import close_server, open_server

RUNNER = Path(__file__).parent / "serve_sql.py"
USER, PASSWORD = "ana", "s3cret!@/"

# Real servers, where there are any: a new database is made on them and dropped again.
REAL = {
    kind: os.environ[name]
    for kind in ("clickhouse", "myscale")
    if os.environ.get(name := f"VISTAZO_TEST_{kind.upper()}_DSN")
}


@contextmanager
def endpoint(folder: Path, database: str = "photos") -> Iterator[str]:
    """The DSN of a database that is not there yet, on a server with an empty engine.

    The server must let the client make databases and tables.
    """
    command = [sys.executable, str(RUNNER), "--plain", str(folder / "engine"), PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        secret = quote(PASSWORD, safe="")
        try:
            yield f"clickhouse://{USER}:{secret}@127.0.0.1:{port}/{database}"
        finally:
            process.stdin.close()
            assert process.wait(30) == 0


@contextmanager
def real(dsn: str) -> Iterator[str]:
    """The same server with a database of its own, which is dropped at the end."""
    name = f"vistazo_test_{uuid.uuid4().hex[:8]}"
    there = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    yield there
    address = parse(there)
    connection = open_server(address, create=True, wait_s=0)
    on = connection.dialect.cluster.on if connection.dialect.cluster else ""
    connection.execute(f"DROP DATABASE {name}{on} SYNC")
    close_server(address)

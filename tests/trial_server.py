"""ClickHouse's HTTP interface over a plain engine, as little of it as clickhouse-connect needs.

Run as a program: `trial_server.py FOLDER` prints its port, and serves until its input ends. Users
are `ana` with the password `s3cret!@/`, who may do all, and nobody else.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb

USER, PASSWORD = "ana", "s3cret!@/"
# Parameters of the transport; any other is a setting.
_TRANSPORT = {
    "query",
    "database",
    "query_id",
    "wait_end_of_query",
    "client_protocol_version",
    "default_format",
    "session_id",
}
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+(.*?)\s+FORMAT\s+(\w+)\s?", re.IGNORECASE | re.DOTALL)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = ""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self._refuse(403, 516, f"Code: 516. DB::Exception: {USER}: Authentication failed.")
            return
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            asked |= self._form(body)
            body = b""
        try:
            answer = self._run(asked, body)
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            self._refuse(500, int(code[1]) if code else 1, str(error))
            return
        self._answer(200, answer, {"X-ClickHouse-Format": "Some", "X-ClickHouse-Timezone": "UTC"})

    def _run(self, asked: dict[str, str], body: bytes) -> bytes:
        params = {name[6:]: value for name, value in asked.items() if name.startswith("param_")}
        settings = {n: v for n, v in asked.items() if n not in _TRANSPORT and n[:6] != "param_"}
        engine = chdb.connect(self.folder)  # a session of its own
        try:
            engine.query(f"USE `{asked.get('database') or 'default'}`")
            for name, value in settings.items():
                engine.query(f"SET {name} = '{value}'")
            sql = asked["query"].encode() + b"\n" + body if "query" in asked else body
            insert = _INSERT.match(sql)
            if insert is None:
                found = engine.query(sql.decode(), "TabSeparated", params=params)
                return bytes(found.bytes() or b"")
            with tempfile.NamedTemporaryFile() as file:
                Path(file.name).write_bytes(sql[insert.end() :])
                table, kind = insert[1].decode(), insert[2].decode()
                engine.query(f"INSERT INTO {table} FROM INFILE '{file.name}' FORMAT {kind}")
            return b""
        finally:
            engine.close()

    def _form(self, body: bytes) -> dict[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\n\n".encode()
        parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(
                decode=True
            ).decode()
            for part in parts.iter_parts()
        }

    def _refuse(self, status: int, code: int, text: str) -> None:
        self._answer(status, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.folder = sys.argv[1]
    keeps_it_open = chdb.connect(Handler.folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    server.shutdown()
    keeps_it_open.close()

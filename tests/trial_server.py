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
_one_at_a_time = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: chdb.state.sqlitelike.Connection

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
            with _one_at_a_time:
                answer = self._run(asked, body)
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            self._refuse(500, int(code[1]) if code else 1, str(error))
            return
        self._answer(200, answer, {"X-ClickHouse-Format": "Some", "X-ClickHouse-Timezone": "UTC"})

    def _run(self, asked: dict[str, str], body: bytes) -> bytes:
        params = {name[6:]: value for name, value in asked.items() if name.startswith("param_")}
        settings = {n: v for n, v in asked.items() if n not in _TRANSPORT and n[:6] != "param_"}
        before = {name: self._value("SELECT value FROM system.settings WHERE name = {n:String}", n=name) for name in settings}  # fmt: skip
        self.engine.query(f"USE `{asked.get('database') or 'default'}`")
        try:
            for name, value in settings.items():
                self.engine.query(f"SET {name} = '{value}'")
            sql = asked["query"].encode() + b"\n" + body if "query" in asked else body
            if insert := _INSERT.match(sql):
                with tempfile.NamedTemporaryFile() as file:
                    Path(file.name).write_bytes(sql[insert.end() :])
                    return bytes(
                        self.engine.query(
                            f"INSERT INTO {insert[1].decode()} FROM INFILE '{file.name}'"
                            f" FORMAT {insert[2].decode()}"
                        ).bytes()
                        or b""
                    )
            return bytes(
                self.engine.query(sql.decode(), "TabSeparated", params=params).bytes() or b""
            )
        finally:
            for name, value in before.items():
                self.engine.query(f"SET {name} = '{value}'")

    def _value(self, sql: str, **params: str) -> str:
        return str(self.engine.query(sql, "TSVRaw", params=params).bytes().decode().rstrip("\n"))

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
    Handler.engine = chdb.connect(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    server.shutdown()
    Handler.engine.close()

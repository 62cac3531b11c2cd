"""The part of the Hub's API that reading a data set needs, on loopback: for the real client."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """Data sets by name, and what the stub does to those who ask.

    Attributes:
        files: content by path, of each data set's only commit.
        tokens: by data set those that may read it; a data set that is not here is public.
        gated: data sets whose terms must be accepted.
        status: answered to every request instead, when set.
        asked: method and path of each request, in order.
    """

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    status: int = 0
    asked: list[str] = field(default_factory=list)

    def commit(self, repo: str) -> str:
        text = repr(sorted(self.files[repo].items()))
        return hashlib.sha1(text.encode()).hexdigest()


@contextmanager
def serve() -> Iterator[Hub]:
    """A stub that answers until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def log_message(self, *arguments: object) -> None:
            pass

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            if hub.status:
                return self._send(hub.status, b"{}")
            if path.startswith("/api/datasets/"):
                repo, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
                return self._refused(repo, revision) or self._send(200, self._info(repo))
            repo, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            if self._refused(repo, revision):
                return None
            data = hub.files[repo].get(name)
            if data is None:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            etag = hashlib.sha256(data).hexdigest()
            commit = hub.commit(repo)
            return self._send(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": commit})

        def _refused(self, repo: str, revision: str) -> bool:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            known = repo in hub.files and token in hub.tokens.get(repo, {token})
            if not known:
                # As the Hub does: who has no token cannot tell missing from private.
                self._send(404 if token else 401, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif repo in hub.gated:
                self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
            elif revision and revision not in ("main", hub.commit(repo)):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            else:
                return False
            return True

        def _info(self, repo: str) -> bytes:
            return json.dumps(
                {
                    "id": repo,
                    "sha": hub.commit(repo),
                    "siblings": [{"rfilename": name} for name in sorted(hub.files[repo])],
                }
            ).encode()

        def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

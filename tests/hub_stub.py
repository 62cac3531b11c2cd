"""A Hub on loopback: enough of its HTTP API for the real `huggingface_hub` and `datasets`.

Made after what the client (huggingface_hub 2.4) sends and expects: it creates repositories, takes
commits and large files (LFS: batch, upload, verify), lists trees and serves files with ranges.

What this cannot show: the client sends large files through Xet by default (`hf_xet`, a protocol of
its own to another host), and with HF_HUB_DISABLE_XET=1, as in `HubStub.environment`, through LFS.
Only the LFS way is tested here; of Xet, its upload is not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_stubStubStub"  # may read and write everything
Files = dict[str, bytes]


@dataclass
class Fault:
    """What happens to the next requests that fit, instead of an answer.

    Attributes:
        method, path: of the requests, `path` as a regular expression found anywhere.
        times: how many requests; -1 means all.
        status: to answer with.
        headers, body: of that answer.
        cut: close the connection: after half of what is sent or received.
        corrupt: one byte of what is sent or received is another one.
        hold: nothing happens until it is set; then the connection is closed.
    """

    path: str
    method: str = ""
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    cut: bool = False
    corrupt: bool = False
    hold: threading.Event | None = None

    def fits(self, method: str, path: str) -> bool:
        return self.times != 0 and self.method in ("", method) and bool(re.search(self.path, path))


@dataclass
class Repository:
    """A dataset or a model: its states by commit, the last one is `main`."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def add(self, files: Files) -> str:
        sha = hashlib.sha1(f"{len(self.commits)} {sorted(files)}".encode()).hexdigest()
        self.commits[sha] = files
        return sha

    def files(self, revision: str) -> Files | None:
        return self.commits.get(self.head if revision == "main" else revision)


class HubStub:
    """The server and what it holds. `requests` are (method, path) in their order."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.store: dict[str, bytes] = {}  # large files by SHA-256
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}"
        # Large files come from another host than the Hub's, by a redirect.
        self.store_url = f"http://localhost:{port}"

    def fail(self, path: str, **how: Any) -> Fault:
        """Have requests fail; see `Fault`."""
        self.faults.append(Fault(path, **how))
        return self.faults[-1]

    def add_repository(
        self, name: str, files: Files | None = None, *, private: bool = False
    ) -> Repository:
        """A dataset that is there already."""
        repository = self.repositories[name] = Repository(private)
        repository.add({".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"})
        if files:
            repository.add(repository.commits[repository.head] | files)
            for path, content in files.items():
                if large(path):
                    self.store[hashlib.sha256(content).hexdigest()] = content
        return repository

    def environment(self, home: Path) -> dict[str, str]:
        """Variables that lead the client here, and keep its caches and logins in `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def uploads(self) -> list[str]:
        """Checksums of the large files that were sent, in their order."""
        return [
            path.removeprefix("/store/")
            for method, path in self.requests
            if method == "PUT" and path.startswith("/store/")
        ]

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def hub_stub() -> Iterator[HubStub]:
    """A running stub."""
    stub = HubStub()
    thread = threading.Thread(target=stub.serve)
    thread.start()
    try:
        yield stub
    finally:
        stub.close()
        thread.join()


def large(path: str) -> bool:
    return path.endswith((".parquet", ".onnx", ".safetensors"))


def entry(path: str, content: bytes) -> dict[str, Any]:
    """A file as the Hub lists it."""
    described: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
    if not large(path):
        return described | {"oid": git_hash(content)}
    sha256 = hashlib.sha256(content).hexdigest()
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"
    ).encode()
    lfs = {"oid": sha256, "size": len(content), "pointerSize": len(pointer)}
    return described | {"oid": git_hash(pointer), "lfs": lfs}


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _handler(stub: HubStub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        hub = stub

    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: HubStub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _answer(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.hub.requests.append((self.command, path))
        self._fault = next((f for f in self.hub.faults if f.fits(self.command, path)), None)
        if self._fault:
            self._fault.times -= 1
        length = int(self.headers.get("Content-Length") or 0)
        if self._fault and self._fault.hold:
            self._fault.hold.wait(60)
            self.close_connection = True
            return
        if self._fault and self._fault.cut and length:
            self.rfile.read(length // 2)
            self.close_connection = True
            self.connection.close()
            return
        body = self._body(length)
        if self._fault and self._fault.status:
            self._json(self._fault.body, self._fault.status, self._fault.headers)
            return
        if self._fault and self._fault.corrupt and body:
            body = _other(body)
        try:
            for method, pattern, serve in _ROUTES:
                if self.command in method.split() and (match := re.fullmatch(pattern, path)):
                    self._check_token(must=self.command in ("POST", "PUT"))
                    serve(self, body, parse_qs(url.query), *match.groups())
                    return
            raise _Refused(404, f"{self.command} {path} is nothing the stub knows")
        except _Refused as error:
            headers = {"X-Error-Message": str(error), "X-Error-Code": error.code}
            self._json({"error": str(error)}, error.status, headers)

    def _body(self, length: int) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(length)
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _check_token(self, *, must: bool) -> None:
        given = self.headers.get("Authorization")
        if self.path.startswith("/store/"):  # signed addresses, as of a bucket
            return
        if given is None and must:
            raise _Refused(401, "Invalid username or password.")
        if given not in (None, f"Bearer {TOKEN}"):
            raise _Refused(401, "Invalid credentials in Authorization header")

    def _repository(self, name: str) -> Repository:
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not self.headers.get("Authorization")):
            status = 404 if self.headers.get("Authorization") else 401
            raise _Refused(status, "Repository not found", "RepoNotFound")
        return repository

    def _files(self, name: str, revision: str) -> Files:
        files = self._repository(name).files(revision)
        if files is None:
            raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return files

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._send(status, body, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self._fault and self._fault.corrupt:
            body = _other(body)
        if self._fault and self._fault.cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)

    # What is served

    def whoami(self, body: bytes, query: dict[str, list[str]]) -> None:
        self._json({"type": "user", "name": "owner", "fullname": "owner", "orgs": [], "auth": {}})

    def create(self, body: bytes, query: dict[str, list[str]]) -> None:
        asked = json.loads(body)
        name = f"{asked.get('organization') or 'owner'}/{asked['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repositories:
            message = "You already created this dataset repo"
            self._json({"error": message, "url": url}, 409, {"X-Error-Message": message})
            return
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.add_repository(name, private=bool(private))
        self._json({"url": url, "name": name})

    def settings(self, body: bytes, query: dict[str, list[str]], name: str) -> None:
        asked = json.loads(body)
        self._repository(name).private = asked.get("visibility", asked.get("private")) in (
            True,
            "private",
        )
        self._json(asked)

    def validate(self, body: bytes, query: dict[str, list[str]]) -> None:
        import yaml

        content = json.loads(body)["content"]
        front = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        valid = front and isinstance(yaml.safe_load(front[1]), dict)
        errors = [] if valid else [{"message": "no metadata"}]
        self._json({"errors": errors, "warnings": []}, 200 if valid else 400)

    def info(
        self, body: bytes, query: dict[str, list[str]], name: str, revision: str | None
    ) -> None:
        files = self._files(name, revision or "main")
        repository = self._repository(name)
        commits = repository.commits
        self._json(
            {
                "_id": "1",
                "id": name,
                "author": name.partition("/")[0],
                "sha": next(sha for sha, held in commits.items() if held is files),
                "private": repository.private,
                "gated": False,
                "disabled": False,
                "lastModified": "2026-01-01T00:00:00.000Z",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [
                    {"rfilename": path, "size": len(content)} for path, content in files.items()
                ],
            }
        )

    def tree(
        self, body: bytes, query: dict[str, list[str]], name: str, revision: str, folder: str | None
    ) -> None:
        if folder:  # there are none
            raise _Refused(404, f"{folder} does not exist", "EntryNotFound")
        self._json([entry(*each) for each in self._files(name, revision).items()])

    def paths_info(
        self, body: bytes, query: dict[str, list[str]], name: str, revision: str
    ) -> None:
        if "json" in self.headers.get("Content-Type", ""):
            wanted = json.loads(body)["paths"]
        else:
            wanted = parse_qs(body.decode()).get("paths", [])
        files = self._files(name, revision)
        self._json([entry(path, files[path]) for path in wanted if path in files])

    def preupload(self, body: bytes, query: dict[str, list[str]], name: str, revision: str) -> None:
        files = self._files(name, revision)
        answers = []
        for file in json.loads(body)["files"]:
            path = file["path"]
            answer = {
                "path": path,
                "uploadMode": "lfs" if large(path) else "regular",
                "shouldIgnore": False,
            }
            if path in files:
                held = entry(path, files[path])
                answer["oid"] = held["lfs"]["oid"] if "lfs" in held else held["oid"]
            answers.append(answer)
        self._json({"files": answers})

    def batch(self, body: bytes, query: dict[str, list[str]], name: str) -> None:
        self._repository(name)
        objects = []
        for asked in json.loads(body)["objects"]:
            answer = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.store:
                answer["actions"] = {
                    "upload": {"href": f"{self.hub.url}/store/{asked['oid']}"},
                    "verify": {"href": f"{self.hub.url}/api/verify"},
                }
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, body: bytes, query: dict[str, list[str]], oid: str) -> None:
        self.hub.store[oid] = body
        self._json({})

    def verify(self, body: bytes, query: dict[str, list[str]]) -> None:
        oid = json.loads(body)["oid"]
        if hashlib.sha256(self.hub.store.get(oid, b"")).hexdigest() != oid:
            self.hub.store.pop(oid, None)
            raise _Refused(422, "the checksum (sha256) of the upload differs from its oid")
        self._json({})

    def commit(self, body: bytes, query: dict[str, list[str]], name: str, revision: str) -> None:
        repository = self._repository(name)
        files = dict(self._files(name, revision))
        for line in body.decode().splitlines():
            step = json.loads(line)
            value = step["value"]
            if step["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif step["key"] == "lfsFile":
                if value["oid"] not in self.hub.store:
                    raise _Refused(400, f"{value['path']} has not been uploaded")
                files[value["path"]] = self.hub.store[value["oid"]]
        sha = repository.add(files)
        url = f"{self.hub.url}/datasets/{name}/commit/{sha}"
        self._json({"success": True, "commitOid": sha, "commitUrl": url})

    def resolve(
        self, body: bytes, query: dict[str, list[str]], name: str, revision: str, path: str
    ) -> None:
        repository = self._repository(name)
        files = self._files(name, revision)
        if path not in files:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        held = entry(path, files[path])
        headers = {
            "X-Repo-Commit": next(sha for sha, each in repository.commits.items() if each is files),
            "Accept-Ranges": "bytes",
            "ETag": f'"{held["oid"]}"',
        }
        if "lfs" in held:
            sha256 = held["lfs"]["oid"]
            headers |= {
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(held["size"]),
                "Location": f"{self.hub.store_url}/store/{sha256}",
            }
            self._send(302, b"", headers)
        else:
            self._range(files[path], headers)

    def download(self, body: bytes, query: dict[str, list[str]], oid: str) -> None:
        if oid not in self.hub.store:
            raise _Refused(404, "no such object")
        self._range(self.hub.store[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _range(self, content: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, content, headers)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if first > last:
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        part = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        self._send(206, content[first : last + 1], headers | part)


def _other(content: bytes) -> bytes:
    """The same length, and another byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


_REPO = r"([^/]+/[^/]+)"
_Route = tuple[str, str, Callable[..., None]]
_ROUTES: tuple[_Route, ...] = (
    ("GET", "/api/whoami-v2", _Handler.whoami),
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("POST", "/api/verify", _Handler.verify),
    ("GET", rf"/api/(?:datasets|models)/{_REPO}(?:/revision/([^/]+))?", _Handler.info),
    ("GET", rf"/api/datasets/{_REPO}/tree/([^/]+)(?:/(.+))?", _Handler.tree),
    ("PUT", rf"/api/datasets/{_REPO}/settings", _Handler.settings),
    ("POST", rf"/api/datasets/{_REPO}/paths-info/([^/]+)", _Handler.paths_info),
    ("POST", rf"/api/datasets/{_REPO}/preupload/([^/]+)", _Handler.preupload),
    ("POST", rf"/api/datasets/{_REPO}/commit/([^/]+)", _Handler.commit),
    ("POST", rf"/datasets/{_REPO}\.git/info/lfs/objects/batch", _Handler.batch),
    ("GET HEAD", rf"(?:/datasets)?/{_REPO}/resolve/([^/]+)/(.+)", _Handler.resolve),
    ("PUT", "/store/([0-9a-f]{64})", _Handler.upload),
    ("GET HEAD", "/store/([0-9a-f]{64})", _Handler.download),
)

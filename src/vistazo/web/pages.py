"""The page: one document and the few files that it loads, held in memory.

A file's address is `/static/VERSION/NAME`, and VERSION is a hash of all of them: they may be kept
for ever, modules import one another by plain relative names, and nothing is built.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from vistazo.web import answers
from vistazo.web.conditions import Version

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere, nothing inline, and no text that is taken for markup.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_SAFE = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
_FOR_EVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str
    version: Version

    @classmethod
    def of(cls, name: str, content: bytes) -> _File:
        tag = hashlib.blake2b(content, digest_size=12).hexdigest()
        packed = gzip.compress(content, 9, mtime=0)
        return cls(content, packed, _TYPES[Path(name).suffix], Version(f'"{tag}"'))

    def answer(self, request: Request, cache: str) -> Response:
        headers = _SAFE | {"Cache-Control": cache} | self.version.headers()
        if self.version.is_had(request.headers):
            return Response(status_code=304, headers=headers)
        content = self.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = self.packed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=self.media_type, headers=headers)


def router() -> APIRouter:
    """The routes `/` and `/static/VERSION/NAME`."""
    files = _static()
    version = _digest(files)
    page = _page(version, sorted(name for name in files if name.startswith("js/")))
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"])
    def page_itself(request: Request) -> Response:
        """The document, whatever its query says: the page reads that."""
        return page.answer(request, "no-cache")

    @routes.get("/favicon.ico")
    def icon(request: Request) -> Response:
        """The icon, for clients that ask without reading the document."""
        return files["icon.svg"].answer(request, "max-age=86400")

    @routes.get("/static/{asked}/{name:path}")
    def file(asked: str, name: str, request: Request) -> Response:
        """One of the page's own files; a page of an earlier version gets what there is now."""
        if name not in files:
            return answers.error(404, "not-found", f"there is no file {name} of the page")
        return files[name].answer(request, _FOR_EVER if asked == version else "no-cache")

    return routes


def _static() -> dict[str, _File]:
    root = _HERE / "static"
    paths = sorted(path for path in root.rglob("*") if path.suffix in _TYPES)
    names = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: _File.of(name, path.read_bytes()) for name, path in names.items()}


def _digest(files: dict[str, _File]) -> str:
    whole = hashlib.blake2b(digest_size=8)
    for name, file in files.items():
        whole.update(f"{name}\0{file.version.etag}\0".encode())
    return whole.hexdigest()


def _page(version: str, scripts: list[str]) -> _File:
    """The document, with the addresses of its files; modules are asked for all at once.

    Those of `js/rooms` only when somebody enters the room.
    """
    modules = [
        name for name in scripts if name != "js/early.js" and not name.startswith("js/rooms/")
    ]
    preloads = "\n    ".join(
        f'<link rel="modulepreload" href="/static/{version}/{name}" />' for name in modules
    )
    text = (_HERE / "templates" / "page.html").read_text("utf-8")
    text = text.replace("{{preloads}}", preloads).replace("{{static}}", f"/static/{version}")
    return _File.of("page.html", text.encode())

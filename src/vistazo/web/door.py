"""Who may come in: names this machine is asked by, pages of our own, and a token where one is wanted."""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from vistazo.web import answers
from vistazo.web.attempts import Attempts
from vistazo.web.keys import ANYBODY_HERE, Entry, Keys, Role, cookie_name, shown_token

if TYPE_CHECKING:
    from fastapi.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ANYBODY_HERE", "OPEN_PATHS", "Door", "Entry", "Keys", "Role", "is_local"]

OPEN_PATHS = frozenset({"/healthz", "/api/v1/health", "/api/v1/session"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY = "key"  # `/?key=TOKEN`: the address that the server prints for the owner's browser


class Door:
    """ASGI middleware that turns away what `Entry` does not let in.

    What a caller may do stands in `scope["state"]["role"]` for those behind the door.
    """

    def __init__(
        self,
        app: ASGIApp,
        entry: Entry,
        keys: Keys | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        self._app = app
        self._entry = entry
        self._keys = keys or Keys(entry)
        self._attempts = attempts or Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request here, or let the application do it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if self._entry.local_only and not is_local(headers.get("host", "localhost")):
            message = f"this server does not answer for the name {headers['host'][:200]}"
            return answers.error(421, "host", message)
        if _is_foreign(scope, headers):
            message = "pages of other sites cannot use this server"
            return answers.error(403, "cross-site", message)
        given = _key_in(scope) or shown_token(headers.get("authorization", ""))
        caller = scope["client"][0] if scope.get("client") else ""
        role = self._keys.open_role
        if given is not None:
            wait_s = self._attempts.wait_s(caller)
            if wait_s > 0:
                after = {"Retry-After": str(math.ceil(wait_s))}
                return answers.error(429, "attempts", "too many wrong tokens; wait", after)
            shown = self._keys.of_token(given)
            if shown is Role.NOBODY and self._keys.counts_wrong:
                self._attempts.note_wrong(caller)
            elif shown is not Role.NOBODY:
                self._attempts.note_right(caller)
            role = max(role, shown)
        name = _cookie_name(scope)
        role = max(role, self._keys.of_cookie(headers.get("cookie", ""), name))
        if role is Role.NOBODY and scope["path"] not in OPEN_PATHS:
            message = "give the server's token as the password, under any user name"
            wanted = {"WWW-Authenticate": 'Basic realm="vistazo", charset="UTF-8"'}
            return answers.error(401, "token", message, wanted)
        scope.setdefault("state", {})["role"] = role
        if _key_in(scope) and role is not Role.NOBODY:
            return _into_the_page(scope, self._keys.cookie(role, name))
        return None


def _key_in(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
        return None
    return next(iter(QueryParams(scope["query_string"]).getlist(_KEY)), None)


def _cookie_name(scope: Scope) -> str:
    server = scope.get("server")
    return cookie_name(server[1] or 0 if server else 0)


def _into_the_page(scope: Scope, cookie: str) -> Response:
    """Give the browser its cookie, and an address without the key."""
    left = [pair for pair in QueryParams(scope["query_string"]).multi_items() if pair[0] != _KEY]
    target = "/" + (f"?{QueryParams(left)}" if left else "")
    return answers.elsewhere(target, {"Set-Cookie": cookie})


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a page of another site asks, for a change or for what only our own page needs.

    Programs send neither of the two headers; every browser sends Origin with a POST.
    """
    site = headers.get("sec-fetch-site")
    if scope["type"] == "websocket" or scope["method"] not in _READING:
        if site is not None and site not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        return origin is not None and site != "same-origin" and not _is_own(origin, headers)
    if not scope["path"].startswith("/api/"):
        return False
    return site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"


def _is_own(origin: str, headers: Headers) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Whether a Host header names this machine: `localhost`, a name below it, 127.0.0.1, [::1]."""
    name = host.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

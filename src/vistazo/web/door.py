"""Who may come in: names this machine is asked by, and a token where one is wanted."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from vistazo.web import answers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = frozenset({"/healthz"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What is asked of a request.

    Attributes:
        local_only: only names of this machine may stand in the Host header: a page elsewhere whose
            name is made to resolve to 127.0.0.1 cannot read the answers (DNS rebinding).
        token: the password, under any user name, or the bearer token; None asks for none.
    """

    local_only: bool = True
    token: str | None = None


ANYBODY_HERE = Entry()


class Door:
    """ASGI middleware that turns away what `Entry` does not let in."""

    def __init__(self, app: ASGIApp, entry: Entry) -> None:
        self._app = app
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request here, or let the application do it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._entry.local_only and not is_local(headers.get("host", "localhost")):
            message = f"this server does not answer for the name {headers['host'][:200]}"
            refusal = answers.error(421, "host", message)
        elif (
            self._entry.token is not None
            and scope["path"] not in OPEN_PATHS
            and not _knows(headers.get("authorization", ""), self._entry.token)
        ):
            message = "give the server's token as the password, under any user name"
            wanted = {"WWW-Authenticate": 'Basic realm="vistazo", charset="UTF-8"'}
            refusal = answers.error(401, "token", message, wanted)
        else:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await refusal(scope, receive, send)


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


def _knows(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())

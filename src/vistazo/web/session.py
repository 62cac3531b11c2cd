"""`/session`: what the page in a browser may do, and how it gets to do more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from vistazo.web import schemas
from vistazo.web.answers import answer, error
from vistazo.web.keys import Keys, Role, cookie_name
from vistazo.web.refusals import Forbidden

if TYPE_CHECKING:
    from vistazo.web.attempts import Attempts


class TokenIn(schemas.Model):
    """The server's token, or its owner's."""

    token: str = Field(min_length=1, max_length=500)


class SessionOut(schemas.Model):
    """What the caller may do."""

    may_read: bool
    may_write: bool


def writer(request: Request) -> None:
    """Let writers through.

    Raises:
        Forbidden: the caller is none.
    """
    if request.scope.get("state", {}).get("role", Role.NOBODY) < Role.WRITER:
        raise Forbidden(
            "this changes the library: open the page by the address that `vistazo serve` printed,"
            " or give the owner's token"
        )


Writer = Annotated[None, Depends(writer)]


def router(keys: Keys, attempts: Attempts) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["session"])

    @routes.get("/session", response_model=SessionOut)
    def session(request: Request) -> Response:
        """What the caller may do."""
        role = request.scope.get("state", {}).get("role", Role.NOBODY)
        return answer(_out(role))

    @routes.post("/session", response_model=SessionOut)
    def begin(given: TokenIn, request: Request) -> Response:
        """Give a browser a cookie for a token; it lasts until the browser or the server ends."""
        caller = request.client.host if request.client else ""
        if (wait_s := attempts.wait_s(caller)) > 0:
            after = {"Retry-After": str(int(wait_s) + 1)}
            return error(429, "attempts", "too many wrong tokens; wait", after)
        role = keys.of_token(given.token)
        if role is Role.NOBODY:
            attempts.note_wrong(caller)
            return error(401, "token", "this is not the server's token")
        attempts.note_right(caller)
        response = answer(_out(role))
        response.headers["Set-Cookie"] = keys.cookie(role, _name(request))
        return response

    @routes.delete("/session", response_model=SessionOut)
    def end(request: Request) -> Response:
        """Take the cookie back."""
        response = answer(_out(keys.open_role))
        response.headers["Set-Cookie"] = keys.cookie(Role.NOBODY, _name(request))
        return response

    return routes


def _out(role: Role) -> SessionOut:
    return SessionOut(may_read=role >= Role.READER, may_write=role >= Role.WRITER)


def _name(request: Request) -> str:
    server = request.scope.get("server")
    return cookie_name(server[1] or 0 if server else 0)

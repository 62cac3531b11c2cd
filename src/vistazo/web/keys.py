"""What a caller shows: a token as password or bearer, or the cookie of a browser that had one."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from http.cookies import CookieError, SimpleCookie


class Role(IntEnum):
    """What a caller may do; a higher one includes the lower."""

    NOBODY = 0
    READER = 1
    WRITER = 2
    OWNER = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What is asked of a request.

    Attributes:
        local_only: only names of this machine may stand in the Host header: a page elsewhere whose
            name is made to resolve to 127.0.0.1 cannot read the answers (DNS rebinding).
        token: the password, under any user name, or the bearer token; None asks readers for none.
        writers: tokens of those who may also start jobs and change the library.
        owner: the token of who started the server, and may run any SQL as on their own machine.
    """

    local_only: bool = True
    token: str | None = None
    writers: tuple[str, ...] = field(default=(), repr=False)
    owner: str | None = field(default=None, repr=False)


ANYBODY_HERE = Entry()


class Keys:
    """The tokens of a server, and the cookies it gives to browsers for them until it ends."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._cookies = {role: secrets.token_urlsafe(32) for role in (Role.READER, Role.WRITER)}

    @property
    def counts_wrong(self) -> bool:
        """Whether a wrong token may be a guess at a right one."""
        return bool(self._entry.token or self._entry.writers or self._entry.owner)

    @property
    def open_role(self) -> Role:
        """What somebody may do who shows nothing."""
        return Role.NOBODY if self._entry.token is not None else Role.READER

    def of_token(self, given: str) -> Role:
        """What a token lets do; every token is compared in the same time."""
        role = Role.NOBODY
        if self._entry.token is not None and _same(given, self._entry.token):
            role = Role.READER
        for token in self._entry.writers:
            if _same(given, token):
                role = Role.WRITER
        if self._entry.owner is not None and _same(given, self._entry.owner):
            role = Role.OWNER
        return role

    def of_cookie(self, header: str, name: str) -> Role:
        """What the cookie of this name lets do."""
        try:
            found = SimpleCookie(header).get(name)
        except CookieError:
            return Role.NOBODY
        role = Role.NOBODY
        for each, value in self._cookies.items():
            if found is not None and _same(found.value, value):
                role = each
        return role

    def cookie(self, role: Role, name: str) -> str:
        """The `Set-Cookie` header for a browser; of no role, one that takes the cookie away.

        The owner's browser gets a writer's: no page needs more.
        """
        if role is Role.NOBODY:
            return f"{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        return f"{name}={self._cookies[min(role, Role.WRITER)]}; Path=/; HttpOnly; SameSite=Strict"


def cookie_name(port: int) -> str:
    """Browsers share cookies between the ports of a machine: the name tells them apart."""
    return f"vistazo_{port}"


def shown_token(authorization: str) -> str | None:
    """The token in an `Authorization` header; None when there is none."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return given.strip() if scheme.lower() == "bearer" else ("" if authorization else None)


def _same(given: str, token: str) -> bool:
    given_bytes = given.strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given_bytes, token.encode())

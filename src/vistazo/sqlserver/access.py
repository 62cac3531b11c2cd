"""Who a request comes from, and whether it may write."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vistazo.errors import StoreError

Role = Literal["reader", "writer"]

AUTHENTICATION_FAILED = 516


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one endpoint.

    Attributes:
        allow_write: whether anybody may write; False makes everybody a reader.
        token: the password, under any user name; None lets everybody in.
        read_openly: let in, as readers, those who show no password.
    """

    allow_write: bool = False
    token: str | None = None
    read_openly: bool = False

    def role(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Role:
        """What a request may do, by its credentials.

        Args:
            headers: by lower-case name.
            query: the URL's parameters.
        Raises:
            StoreError: code 516, for a wrong password, none where one is needed, or two at once.
        """
        user, password = _credentials(headers, query)
        if self.token is not None:
            # Both as bytes: compare_digest refuses text beyond ASCII.
            right = hmac.compare_digest(password.encode(), self.token.encode())
            if not right and self.read_openly and not password:
                return "reader"
            if not right:
                raise _failed(user)
        return "writer" if self.allow_write else "reader"


def _credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    ways = [
        ("authorization" in headers, "Authorization HTTP header"),
        ("x-clickhouse-user" in headers or "x-clickhouse-key" in headers, "X-ClickHouse headers"),
        ("user" in query or "password" in query, "the URL's parameters"),
    ]
    used = [name for present, name in ways if present]
    if len(used) > 1:
        raise StoreError(
            f"Invalid authentication: it is not allowed to use {used[0]} and {used[1]}"
            " simultaneously",
            engine_code=AUTHENTICATION_FAILED,
        )
    if "authorization" in headers:
        return _authorization(headers["authorization"])
    if used and used[0] == "X-ClickHouse headers":
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    return query.get("user", "default"), query.get("password", "")


def _authorization(value: str) -> tuple[str, str]:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer":
        return "default", rest.strip()
    if scheme.lower() != "basic":
        raise StoreError(
            f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported",
            engine_code=AUTHENTICATION_FAILED,
        )
    try:
        pair = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _failed("default") from error
    user, _, password = pair.partition(":")
    return user or "default", password


def _failed(user: str) -> StoreError:
    return StoreError(
        f"{user}: Authentication failed: password is incorrect, or there is no user with such name",
        engine_code=AUTHENTICATION_FAILED,
    )

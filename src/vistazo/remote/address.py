"""Where a server is: `http://host:port`, `https://host`, with a token or without."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from vistazo.errors import InvalidSetting
from vistazo.records import printable

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server, and who asks it.

    Attributes:
        prefix: path before `/api/v1`, where a proxy has put the server below one; else empty.
        token: empty where none is shown.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """As messages show it: without the token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return printable(f"{self.scheme}://{host}{port}{self.prefix}")

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, and so sees the same files."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def is_url(text: str) -> bool:
    """Whether a text names a server, and not a folder."""
    return _URL.match(text) is not None


def parse(url: str, token: str | None = None) -> ServerAddress:
    """Read an address; a password in it is the token, unless one is given.

    Raises:
        InvalidSetting: it is none, or the token cannot be sent.
    """
    try:
        parts = urlsplit(url.strip())
        scheme, host = parts.scheme.lower(), parts.hostname or ""
        port = parts.port or _PORTS[scheme]
        host.encode("ascii" if ":" in host else "idna")
    except (ValueError, KeyError) as error:
        raise _not_an_address(url) from error
    if not host or parts.query or parts.fragment or not host.isprintable() or " " in host:
        raise _not_an_address(url)
    secret = token or (unquote(parts.password) if parts.password else "")
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidSetting("the token holds characters that no token of a server has")
    return ServerAddress(scheme, host, port, parts.path.rstrip("/"), secret)


def _not_an_address(url: str) -> InvalidSetting:
    # A password in it must not reach a log.
    shown = re.sub(r"//[^/]*@", "//", printable(url))
    return InvalidSetting(f"'{shown}' is no server's address; write it as http://host:8000")

"""Where a library lives: a folder of this machine, or a database on a server."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from vistazo.errors import LibraryInvalid, Unsupported
from vistazo.records import printable

FORMS = "chdb:///folder, clickhouse://user@host:8123/database or myscale://user@host:443/database"
_SERVERS = ("clickhouse", "myscale")
_ON, _OFF = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
# They stand in statements; a cluster may also be the server's own macro, `{cluster}`.
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*", re.ASCII)
_CLUSTER = re.compile(r"\{?[A-Za-z0-9_][A-Za-z0-9_.-]*\}?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """The folder of an embedded library."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder in one printable line."""
        return printable(str(self.folder))


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a ClickHouse or MyScale server; neither `repr` nor `name` shows the password.

    Attributes:
        kind: what the DSN promises; a ClickHouse DSN may lead to a MyScale server too.
        database: made when a library is made there.
        secure: TLS.
        verify: check the server's certificate.
        ca_cert: a file of certificates to check it by; empty takes the usual ones.
        cluster: where tables are spread over shards and replicas; empty for one server.
    """

    kind: Literal["clickhouse", "myscale"]
    host: str
    port: int
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "default"
    secure: bool = False
    verify: bool = True
    ca_cert: str = ""
    cluster: str = ""

    @property
    def name(self) -> str:
        """The DSN without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        given = {"secure": "true" if self.secure else "", "cluster": self.cluster}
        query = "&".join(f"{key}={value}" for key, value in given.items() if value)
        shown = f"{self.kind}://{quote(self.user, safe='')}@{host}:{self.port}/{self.database}"
        return printable(f"{shown}?{query}" if query else shown)

    @property
    def place(self) -> str:
        """Host and port."""
        return printable(f"[{self.host}]" if ":" in self.host else self.host) + f":{self.port}"


def parse(
    path_or_dsn: str | os.PathLike[str], *, user: str = "", password: str = ""
) -> Address | Server:
    """Read a path, or the DSN of a folder or a server.

    Args:
        user, password: for a server whose DSN has none.
    Raises:
        Unsupported: a DSN of something else.
        LibraryInvalid: an empty path, one that cannot be, or a DSN that cannot be read; passwords
            are not in the message.
    """
    text = os.fspath(path_or_dsn)
    if not text.strip():
        raise LibraryInvalid("the library's path is empty; give a folder with --db or VISTAZO_DB")
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", text, re.IGNORECASE)
    if scheme is None:
        return _folder(text, text)
    kind = scheme[1].lower()
    if kind == "chdb":
        address = _split(text)
        path = unquote(address.path, errors="surrogateescape")
        if address.netloc or len(path) < 2 or address.query or address.fragment:
            raise LibraryInvalid(
                f"{redacted(text)} names no folder of this machine; write it as"
                " chdb:///absolute/folder, with %3F and %23 for ? and #"
            )
        return _folder(path, redacted(text))
    if kind not in _SERVERS:
        raise Unsupported(
            f"{scheme[1]}:// is not supported by this version; give a folder, {FORMS}"
        )
    return _server(text, kind, user, password)


def redacted(text: str) -> str:
    """A path or DSN in one printable line, what may be a password left out."""
    return printable(re.sub(r"(://[^:@/]*):.*@", r"\1:***@", text, flags=re.DOTALL))


def _folder(path: str, shown: str) -> Address:
    if "\0" in path:
        raise LibraryInvalid(f"{printable(shown)} cannot be a path; give another --db")
    try:
        return Address(Path(path).expanduser().absolute())
    except RuntimeError as error:
        raise LibraryInvalid(f"{printable(shown)}: there is no such user's home folder") from error


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise _unreadable("its host is not written rightly") from None


def _unreadable(why: str) -> LibraryInvalid:
    # Never the text itself: what a wrong place in it holds may be the password.
    return LibraryInvalid(
        f"the library's DSN cannot be read: {why}; write it as"
        " clickhouse://user:password@host:8123/database?secure=true&cluster=NAME, special"
        " characters as %XX, or give the password as VISTAZO_DB_PASSWORD"
    )


def _server(text: str, kind: str, user: str, password: str) -> Server:
    url = _split(text)
    try:
        port, host = url.port, url.hostname
    except ValueError:
        raise _unreadable("its port is no number from 1 to 65535") from None
    if not host or port == 0:
        raise _unreadable("it names no host" if not host else "its port is no number")
    if url.fragment or "/" in url.path[1:]:
        raise _unreadable("it has more than user, host, port, database and options")
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - {"secure", "verify", "ca_cert", "cluster"}):
        raise _unreadable(
            f"there is no option {printable(unknown[0])[:40]}, known are secure, verify, ca_cert"
            " and cluster"
        )
    database = unquote(url.path[1:]) or "default"
    cluster = options.get("cluster", "")
    if not _DATABASE.fullmatch(database):
        raise _unreadable("a database's name has letters, digits, _ and - only")
    if cluster and not _CLUSTER.fullmatch(cluster):
        raise _unreadable("a cluster's name has letters, digits, _, - and . only")
    secure = _switch(options, "secure", default=False)
    return Server(
        kind="myscale" if kind == "myscale" else "clickhouse",
        host=host,
        port=port or (8443 if secure else 8123),
        user=unquote(url.username or "") or user or "default",
        password=unquote(url.password or "") or password,
        database=database,
        secure=secure,
        verify=_switch(options, "verify", default=True),
        ca_cert=options.get("ca_cert", ""),
        cluster=cluster,
    )


def _switch(options: dict[str, str], name: str, *, default: bool) -> bool:
    value = options.get(name, "").lower()
    if value in (*_ON, *_OFF):
        return value in _ON
    if name in options:
        raise _unreadable(f"{name} is true or false")
    return default

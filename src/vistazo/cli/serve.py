"""`vistazo serve`: the library over HTTP, photos on one port and SQL on another."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, examples, own_library
from vistazo.config import Settings
from vistazo.errors import UsageError
from vistazo.records import printable
from vistazo.store.owner import Serving, announce, withdraw

if TYPE_CHECKING:
    from vistazo.cli.serving import Place
    from vistazo.library import Library
    from vistazo.sqlserver.reading import ReadingGuard

_LABEL = 9


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "serve",
        epilog=examples(
            "vistazo serve --db my-library",
            "vistazo serve --db my-library --sql-port 9123 --allow-write",
        ),
    )(serve)


def serve(
    db: Db = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others can reach needs --token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="For photos; 0 takes a free one.")
    ] = 8000,
    sql_port: Annotated[
        int, typer.Option(min=0, max=65535, help="For ClickHouse clients; 0 takes a free one.")
    ] = 8123,
    sql: Annotated[bool, typer.Option("--sql/--no-sql", help="Answer ClickHouse clients.")] = True,
    allow_write: Annotated[
        bool,
        typer.Option("--allow-write", help="Let who has the token make and fill tables by SQL."),
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="VISTAZO_TOKEN",
            show_envvar=False,
            help="The password, under any user name: to write, or without --allow-write to read."
            " One is made for --allow-write. [VISTAZO_TOKEN]",
        ),
    ] = None,
    allow_private_addresses: Annotated[
        bool,
        typer.Option(
            "--allow-private-addresses",
            help="Let callers search by images of this machine's network, too.",
        ),
    ] = False,
) -> int:
    """Serve a library until Ctrl-C: its photos, and its tables to ClickHouse clients."""
    if token is not None and not (token.strip() == token and token.isascii() and len(token) >= 8):
        raise UsageError("the token must have 8 or more ASCII characters, and no space around them")
    from vistazo.cli import serving
    from vistazo.sqlserver.reading import ReadingGuard

    places = [serving.take(host, port, "--port")]
    if sql:
        places.append(serving.take(host, sql_port, "--sql-port"))
    if not all(place.loopback for place in places) and token is None:
        raise UsageError(
            f"--host {printable(host)} can be reached from elsewhere: give a --token that callers"
            " must know, or listen on 127.0.0.1"
        )
    made = secrets.token_urlsafe(24) if allow_write and sql and token is None else None
    flags = {"allow_private_addresses": allow_private_addresses or None}
    with own_library(db, create=allow_write) as library:
        folder = library.folder
        if sql and folder is None:
            raise UsageError(
                f"the library {library.name} is on a database server, which answers ClickHouse"
                " clients itself: give --no-sql"
            )
        roles = Roles(
            local=places[0].loopback,
            sql=sql,
            allow_write=allow_write and sql,
            token=token or made,
            owner=made or secrets.token_urlsafe(24),
        )
        guard = ReadingGuard(library)
        apps = _apps(library, places, roles, Settings.load(flags), guard)
        photos = library.stats().photos
        urls = [place.own_url for place in places]
        serving_file = Serving(urls[0], roles.owner, os.getpid(), urls[1] if sql else "")

        def on_ready() -> None:
            if folder is not None:
                announce(folder, serving_file)
            shown = library.name if folder is None else render.shown_path(str(folder))
            _say("library", f"{shown}, {photos:,} photos")
            _say("page", f"{urls[0]}/?key={roles.owner}")
            _say("photos", f"{places[0].url}/images/PHOTO_ID")
            if sql:
                _say("SQL", f"{places[1].url} (ClickHouse over HTTP)")
            _say("callers", roles.sentence())
            if made is not None:
                _say("token", f"{made} (made for this run, not shown again)")
            _say("to stop", "Ctrl-C")

        try:
            serving.serve(list(zip(apps, places, strict=True)), on_ready)
        finally:
            guard.close()
            if folder is not None:
                withdraw(folder, serving_file)
    return 0


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what.

    Attributes:
        local: only this machine reaches the ports.
        token: what a writer shows, and where reading is not open, a reader too.
        owner: what the owner's own programs and browser show, to read, write and start jobs.
    """

    local: bool
    sql: bool
    allow_write: bool
    token: str | None
    owner: str

    @property
    def read_openly(self) -> bool:
        """Whether reading needs no token: here, where it has the use of letting write or none."""
        return self.local and (self.allow_write or self.token is None)

    def sentence(self) -> str:
        """For the user who starts the server."""
        read = "read" if self.sql else "look at photos"
        if not self.read_openly:
            write = ", and write by SQL" if self.allow_write else ""
            return f"with the token as password may {read}{write}; others nothing"
        writers = "nobody may write"
        if self.allow_write:
            writers = "with the token as password also write by SQL"
        return f"anybody on this machine may {read}" + (f"; {writers}" if self.sql else "")


def _apps(
    library: Library, places: list[Place], roles: Roles, settings: Settings, guard: ReadingGuard
) -> list[Any]:
    from vistazo.web.app import create
    from vistazo.web.door import Door, Entry

    writers = (roles.token,) if roles.allow_write and roles.token else ()
    asked = None if roles.read_openly else roles.token
    entry = Entry(roles.local, asked, writers, roles.owner)
    apps: list[Any] = [create(library, entry, settings, guard=guard)]
    if roles.sql:
        from vistazo.sqlserver import protocol
        from vistazo.sqlserver.access import Access

        access = Access(roles.allow_write, roles.token, roles.read_openly)
        # What a Host header may say is asked here; the token is the endpoint's to ask for.
        apps.append(Door(protocol.app(library, access), Entry(roles.local)))
    return apps


def _say(label: str, text: str) -> None:
    """One line, whole however narrow the terminal is, and at once where a program reads it."""
    from rich.text import Text

    screen = render.console()
    screen.print(Text.assemble((f"{label:<{_LABEL}}", "bold"), printable(text)), soft_wrap=True)
    screen.file.flush()

"""`vistazo serve`: the library over HTTP, photos on one port and SQL on another."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, examples, open_library
from vistazo.config import Settings
from vistazo.errors import UsageError
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.cli.serving import Place
    from vistazo.library import Library

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
            help="The password, under any user name; one is made for --allow-write."
            " [VISTAZO_TOKEN]",
        ),
    ] = None,
) -> int:
    """Serve a library until Ctrl-C: its photos, and its tables to ClickHouse clients."""
    if token is not None and not (token.strip() == token and token.isascii() and len(token) >= 8):
        raise UsageError("the token must have 8 or more ASCII characters, and no space around them")
    from vistazo.cli import serving

    places = [serving.take(host, port, "--port")]
    if sql:
        places.append(serving.take(host, sql_port, "--sql-port"))
    if not all(place.loopback for place in places) and token is None:
        raise UsageError(
            f"--host {printable(host)} can be reached from elsewhere: give a --token that callers"
            " must know, or listen on 127.0.0.1"
        )
    made = secrets.token_urlsafe(24) if allow_write and sql and token is None else None
    with open_library(db, create=allow_write) as library:
        apps = _apps(library, places, allow_write=allow_write, token=token or made)
        photos = library.stats().photos

        def on_ready() -> None:
            _say("library", f"{render.shown_path(str(library.path))}, {photos:,} photos")
            _say("photos", f"{places[0].url}/images/PHOTO_ID")
            if sql:
                _say("SQL", f"{places[1].url} (ClickHouse over HTTP)")
            _say("callers", _roles(places[0], sql=sql, allow_write=allow_write, token=token))
            if made is not None:
                _say("token", f"{made} (made for this run, not shown again)")
            _say("to stop", "Ctrl-C")

        serving.serve(list(zip(apps, places, strict=True)), on_ready)
    return 0


def _apps(
    library: Library, places: list[Place], *, allow_write: bool, token: str | None
) -> list[Any]:
    from vistazo.web.app import create
    from vistazo.web.door import Door, Entry

    local = places[0].loopback
    settings = Settings.load()
    apps: list[Any] = [create(library, Entry(local, None if local else token), settings)]
    if len(places) > 1:
        from vistazo.sqlserver import protocol
        from vistazo.sqlserver.access import Access

        access = Access(allow_write=allow_write, token=token)
        apps.append(Door(protocol.app(library, access), Entry(local)))
    return apps


def _roles(web: Place, *, sql: bool, allow_write: bool, token: str | None) -> str:
    if not web.loopback:
        who = "with the token"
        return f"{who} may read{' and write by SQL' if allow_write and sql else ''}; others nothing"
    if not sql:
        return "anybody on this machine may look at photos"
    if allow_write:
        return "anybody on this machine may read; with the token as password also write by SQL"
    return "anybody on this machine may read; nobody may write"


def _say(label: str, text: str) -> None:
    """One line, whole however narrow the terminal is, and at once where a program reads it."""
    from rich.text import Text

    screen = render.console()
    screen.print(Text.assemble((f"{label:<{_LABEL}}", "bold"), printable(text)), soft_wrap=True)
    screen.file.flush()

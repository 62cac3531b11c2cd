"""`vistazo failures`: what could not be taken in, and why."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, examples, note, open_library
from vistazo.records import printable

_COLUMNS = (
    render.Column("code"),
    render.Column("stage"),
    render.Column("tries", "right"),
    render.Column("path", flexible=True),
    render.Column("message", flexible=True),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "failures", epilog=examples("vistazo failures", "vistazo failures --code truncated --json")
    )(failures)


def failures(
    code: Annotated[str, typer.Option("--code", help="Only those of this cause.")] = "",
    db: Db = None,
    as_json: Json = False,
) -> int:
    """List what could not be taken in, and why.

    To try them again run: vistazo index FOLDER --retry-failed
    """
    with open_library(db) as library:
        found = [each for each in library.failures() if not code or each.code == code]
    if as_json:
        render.print_json(
            [{"uri": printable(each.uri), **dataclasses.asdict(each)} for each in found]
        )
    elif found:
        rows = (
            (each.code, each.stage, str(each.attempts), render.shown_path(each.uri), each.message)
            for each in found
        )
        render.print_rows(_COLUMNS, rows)
    else:
        note("there are no failures")
    return 0

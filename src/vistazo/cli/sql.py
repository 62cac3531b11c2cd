"""`vistazo sql`: ask the library in SQL."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, examples, open_library
from vistazo.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "sql",
        epilog=examples(
            "vistazo sql 'SELECT camera, count() FROM photos GROUP BY camera'",
            "vistazo sql \"SELECT photo_id, distance(photo_embed, embed('a red car')) AS d"
            ' FROM photos ORDER BY d LIMIT 10"',
        ),
    )(sql)


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One statement; - reads it from standard input.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", help="NAME=VALUE for a {NAME:Type} in the query."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow a statement that writes.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Run one SQL statement on the library; embed('words') stands for their vector."""
    params: dict[str, str] = {}
    for pair in param or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param takes NAME=VALUE, not '{pair}'")
        params[name] = value
    text = sys.stdin.read() if query == "-" else query
    with open_library(db) as library:
        table = library.sql(text, params, write=write)
    if as_json:
        render.print_json(table.to_pylist())
        return 0
    # A name may occur twice in a result: go by position.
    cells = [[render.cell(value) for value in column.to_pylist()] for column in table.columns]
    columns = [render.Column(name, flexible=True) for name in table.column_names]
    if columns:
        render.print_rows(columns, zip(*cells, strict=True))
    return 0

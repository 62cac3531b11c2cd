"""`vistazo similar`: find photos like one of the library."""

from __future__ import annotations

from typing import Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import (
    All,
    Db,
    HalfLife,
    Json,
    K,
    Popular,
    Where,
    Why,
    examples,
    open_library,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "similar",
        epilog=examples("vistazo similar kLqPDGEwQSp", "vistazo similar kLqPDGEwQSp -k 3 --json"),
    )(similar)


def similar(
    photo_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a photo, as search prints it.")
    ],
    k: K = 10,
    where: Where = "",
    popular: Popular = 0.0,
    half_life: HalfLife = None,
    everything: All = False,
    why: Why = False,
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Find photos like one of the library, never that photo itself."""
    with open_library(db) as library:
        hits = library.similar(
            photo_id,
            k,
            where=where,
            popular=popular,
            half_life_days=half_life,
            cut=not everything,
        )
        render.note_weak(hits)
        render.print_hits(hits, as_json=as_json, why=why)
    return 0

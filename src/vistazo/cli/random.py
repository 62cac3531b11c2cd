"""`vistazo random`: some photos by chance."""

from __future__ import annotations

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, K, Where, examples, open_library


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "random",
        epilog=examples("vistazo random", "vistazo random -k 5 --where 'category = animals'"),
    )(random)


def random(k: K = 1, where: Where = "", db: Db = None, as_json: Json = False) -> int:
    """Show photos by chance."""
    with open_library(db) as library:
        render.print_hits(library.random(k, where=where), as_json=as_json)
    return 0

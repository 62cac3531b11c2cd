"""`vistazo stats`: what the library holds."""

from __future__ import annotations

import dataclasses

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, examples, open_library
from vistazo.records import printable, uri_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stats", epilog=examples("vistazo stats", "vistazo stats --db photos --json"))(
        stats
    )


def stats(db: Db = None, as_json: Json = False) -> int:
    """Show what the library holds."""
    with open_library(db) as library:
        found = library.stats()
    if as_json:
        render.print_json(dataclasses.asdict(found))
        return 0
    encoder = found.encoder
    lines = [
        ("library", found.library),
        ("photos", f"{found.photos:,}"),
        *(
            ("  from", f"{count:,}  {printable(uri_of(name))}")
            for name, count in found.sources.items()
        ),
        ("encoder", f"{encoder.name}, {encoder.dim} numbers" if encoder else "none yet"),
        ("vector index", found.vector_index.state),
        ("conversions", f"{found.conversions.conversions:,}"),
        *(
            (
                (
                    "  of",
                    f"{found.conversions.photos:,} photos, {found.conversions.keywords:,} keywords",
                ),
            )
            if found.conversions.conversions
            else ()
        ),
        ("failures", ", ".join(f"{n} {code}" for code, n in found.failures.items()) or "none"),
    ]
    for name, value in lines:
        print(f"{name:<13} {value}")
    return 0

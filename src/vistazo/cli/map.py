"""`vistazo map`: photos in the plane, with themes, as a picture or JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, Where, examples, note, open_library
from vistazo.errors import UsageError
from vistazo.records import printable

_COLUMNS = (
    render.Column("photos", "right"),
    render.Column("theme"),
    render.Column("said by"),
    render.Column("example"),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "map",
        epilog=examples(
            "vistazo map --out map.png", "vistazo map --where 'year = 2019' --themes 8 --json"
        ),
    )(photo_map)


def photo_map(
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write the map: .png, .svg, .. or .json."),
    ] = None,
    themes: Annotated[
        int | None, typer.Option("--themes", help="How many, 1 to 60. [by the photos]")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="Most photos, 1 to 100,000; of more, some by chance.")
    ] = 25_000,
    where: Where = "",
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Sort photos into named themes, and put them into a plane, like ones near each other."""
    with open_library(db) as library:
        made = library.map(where=where, themes=themes, limit=limit)
    if out is not None and out.lower().endswith(".json"):
        with _written(out):
            Path(out).write_text(json.dumps(made.to_dict(), ensure_ascii=True), "ascii")
    elif out is not None:
        import numpy as np

        from vistazo.display.map import map_picture

        points = np.array([(each.x, each.y) for each in made.places], dtype=np.float32)
        names = [(theme.name, theme.x, theme.y) for theme in made.themes]
        picture = map_picture(points, [each.theme for each in made.places], names)
        with _written(out):
            picture.save(out)
    if as_json:
        render.print_json(made.to_dict())
        return 0
    rows = [
        (f"{each.photos:,}", each.name, each.said_by, printable(each.example))
        for each in made.themes
    ]
    render.print_rows(_COLUMNS, rows)
    if len(made.places) < made.total:
        note(f"{len(made.places):,} of {made.total:,} photos by chance; see --limit")
    return 0


@contextlib.contextmanager
def _written(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        shown = printable(path)
        message = f"{shown} cannot be written ({error.strerror}); give another --out"
        raise UsageError(message) from error

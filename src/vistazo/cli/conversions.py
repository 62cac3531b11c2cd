"""`vistazo conversions`: load a log of downloads, and ask what people download."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render, trends
from vistazo.cli.options import (
    Db,
    Encoder,
    For,
    Json,
    K,
    Similar,
    Where,
    examples,
    note,
    open_library,
)
from vistazo.errors import UsageError
from vistazo.records import Query, printable

if TYPE_CHECKING:
    from vistazo.records import Demand

app = typer.Typer(
    help="Load a log of downloads, and ask what people download.",
    rich_markup_mode=None,
    invoke_without_command=True,
    epilog=examples(
        "vistazo conversions load conversions.tsv000",
        "vistazo conversions --for 'a dog on a beach'",
    ),
)
_COLUMNS = (
    render.Column("downloads", "right"),
    render.Column("score", "right"),
    render.Column("id"),
    render.Column("path", flexible=True),
)


@app.callback()
def ask(
    context: typer.Context,
    words: For = None,
    similar: Similar = None,
    k: K = 10,
    where: Where = "",
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Count the downloads of the photos that a query finds.

    Most downloaded first; then the keywords that led people to the most popular one.
    """
    if context.invoked_subcommand is not None:
        if words is not None or similar is not None or where or db or encoder or as_json:
            command = context.invoked_subcommand
            raise UsageError(f"write options after the command: vistazo conversions {command} ..")
        return 0
    if (words is None) == (similar is None):
        raise UsageError("give either --for 'WORDS' or --similar ID, or: load FILE")
    with open_library(db, encoder=encoder) as library:
        demand = library.demand(Query(text=words, photo_id=similar, k=k, where=where))
        if words is not None and library.encoder_notice:
            note(library.encoder_notice)
    if as_json:
        render.print_json(as_dict(demand))
    else:
        print_demand(demand)
    return 0


@app.command(
    epilog=examples(
        "vistazo conversions load conversions.tsv000",
        "vistazo conversions load conversions.parquet --json",
    )
)
def load(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="TSV in Unsplash's columns, or Parquet.")
    ],
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Load a log of downloads; a file that was loaded before is left alone or replaced."""
    with open_library(db, create=True) as library:
        shown = _progress if sys.stderr.isatty() else None
        report = library.load_conversions(file, on_progress=shown)
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr)
    if as_json:
        render.print_json(dataclasses.asdict(report))
        return 0
    if report.state == "unchanged":
        print(f"{report.rows:,} conversions, loaded before and unchanged")
    else:
        print(f"{report.rows:,} conversions loaded in {report.seconds:.1f} s")
    if report.rejected:
        note(f"{report.rejected:,} lines are no conversions and were passed over")
    if report.unknown_photos:
        note(f"{report.unknown_photos:,} conversions are of photos that are not in the library")
    return 0


trends.register(app)


def print_demand(demand: Demand, *, table: bool = False) -> None:
    """Print candidates, the most popular one and its keywords."""
    rows = (
        (f"{each.downloads:,}", f"{each.score:.3f}", each.photo_id, render.shown_path(each.uri))
        for each in demand.candidates
    )
    render.print_rows(_COLUMNS, rows, table=table)
    popular = demand.most_popular
    if popular is None:
        print("none of them was ever downloaded")
        return
    path = render.shown_path(popular.uri)
    print(f"most popular: {printable(popular.photo_id)}, {popular.downloads:,} downloads, {path}")
    words = ", ".join(f"{printable(word)} ({count:,})" for word, count in demand.top_keywords)
    print(f"people had searched for: {words}")


def as_dict(demand: Demand) -> dict[str, object]:
    """Plain types for JSON."""
    popular = demand.most_popular
    return {
        "candidates": [
            {**dataclasses.asdict(each), "uri": printable(each.uri)} for each in demand.candidates
        ],
        "most_popular": popular and popular.photo_id,
        "top_keywords": [
            {"keyword": word, "downloads": count} for word, count in demand.top_keywords
        ],
    }


def _progress(rows: int) -> None:
    print(f"\r{rows:,} rows", end="", file=sys.stderr, flush=True)

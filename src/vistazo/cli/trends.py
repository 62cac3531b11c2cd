"""`vistazo conversions top`, `countries`, `months`, `rising`, `mismatches`: tables with bars."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistazo.cli import render
from vistazo.cli.bars import bar
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
from vistazo.records import Query

if TYPE_CHECKING:
    from vistazo.facade import AsksDownloads

Limit = Annotated[int, typer.Option("--limit", help="How many lines, 1 to 100,000.")]
Days = Annotated[int, typer.Option("--days", help="Length of the two periods, 1 to 3,650.")]
_K = 100
_DOWNLOADS = render.Column("downloads", "right")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command, example in (
        (top, "top --for 'a dog on a beach' -k 50"),
        (countries, "countries --limit 50 --json"),
        (months, "months --for 'snow'"),
        (rising, "rising --days 7"),
        (mismatches, "mismatches --similar kLqPDGEwQSp"),
    ):
        name = f"vistazo conversions {command.__name__}"
        app.command(epilog=examples(name, f"vistazo conversions {example}"))(command)


def top(
    words: For = None,
    similar: Similar = None,
    k: K = _K,
    where: Where = "",
    limit: Limit = 10,
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Show the keywords that most downloads followed; of all photos, or of those a query finds."""
    with _downloads(db, encoder, words, similar, k, where) as downloads:
        rows = downloads.top_keywords(limit)
    cells = [(f"{row.downloads:,}", row.keyword) for row in rows]
    columns = (_DOWNLOADS, render.Column("keyword", flexible=True))
    return _print(rows, as_json, columns, cells, [row.downloads for row in rows])


def countries(
    words: For = None,
    similar: Similar = None,
    k: K = _K,
    where: Where = "",
    limit: Limit = 20,
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Show where downloads come from; of all photos, or of those a query finds."""
    with _downloads(db, encoder, words, similar, k, where) as downloads:
        rows = downloads.by_country(limit)
    cells = [(f"{row.downloads:,}", row.country or "(unknown)") for row in rows]
    columns = (_DOWNLOADS, render.Column("country"))
    return _print(rows, as_json, columns, cells, [row.downloads for row in rows])


def months(
    words: For = None,
    similar: Similar = None,
    k: K = _K,
    where: Where = "",
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Show downloads by month (UTC); of all photos, or of those a query finds."""
    with _downloads(db, encoder, words, similar, k, where) as downloads:
        rows = downloads.by_month()
    cells = [(f"{row.downloads:,}", f"{row.month:%Y-%m}") for row in rows]
    columns = (_DOWNLOADS, render.Column("month"))
    return _print(rows, as_json, columns, cells, [row.downloads for row in rows])


def rising(
    words: For = None,
    similar: Similar = None,
    k: K = _K,
    where: Where = "",
    days: Days = 30,
    limit: Limit = 10,
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Show the keywords whose share of the downloads has grown most.

    The last days of the log are compared with as many days before; the share has grown at least
    so many times as the first column says, with 97.5 % confidence.
    """
    with _downloads(db, encoder, words, similar, k, where) as downloads:
        rows = downloads.rising(days, limit)
    columns = (
        render.Column("growth", "right"),
        _DOWNLOADS,
        render.Column("before", "right"),
        render.Column("share", "right"),
        render.Column("keyword", flexible=True),
    )
    cells = [
        (
            f"x{row.growth:,.2f}",
            f"{row.downloads:,}",
            f"{row.before:,}",
            f"{row.share:.2%}",
            row.keyword,
        )
        for row in rows
    ]
    # A bar of growth begins where nothing has grown.
    growths = [row.growth - 1 for row in rows]
    nothing = f"no keyword has surely grown in {days} days; try more: --days {min(3 * days, 3650)}"
    return _print(rows, as_json, columns, cells, growths, nothing=nothing)


def mismatches(
    words: For = None,
    similar: Similar = None,
    k: K = _K,
    where: Where = "",
    limit: Limit = 10,
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Show what people searched for and downloaded although its texts do not mention it."""
    with _downloads(db, encoder, words, similar, k, where) as downloads:
        rows = downloads.mismatches(limit)
    columns = (
        _DOWNLOADS,
        render.Column("searched for", flexible=True),
        render.Column("id"),
        render.Column("described as", flexible=True),
    )
    cells = [(f"{row.downloads:,}", row.keyword, row.photo_id, row.description) for row in rows]
    return _print(
        rows,
        as_json,
        columns,
        cells,
        [row.downloads for row in rows],
        nothing="no photo was downloaded after a search for what its texts do not mention",
        bars_share=8,
    )


@contextlib.contextmanager
def _downloads(
    db: str | None, encoder: str | None, words: str | None, similar: str | None, k: int, where: str
) -> Iterator[AsksDownloads]:
    """The downloads of what a query finds; of everything where there is no query."""
    if words is not None and similar is not None:
        raise UsageError("give only one of --for 'WORDS' and --similar ID")
    asked = words is not None or similar is not None
    if where and not asked:
        raise UsageError("--where filters what a query finds: add --for 'WORDS' or --similar ID")
    query = Query(text=words, photo_id=similar, k=k, where=where) if asked else None
    with open_library(db, encoder=encoder) as library:
        yield library.downloads(query)
        if words is not None and library.encoder_notice:
            note(library.encoder_notice)


def _print(
    rows: Sequence[Any],
    as_json: bool,
    columns: Sequence[render.Column],
    cells: Sequence[Sequence[str]],
    values: Sequence[float],
    *,
    nothing: str = "nothing was downloaded; to load a log: vistazo conversions load FILE",
    bars_share: int = 4,
) -> int:
    """Print the answer; on a terminal every line has a bar of its value behind the first cell."""
    if as_json:
        render.print_json([dataclasses.asdict(row) for row in rows])
        return 0
    if not rows:
        note(nothing)
    if render.on_terminal():
        longest = min(max(render.console().width // bars_share, 8), 32)
        columns = (columns[0], render.Column("", width=longest), *columns[1:])
        bars = (bar(value, max(values), longest) for value in values)
        cells = [(line[0], drawn, *line[1:]) for line, drawn in zip(cells, bars, strict=True)]
    render.print_rows(columns, cells)
    return 0

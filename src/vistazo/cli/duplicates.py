"""`vistazo duplicates`: photos that are there more than once, and which copy to keep."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, Where, examples, note, open_library
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.search.overview.copies import Copy

_COLUMNS = (
    render.Column("group", "right"),
    render.Column("copy"),
    render.Column("score", "right"),
    render.Column("bits", "right"),
    render.Column("size", "right"),
    render.Column("bytes", "right"),
    render.Column("id"),
    render.Column("path", flexible=True),
)
_TELL_ABOVE = 10_000  # photos, before it takes so long that one wants to know


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "duplicates",
        epilog=examples(
            "vistazo duplicates", "vistazo duplicates --exact --where 'width > 1000' --json"
        ),
    )(duplicates)


def duplicates(
    exact: Annotated[bool, typer.Option("--exact", help="Only files of the same bytes.")] = False,
    where: Where = "",
    db: Db = None,
    as_json: Json = False,
) -> int:
    """List photos that are there more than once, the best copy of each first; removes nothing."""

    def on_progress(done: int, total: int) -> None:
        if total > _TELL_ABOVE:
            end = "\n" if done >= total else "\r"
            print(f"{done:,} of {total:,} photos compared", end=end, file=sys.stderr)

    with open_library(db) as library:
        groups = library.duplicates(exact=exact, where=where, on_progress=on_progress)
    if as_json:
        render.print_json([group.to_dict() for group in groups])
        return 0
    rows = [
        _cells(number, copy, best=copy is group.best)
        for number, group in enumerate(groups, start=1)
        for copy in (group.best, *group.copies)
    ]
    render.print_rows(_COLUMNS, rows)
    copies = sum(len(group.copies) for group in groups)
    note(f"{copies:,} copies of {len(groups):,} photos; nothing was removed")
    return 0


def _cells(number: int, copy: Copy, *, best: bool) -> tuple[str, ...]:
    return (
        str(number),
        "keep" if best else copy.kind,
        f"{copy.score:.3f}",
        "" if copy.bits is None else str(copy.bits),
        f"{copy.width}x{copy.height}",
        f"{copy.size_bytes:,}",
        printable(copy.photo_id),
        render.shown_path(copy.uri),
    )

"""How results look: tables on a terminal, tab-separated lines elsewhere, JSON on demand."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vistazo.cli.options import note
from vistazo.records import Hit, printable
from vistazo.search.hits import NOTHING_MATCHES

if TYPE_CHECKING:
    from rich.console import Console

    from vistazo.search.hits import Hits

# A table that is not shown on a terminal but asked for all the same, as by `vistazo demo`.
PLAIN_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `flexible` ones shrink when the terminal is narrow.

    Attributes:
        width: characters it always has; None as many as its longest value needs.
    """

    name: str
    align: Literal["left", "right"] = "left"
    flexible: bool = False
    width: int | None = None


HIT_COLUMNS = (
    Column("", "right"),
    Column("score", "right"),
    Column("id"),
    Column("size", "right"),
    Column("caption", flexible=True),
    Column("path", flexible=True),
)


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know is written as text."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def note_weak(hits: Hits) -> None:
    """Say it, beside the results, where nothing really matches."""
    if hits and hits[0].weak:
        note(f"{NOTHING_MATCHES}. Not to be told so: --all")


def print_hits(hits: Hits, *, as_json: bool, always_table: bool = False, why: bool = False) -> None:
    """Print hits, with thumbnails where the terminal can show them.

    Args:
        why: show what brought each here.
    """
    if as_json:
        print_json([hit.to_dict() for hit in hits])
        return
    _print_thumbnails(hits)
    columns: Sequence[Column] = HIT_COLUMNS
    rows: Iterable[tuple[str, ...]] = map(_hit_cells, range(1, len(hits) + 1), hits)
    if why:
        columns = (*columns[:-1], Column("why", flexible=True), columns[-1])
        reasons = ("; ".join(hit.why) for hit in hits)
        rows = ((*row[:-1], reason, row[-1]) for row, reason in zip(rows, reasons, strict=True))
    print_rows(columns, rows, table=always_table)


def print_rows(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, table: bool = False
) -> None:
    """Print a table on a terminal, or when `table` asks for it; else tab-separated lines."""
    if not (table or on_terminal()):
        print("\t".join(column.name or "#" for column in columns))
        for row in rows:
            print("\t".join(printable(cell) for cell in row))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    lines = [[printable(cell) for cell in row] for row in rows]
    screen = console()
    # The last column is a path or a message: it may take half the width before it is broken.
    widest = max((len(line[-1]) for line in lines), default=0)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns, start=1):
        grid.add_column(
            column.name,
            justify=column.align,
            no_wrap=not column.flexible,
            overflow="ellipsis" if not column.flexible else "fold",
            width=column.width,
            min_width=min(widest, screen.width // 2) if number == len(columns) else None,
        )
    for line in lines:
        grid.add_row(*map(Text, line))
    screen.print(grid)


def on_terminal() -> bool:
    """Whether results are read by a person, and not by a program or from a file."""
    return sys.stdout.isatty()


def console() -> Console:
    """A console on standard output."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def shown_path(uri: str) -> str:
    """A path as a reader wants it: relative where it lies below the current folder."""
    here = f"{Path.cwd()}/"
    return printable(uri[len(here) :] if uri.startswith(here) else uri)


def cell(value: Any, longest: int = 80) -> str:
    """One value of an SQL result, cut where it is long."""
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else json.dumps(value, default=_plain)
    text = printable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _hit_cells(number: int, hit: Hit) -> tuple[str, ...]:
    score = "" if hit.score != hit.score else f"{hit.score:.3f}"
    size = f"{hit.width}x{hit.height}"
    return str(number), score, hit.photo_id, size, hit.description, shown_path(hit.uri)


def _print_thumbnails(hits: Hits) -> None:
    if not sys.stdout.isatty() or not hits:
        return
    from vistazo.display import terminal
    from vistazo.display.sheet import pictures_of

    graphics = terminal.detect(os.environ, sys.stdout)
    if graphics is None:
        return
    drawn = terminal.row_of_images(
        pictures_of(hits, hits.thumbnails()),
        graphics,
        columns_available=console().width,
        cell_px=terminal.cell_size_px(sys.stdout),
    )
    print(drawn, end="")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return printable(value.decode("utf-8", "surrogateescape"))
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)

"""Options that several commands share, and the library they open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vistazo.config import Settings

if TYPE_CHECKING:
    from vistazo.facade import Facade
    from vistazo.library import Library

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        help="The library: a folder, http://host:port, or clickhouse://.."
        " [VISTAZO_DB; else the data directory]",
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="auto, a name that `vistazo models` lists, a folder, or OWNER/NAME of the Hub."
        " [VISTAZO_ENCODER]",
    ),
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda. [VISTAZO_DEVICE]")]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="auto, fp32, fp16 or int8. [VISTAZO_PRECISION]"),
]
For = Annotated[str | None, typer.Option("--for", help="What the photos show, in your words.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
K = Annotated[int, typer.Option("-k", help="How many photos, 1 to 100,000.")]
Similar = Annotated[str | None, typer.Option("--similar", help="Id of a photo.")]
Mode = Annotated[
    Literal["both", "picture", "words"],
    typer.Option("--mode", help="Look for words in pictures, in captions and the like, or both."),
]
WordsWeight = Annotated[
    float, typer.Option("--words-weight", help="Weight of photos' words beside pictures, 0 to 1.")
]
Popular = Annotated[float, typer.Option("--popular", help="Weight of downloads, 0 to 1.")]
PopularFor = Annotated[
    Literal["all", "words"],
    typer.Option("--popular-for", help="Count all downloads, or after searches for your words."),
]
HalfLife = Annotated[
    float | None,
    typer.Option("--half-life", metavar="DAYS", help="A download this old counts half."),
]
All = Annotated[bool, typer.Option("--all", help="Do not look whether anything really matches.")]
Why = Annotated[bool, typer.Option("--why", help="Show what brought each photo here.")]
Where = Annotated[
    str, typer.Option("--where", help="Filter, such as: width > 1000 and taken >= 2019")
]


def open_library(
    db: str | None, *, encoder: str | None = None, create: bool = False, **flags: str | None
) -> Facade:
    """The library that flags, environment and vistazo.toml name, here or through its server.

    Args:
        flags: other settings.
    """
    from vistazo.opening import open as open_

    return open_(encoder=encoder, create=create, settings=Settings.load({"db": db, **flags}))


def own_library(db: str | None, *, encoder: str | None = None, create: bool = False) -> Library:
    """The same library, but opened in this process."""
    from vistazo.opening import open_here

    return open_here(encoder=encoder, create=create, settings=Settings.load({"db": db}))


def is_served(db: str | None) -> bool:
    """Whether a server has this library, and reads what it is told to index."""
    from vistazo.opening import is_served as is_served_

    return is_served_(Settings.load({"db": db}))


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def note(text: str) -> None:
    """Say something beside the results."""
    print(f"note: {text}", file=sys.stderr)

"""`vistazo models`: the encoders that are known by name, and their files on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Json, Precision, examples, note
from vistazo.config import Settings
from vistazo.errors import UsageError

if TYPE_CHECKING:
    from vistazo.encoders.models import Name
    from vistazo.encoders.models import Precision as Kind

app = typer.Typer(
    help="List the encoders that are known by name, and get their files.",
    rich_markup_mode=None,
    invoke_without_command=True,
    epilog=examples("vistazo models", "vistazo models pull clip-vit-b32 --precision int8"),
)
_COLUMNS = (
    render.Column("name"),
    render.Column("numbers", "right"),
    render.Column("MB", "right"),
    render.Column("licence"),
    render.Column("languages"),
    render.Column("on disk"),
    render.Column("from", flexible=True),
)


@app.callback()
def list_(context: typer.Context, as_json: Json = False) -> int:
    """List known encoders: numbers of a vector, size, licence, languages, files here.

    A folder with a model's files, or OWNER/NAME of the Hub, is a name too.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise UsageError("`vistazo models pull` has no --json: leave it out")
        return 0
    from vistazo.encoders import weights
    from vistazo.encoders.models import MODELS, OFFLINE, Name

    kinds: tuple[Kind, ...] = ("fp32", "fp16", "int8")
    found = [
        {
            "name": OFFLINE,
            "dim": 512,
            "size_mb": {"int8": 36},
            "licence": "Apache-2.0",
            "languages": "English",
            "on_disk": ["int8"],
            "repository": "",
        }
    ]
    for model in MODELS.values():
        name = Name(model.name)
        here = [kind for kind in kinds if weights.has(name, kind)]
        found.append(
            {
                "name": model.name,
                "dim": model.dim,
                "size_mb": model.size_mb,
                "licence": model.licence,
                "languages": model.languages,
                "on_disk": here,
                "repository": model.repository,
            }
        )
    if as_json:
        render.print_json(found)
        return 0
    render.print_rows(_COLUMNS, map(_cells, found), table=True)
    note("get files with: vistazo models pull NAME; or give a folder, or OWNER/NAME of the Hub")
    return 0


@app.command(
    epilog=examples(
        "vistazo models pull clip-vit-b32 --precision int8",
        "vistazo models pull clip-vit-b32-multilingual",
    )
)
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A known name, or OWNER/NAME of the Hub.")
    ],
    precision: Precision = None,
) -> int:
    """Get a model's files from the Hub; what is here already is not loaded again.

    A cut connection is taken up where it was cut, and files that came whole are kept when the
    command is stopped. Every large file is checked against its SHA-256.
    """
    from vistazo.encoders import weights
    from vistazo.encoders.models import OFFLINE, parse
    from vistazo.encoders.registry import Options

    read = parse(name)
    if read.base == OFFLINE or read.folder is not None:
        raise UsageError(f"{name} is on this machine: there is nothing to get")
    options = Options.of(Settings.load({"precision": precision}))
    kind: Kind = read.precision or options.precision or "fp32"
    wanted: list[Name] = [read.space, read] if read.space.base != read.base else [read]
    for each in wanted:
        folder = weights.pull(each, kind, _say).folder
        print(f"{each.base}: {render.shown_path(str(folder))}")
    return 0


def _say(file: str, size_bytes: int) -> None:
    if size_bytes > 1_000_000 and not sys.stderr.isatty():  # on a terminal the client draws bars
        note(f"getting {file}, {size_bytes / 1e6:.0f} MB")


def _cells(model: dict[str, object]) -> tuple[str, ...]:
    sizes, here = model["size_mb"], model["on_disk"]
    assert isinstance(sizes, dict)
    assert isinstance(here, list)
    size = "/".join(str(sizes[kind]) for kind in ("fp32", "fp16", "int8") if kind in sizes)
    return (
        str(model["name"]),
        str(model["dim"]),
        size,
        str(model["licence"]),
        str(model["languages"]),
        ", ".join(here) or "no",
        str(model["repository"]) or "the package",
    )

"""`vistazo dataset`: write a source and its downloads as Parquet files, and publish them."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.index import WITH_FAILURES, progress, wait_for_vector_index
from vistazo.cli.options import Encoder, Json, examples, is_served, note, own_library
from vistazo.errors import Unsupported
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.datasets.build import BuildReport

LIBRARY = ".library"  # inside the dataset's folder

app = typer.Typer(
    help="Make a dataset of pictures, their vectors and downloads, and publish it.",
    rich_markup_mode=None,
    epilog=examples(
        "vistazo dataset build ~/Pictures --conversions conversions.tsv000 --out my-dataset",
        "vistazo dataset publish my-dataset owner/name",
    ),
)


@app.command(
    epilog=examples(
        "vistazo dataset build ~/Pictures --conversions conversions.tsv000 --out my-dataset",
        "vistazo dataset build ~/Pictures --limit 0 --out my-dataset"
        " --image-base-url https://photos.example.org",
    )
)
def build(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What `vistazo index` takes.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    conversions: Annotated[
        list[str] | None,
        typer.Option(
            "--conversions",
            metavar="FILE",
            help="Log of downloads; may be given again. [all that the library holds]",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="How many pictures, from the source's start; 0: all.")
    ] = 1000,
    image_base_url: Annotated[
        str,
        typer.Option(
            "--image-base-url",
            metavar="URL",
            help="Address of local pictures: URL/images/PHOTO_ID.",
        ),
    ] = "",
    db: Annotated[
        str | None, typer.Option("--db", help="The library to use. [DIR/.library]")
    ] = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Index a source and write photos.parquet, conversions.parquet and a card.

    Photos that failed are left out, and their downloads with them. The library stays, so that the
    same command again does only what has changed.
    """
    from vistazo.datasets.build import BuildPlan
    from vistazo.sources.named import source_of

    files = tuple(conversions or ())
    plan = BuildPlan(limit=limit, image_base_url=image_base_url, conversions=files)
    place = db or str(Path(out, LIBRARY))
    if is_served(place):
        raise Unsupported(
            f"a server holds the library {render.shown_path(place)}, and a dataset is built by the"
            " process that has it open: stop `vistazo serve`, or leave --db out to use a library"
            " of the dataset's own"
        )
    # First: a folder that is not there must not leave an empty library.
    pictures = source_of(source)
    with own_library(place, encoder=encoder, create=True) as library:
        if library.encoder is None:
            name, reason = library.encoder_choice()
            note(f"encoder: {name}" + (f", because {reason}" if reason else ""))
        try:
            with progress(sys.stderr.isatty()) as on_progress:
                library.index(
                    pictures,
                    limit=limit or None,
                    photos_only=bool(files),
                    wait_for_index=False,
                    on_progress=on_progress,
                )
            wait_for_vector_index(library)
            for file in files:
                library.load_conversions(file)
            report = library.build_dataset(pictures, out, plan)
        except KeyboardInterrupt:
            again = printable(shlex.join(["vistazo", *sys.argv[1:]]))
            note(f"stopped; what was done is kept. To continue run: {again}")
            raise
    _print_built(report, as_json=as_json)
    return WITH_FAILURES if report.failed else 0


@app.command(
    epilog=examples(
        "vistazo dataset publish my-dataset owner/name",
        "HF_TOKEN=... vistazo dataset publish my-dataset owner/name --public",
    )
)
def publish(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="What `dataset build` made.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The dataset on the Hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody read it; else only you can.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option("--token", help="Access token that may write. [HF_TOKEN, or the hub's login]"),
    ] = None,
    as_json: Json = False,
) -> int:
    """Put a dataset on the Hugging Face Hub; private unless told otherwise.

    Sends only what the Hub has not. Stopped anywhere, the same command continues. HF_ENDPOINT
    names another Hub.
    """
    from vistazo.datasets.publish import publish as publish_

    report = publish_(folder, name, public=public, token=token, on_wait=note)
    if as_json:
        render.print_json(dataclasses.asdict(report))
    elif report.sent:
        print(f"{', '.join(report.sent)} published at {report.url}")
    else:
        print(f"{report.url} is up to date")
    if report.private and not as_json:
        note("only you can read it; to change that run the same command with --public")
    return 0


def _print_built(report: BuildReport, *, as_json: bool) -> None:
    if as_json:
        render.print_json({**dataclasses.asdict(report), "failed": report.failed})
    else:
        shown = render.shown_path(report.out)
        print(f"{report.photos:,} photos and {report.conversions:,} conversions in {shown}")
        for cause, count in report.failures.items():
            print(f"  {count:>6}  {cause}")
    if report.failed:
        note(f"{report.failed:,} of {report.pictures:,} pictures failed and are left out")
    if report.conversions_dropped:
        note(f"{report.conversions_dropped:,} conversions of other photos are left out")
    if report.local:
        note(
            f"{report.local:,} photos have the address of a file on this machine, which nobody else"
            " can open; give --image-base-url to change that"
        )

"""`vistazo demo`: the whole product in a minute, on the sample pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import vistazo
from vistazo.cli import render
from vistazo.cli.conversions import print_demand
from vistazo.cli.index import print_report, progress
from vistazo.cli.options import Db, Device, Encoder, Precision, examples, note, open_library
from vistazo.errors import SourceError
from vistazo.records import Query

LOG = "conversions.tsv000"
PARTS = ("stamps", "photos")  # the page shows first what came last
TEXT = "boats on a lake at sunset"
DEMAND = "a forest path"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "demo", epilog=examples("vistazo demo", "vistazo demo --db demo-library --pictures sample")
    )(demo)


def demo(
    pictures: Annotated[
        str | None, typer.Option(help="The folder `sample` of vistazo's source.")
    ] = None,
    encoder: Encoder = "offline",
    precision: Precision = None,
    device: Device = None,
    db: Db = None,
) -> int:
    """Index the sample pictures, search by text and by example, count downloads."""
    folder = _sample(pictures)
    with open_library(
        db or _default_db(), encoder=encoder, create=True, precision=precision, device=device
    ) as library:
        for part in PARTS:
            print(f"$ vistazo index {render.shown_path(str(folder / part))}")
            with progress(sys.stderr.isatty()) as on_progress:
                print_report(library.index(folder / part, on_progress=on_progress), as_json=False)
        if library.encoder_notice:
            note(library.encoder_notice)
        print(f"\n$ vistazo search '{TEXT}' -k 5")
        hits = library.search(TEXT, k=5)
        render.print_hits(hits, as_json=False, always_table=True)
        example = hits[0].photo_id
        print(f"\n$ vistazo similar {example} -k 5")
        render.print_hits(library.similar(example, 5), as_json=False, always_table=True)
        print(f"\n$ vistazo conversions load {render.shown_path(str(folder / LOG))}")
        loaded = library.load_conversions(folder / LOG)
        print(f"{loaded.rows:,} conversions (synthetic: a script made this log from the captions)")
        print(f"\n$ vistazo conversions --for '{DEMAND}' -k 8")
        print_demand(library.demand(Query(text=DEMAND, k=8)), table=True)
        print(f"\nThe library is at {render.shown_path(library.name)}; give it as --db")
    return 0


def _sample(pictures: str | None) -> Path:
    checkout = Path(vistazo.__file__).resolve().parents[2] / "sample"
    places = [Path(pictures)] if pictures else [checkout, Path.cwd() / "sample"]
    for place in places:
        if (place / LOG).is_file():
            return place.resolve()
    raise SourceError(
        f"the sample pictures are not at {render.shown_path(str(places[0]))}; they come with"
        " vistazo's source: give its folder `sample` with --pictures"
    )


def _default_db() -> str:
    from platformdirs import user_data_path

    return str(user_data_path("vistazo") / "demo")

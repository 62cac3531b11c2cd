"""`vistazo eval`: how well the library finds what a labelled set says it should."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import Db, Json, examples, note, open_library
from vistazo.errors import UsageError

if TYPE_CHECKING:
    from vistazo.evaluation.report import Change, Evaluation

FELL = 3  # as a run that finished with failures

_NAMES = {"image_retrieval": "text finds pictures", "text_retrieval": "picture finds texts"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "eval",
        epilog=examples(
            "vistazo eval sample/photos/captions.tsv --json > before.json",
            "vistazo eval sample/photos/captions.tsv --compare before.json",
            "vistazo eval dataset_flickr30k.json --split test",
            "vistazo eval animals/ --among library --search",
        ),
    )(evaluate)


def evaluate(
    labels: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="A captions table (.tsv, .csv), Karpathy's splits (.json), or a folder of"
            " classes; its pictures must be indexed.",
        ),
    ],
    split: Annotated[str, typer.Option("--split", help="Of Karpathy's splits.")] = "test",
    column: Annotated[
        str | None, typer.Option("--column", help="Of a captions table. [caption_en, ..]")
    ] = None,
    template: Annotated[
        str, typer.Option("--template", help="A class's text; {} is its folder's name.")
    ] = "a photo of {}",
    among: Annotated[
        str, typer.Option("--among", help="Look among the pictures of the set, or library.")
    ] = "set",
    search: Annotated[
        bool,
        typer.Option("--search", help="As the library searches, not every vector exactly."),
    ] = False,
    depth: Annotated[int, typer.Option("--depth", help="With --search: places looked at.")] = 100,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="FILE", help="JSON of an earlier run; exit 3 if worse."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="With --compare: how far a measure may fall.")
    ] = 0.01,
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Measure how well texts find their pictures, and pictures their texts."""
    from vistazo.evaluation.report import compare as compared
    from vistazo.evaluation.report import read_evaluation

    if tolerance < 0:
        raise UsageError(f"the tolerance must not be below 0, and is {tolerance}")
    before = read_evaluation(Path(compare)) if compare is not None else None
    with open_library(db) as library:
        found = library.evaluate(
            labels,
            split=split,
            column=column,
            template=template,
            among=among,
            search=search,
            depth=depth,
        )
    changes = compared(before, found, tolerance) if before is not None else []
    if as_json:
        render.print_json(found.to_dict())
    else:
        _print(found)
    if found.missing:
        note(f"{found.missing:,} pictures of the set are not in the library and were left out")
    worse = [each for each in changes if each.worse]
    for each in worse:
        note(f"worse than before: {_said(each)}")
    if before is not None and not worse:
        note(f"no measure fell by more than {tolerance:g}")
    return FELL if worse else 0


def _print(found: Evaluation) -> None:
    way = found.path if found.depth is None else f"{found.path}, first {found.depth} places"
    model = found.model["name"]
    print(
        f"{found.name} ({found.split}): {found.texts:,} texts, {found.photos:,} photos of the"
        f" {found.among}; {model}, {found.precision}, {way}"
    )
    columns = (
        render.Column("direction"),
        render.Column("measure"),
        render.Column("value", "right"),
        render.Column("95 % interval", "right"),
    )
    rows = [
        (_NAMES[direction], name, f"{each['value']:.3f}", f"{each['low']:.3f} - {each['high']:.3f}")
        for direction, measures in found.measures.items()
        for name, each in measures.items()
    ]
    render.print_rows(columns, rows)


def _said(change: Change) -> str:
    return f"{change.direction} {change.measure} {change.before:.3f} -> {change.now:.3f}"

"""`vistazo search`: find photos by words or by an image file."""

from __future__ import annotations

from typing import Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import (
    All,
    Db,
    Encoder,
    HalfLife,
    Json,
    K,
    Mode,
    Popular,
    PopularFor,
    Where,
    Why,
    WordsWeight,
    examples,
    note,
    open_library,
)
from vistazo.errors import InvalidQuery


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "search",
        epilog=examples(
            "vistazo search '2:dog + beach - snow year:2019..2021' -k 20",
            "vistazo search --image holiday.jpg --where 'width > 1000'",
        ),
    )(search)


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="What the photos show: words, weights, filters."),
    ] = None,
    image: Annotated[str | None, typer.Option("--image", help="A picture to compare with.")] = None,
    like: Annotated[
        list[str] | None, typer.Option("--like", help="Id of a photo: more of these. Repeatable.")
    ] = None,
    dislike: Annotated[
        list[str] | None, typer.Option("--dislike", help="Id: less of these. Repeatable.")
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Leave out near-duplicates.")] = False,
    diverse: Annotated[
        float, typer.Option("--diverse", help="0 to 1: how different from each other hits are.")
    ] = 0.0,
    k: K = 10,
    where: Where = "",
    mode: Mode = "both",
    words_weight: WordsWeight = 0.5,
    popular: Popular = 0.0,
    popular_for: PopularFor = "all",
    half_life: HalfLife = None,
    everything: All = False,
    why: Why = False,
    db: Db = None,
    encoder: Encoder = None,
    as_json: Json = False,
) -> int:
    """Find photos by words, or by an image file, best first."""
    if words is None and image is None and not like:
        raise InvalidQuery("say in words what you are looking for, or give --image FILE")
    text = " ".join(words) if words is not None else None
    with open_library(db, encoder=encoder) as library:
        hits = library.search(
            text,
            image=image,
            k=k,
            where=where,
            like=like or (),
            dislike=dislike or (),
            fold=fold,
            diverse=diverse,
            mode=mode,
            words_weight=words_weight,
            popular=popular,
            popular_for=popular_for,
            half_life_days=half_life,
            cut=not everything,
        )
        if text is not None and library.encoder_notice:
            note(library.encoder_notice)
        render.note_weak(hits)
        render.print_hits(hits, as_json=as_json, why=why)
    return 0

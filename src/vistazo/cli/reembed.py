"""`vistazo reembed`: give a library's photos the vectors of another encoder."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.index import WITH_FAILURES, progress
from vistazo.cli.options import Db, Encoder, Json, examples, note, own_library
from vistazo.errors import UsageError
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.ingest.reembed import ReembedReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "reembed",
        epilog=examples(
            "vistazo reembed --encoder clip-vit-b32 --db photos",
            "vistazo reembed --rollback --db photos",
        ),
    )(reembed)


def reembed(
    encoder: Encoder = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the encoder that was replaced last.")
    ] = False,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Do not look at files that have a thumbnail.")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Remove photos that cannot be embedded.")
    ] = False,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Only delete the vectors that are kept for --rollback."),
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> int:
    """Embed a library's photos by another encoder.

    The old vectors answer until all are made, and are kept for --rollback. Stopped anywhere, the
    same command continues.
    """
    if forget and (rollback or encoder):
        raise UsageError("--forget goes with neither --encoder nor --rollback")
    if not (forget or rollback or encoder):
        raise UsageError("say which encoder: give --encoder NAME, or --rollback")
    with own_library(db) as library:
        if forget:
            count = library.forget_replaced()
            if as_json:
                render.print_json({"deleted": count})
            else:
                print(f"{count:,} kept vectors deleted")
            return 0
        try:
            with progress(sys.stderr.isatty()) as on_progress:
                report = library.reembed(
                    encoder,
                    rollback=rollback,
                    thumbnails=thumbnails,
                    leave_out=leave_out,
                    on_progress=on_progress,
                )
        except KeyboardInterrupt:
            again = shlex.join(["vistazo", *sys.argv[1:]])
            print(
                "\nstopped; the library is as it was, and what was embedded is kept."
                f" To continue run: {printable(again)}",
                file=sys.stderr,
            )
            raise
    _print(report, as_json=as_json)
    return 0 if report.switched else WITH_FAILURES


def _print(report: ReembedReport, *, as_json: bool) -> None:
    if as_json:
        render.print_json({**dataclasses.asdict(report), "failed": report.failed})
        return
    done = f"{report.embedded:,} photos embedded in {report.seconds:.1f} s"
    old, new = printable(report.replaced.name), printable(report.encoder.name)
    if report.switched:
        print(f"{done}; the library's encoder is now {new}, and was {old}")
        if report.removed:
            note(f"{report.removed:,} photos could not be embedded and were removed")
        note("the old vectors are kept. To go back run: vistazo reembed --rollback")
        return
    print(f"{done}, {report.failed:,} failed; the library's encoder is still {old}")
    for cause, count in report.failures.items():
        print(f"  {count:>6}  {cause}")
    for uri, reason in report.examples:
        note(f"{render.shown_path(uri)}: {reason}")
    note("bring their files back, or remove them from the library with --leave-out")

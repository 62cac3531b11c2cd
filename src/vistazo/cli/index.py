"""`vistazo index`: bring the library up to date with a folder of pictures or a data set."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from vistazo.cli import render
from vistazo.cli.options import (
    Db,
    Device,
    Encoder,
    Json,
    Precision,
    examples,
    is_served,
    note,
    open_library,
)
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.facade import Facade
    from vistazo.ingest.progress import Progress
    from vistazo.records import IngestReport
    from vistazo.sources.base import Source

WITH_FAILURES = 3
_LINE_EVERY_S = 5.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "index",
        epilog=examples(
            "vistazo index ~/Pictures --prune --db photos",
            "vistazo index unsplash:unsplash-lite --limit 1000",
        ),
    )(index)


def index(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of pictures, unsplash:DIR, urls:FILE, parquet:PATH or hf:OWNER/DATASET.",
        ),
    ],
    db: Db = None,
    encoder: Encoder = None,
    precision: Precision = None,
    device: Device = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first so many of the source.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove photos whose file has gone.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Take up only files that failed before.")
    ] = False,
    photos_only: Annotated[
        bool,
        typer.Option(
            "--photos-only", help="Without a data set's conversions, keywords, collections, colors."
        ),
    ] = False,
    vectors_of: Annotated[
        str | None,
        typer.Option(
            "--vectors-of", help="Encoder that made a data set's vectors, if it does not say."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Bring the library up to date with a folder, list or data set.

    Unchanged pictures are left alone. Stopped anywhere, the same command continues.
    """
    pictures: str | Source = source
    if not is_served(db):
        from vistazo.sources.named import source_of

        # First: a folder that is not there must not leave an empty library.
        pictures = source_of(source, vectors_of=vectors_of)
    with open_library(
        db, encoder=encoder, create=True, precision=precision, device=device
    ) as library:
        if library.encoder is None:
            name, reason = library.encoder_choice()
            note(f"encoder: {name}" + (f", because {reason}" if reason else ""))
        try:
            with progress(sys.stderr.isatty()) as on_progress:
                report = library.index(
                    pictures,
                    limit=limit,
                    prune=prune,
                    retry_failed=retry_failed,
                    wait_for_index=False,
                    photos_only=photos_only,
                    vectors_of=vectors_of,
                    on_progress=on_progress,
                )
            wait_for_vector_index(library)
        except KeyboardInterrupt:
            again = shlex.join(["vistazo", *sys.argv[1:]])
            print(
                f"\nstopped; what was done is kept. To continue run: {printable(again)}",
                file=sys.stderr,
            )
            raise
    print_report(report, as_json=as_json)
    return WITH_FAILURES if report.failed else 0


def print_report(report: IngestReport, *, as_json: bool) -> None:
    """Print what a run did, and the causes of its failures."""
    if as_json:
        render.print_json({**dataclasses.asdict(report), "failed": report.failed})
        return
    parts = [
        f"{getattr(report, name)} {name}"
        for name in ("added", "updated", "moved", "unchanged", "pruned")
        if getattr(report, name) or name in ("added", "unchanged")
    ]
    print(f"{', '.join(parts)}, {report.failed} failed in {report.seconds:.1f} s")
    for cause, count in report.failures.items():
        print(f"  {count:>6}  {cause}")
    for name, load in report.loads.items():
        before = ", loaded before" if load.state == "unchanged" else ""
        print(f"{load.rows:,} rows of {printable(name)}{before}")
        if load.rejected:
            note(f"{load.rejected:,} lines of {printable(name)} were passed over: they are no rows")
        if load.unknown_photos:
            note(f"{load.unknown_photos:,} of them are of photos that are not in the library")
    for sentence in report.notes:
        note(sentence)
    if report.failed:
        note("to see each failed file run: vistazo failures")


def wait_for_vector_index(library: Facade) -> None:
    """Wait until the vector index of a large library covers all photos."""
    if library.index_status().state != "InProgress":
        return
    note("building the vector index; stopped now, it starts again with the next run")
    status = library.wait_for_index()
    if status.state == "Error":
        note(f"the vector index could not be built ({status.reason}); searches read every photo")


@contextmanager
def progress(on_terminal: bool) -> Iterator[Callable[[Progress], None]]:
    """Show a run's progress on standard error: a bar on a terminal, plain lines elsewhere."""
    if not on_terminal:
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bars,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>6.1f}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, rate=0.0, failed="")
        started = time.monotonic()

        def show(state: Progress) -> None:
            failed = f"{state.failed} failed" if state.failed else ""
            rate = state.done / max(time.monotonic() - started, 1e-3)
            bars.update(task, completed=state.done, total=state.total, rate=rate, failed=failed)

        yield show


class _Lines:
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self._started = self._shown = time.monotonic()

    def __call__(self, state: Progress) -> None:
        now = time.monotonic()
        if now - self._shown < _LINE_EVERY_S:
            return
        self._shown = now
        of = f" of {state.total}" if state.total is not None else ""
        rate = state.done / (now - self._started)
        line = f"{state.done}{of} pictures, {rate:.1f}/s, {state.failed} failed"
        print(line, file=sys.stderr, flush=True)

"""`vistazo bench`: how fast this machine is, measured on itself."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistazo.cli import render
from vistazo.cli.options import Device, Encoder, Json, Precision, examples, note
from vistazo.config import Settings

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder as Port
    from vistazo.evaluation.loopback import Addresses

_ALONE = 500  # pictures that are kept ready in memory, 150 kB each
app = typer.Typer(help="Measure how fast this machine is.", rich_markup_mode=None)
_COLUMNS = (
    render.Column(""),
    render.Column("pictures/s", "right"),
    render.Column("ms each", "right"),
    render.Column("times the loop", "right"),
)


@app.callback()
def _bench() -> None:
    pass


@app.command(
    epilog=examples(
        "vistazo bench ingest",
        "vistazo bench ingest --encoder clip-vit-b32 --precision int8 --loop torch:clip-vit-b32",
    )
)
def ingest(
    encoder: Encoder = None,
    precision: Precision = None,
    device: Device = None,
    pictures: Annotated[int, typer.Option("--pictures", min=8, help="How many to index.")] = 300,
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="How late each answer of the server comes.")
    ] = 80,
    loop: Annotated[
        str | None,
        typer.Option("--loop", help="Encoder of the loop; torch:NAME is transformers' own code."),
    ] = None,
    loop_pictures: Annotated[
        int, typer.Option("--loop-pictures", min=1, help="How many the loop takes.")
    ] = 40,
    as_json: Json = False,
) -> int:
    """Index pictures from a slow server, beside a loop that takes one after the other.

    The server runs on this machine and nothing is kept: pictures and library are made for this.
    """
    from vistazo.encoders import registry
    from vistazo.evaluation import loopback, throughput

    settings = Settings.load({"encoder": encoder, "precision": precision, "device": device})
    options = registry.Options.of(settings)
    port = registry.create(registry.resolve(settings.encoder, options)[0], options)
    slow = registry.create(registry.resolve(loop, options)[0], options) if loop else port
    loop_pictures = min(loop_pictures, pictures)
    some = range(min(pictures, _ALONE))
    with loopback.serving(pictures, latency_ms / 1000) as source:
        ready = throughput.prepared(port, [loopback.picture(each) for each in some])
        port.encode_pixels(ready.pixels[: settings.batch_size])
        stages = throughput.one_by_one(slow, source, loop_pictures)
        before = throughput.network_alone(port, ready.pixels, settings.batch_size)
        whole = index(port, source, settings)
        after = throughput.network_alone(port, ready.pixels, settings.batch_size)
    found = {
        "encoder": port.spec.name,
        "loop": slow.spec.name,
        "pictures": pictures,
        "latency_ms": latency_ms,
        "cores": os.cpu_count(),
        "seconds_each": {
            "loop": sum(stages.values()) / loop_pictures,
            **{f"loop: {name}": spent / loop_pictures for name, spent in stages.items()},
            "vistazo": whole / pictures,
            "its network alone": statistics.mean((before, after)) / len(some),
            "decode, one thread": ready.decode_s / len(some),
            "preprocess, one thread": ready.preprocess_s / len(some),
        },
    }
    if as_json:
        render.print_json(found)
        return 0
    show(found)
    return 0


def index(encoder: Port, source: Addresses, settings: Settings) -> float:
    """Seconds from an empty library to one with all pictures of the source.

    Raises:
        RuntimeError: some were not indexed.
    """
    import vistazo

    # The pictures' server is this machine, and one host with many pictures at once.
    own = replace(settings, allow_private_addresses=True, per_host_concurrency=64)
    with tempfile.TemporaryDirectory() as folder, vistazo.open(folder, settings=own) as library:
        started = time.perf_counter()
        report = library.index(source, encoder=encoder)
        seconds = time.perf_counter() - started
    if report.added != source.count:
        raise RuntimeError(report)
    return seconds


def show(found: dict[str, Any]) -> None:
    """Print the measurement as a table, and what it says in one line."""
    each: dict[str, float] = found["seconds_each"]
    print(
        f"{found['pictures']:,} JPEGs, {found['latency_ms']:g} ms latency, {found['cores']} cores;"
        f" {found['encoder']}, the loop with {found['loop']}"
    )
    compared = ("loop", "vistazo", "its network alone")
    rows = [
        (
            *(name, f"{1 / spent:.1f}", f"{1000 * spent:.1f}"),
            f"{each['loop'] / spent:.2f}" if name in compared else "",
        )
        for name, spent in each.items()
    ]
    render.print_rows(_COLUMNS, rows, table=True)
    share = each["its network alone"] / each["vistazo"]
    note(
        f"indexing reaches {100 * share:.0f} % of what the network takes alone, of arrays that are ready"
    )

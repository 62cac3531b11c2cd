"""CLIP end to end: the walk-through's loop, and ours, over the same pictures 80 ms away.

A process of its own serves small JPEGs on loopback, each answer late. The loop (requests,
transformers, one picture after the other) runs in a Python with torch, see `ingest_loop.py`; ours is
`Library.index` with CLIP on ONNX Runtime, in fp32 and in int8. The model has the geometry of
ViT-B/32 and random weights, unless `--model` names a real one. All are measured in turns in one run.

Run: python bench/ingest.py --torch .torch/bin/python [--pictures 2000] [--rounds 3] [--docs docs]
     python bench/ingest.py --memory 50000     (resident memory while so many are indexed)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vistazo.cli.bench import index
from vistazo.config import Settings
from vistazo.encoders import registry
from vistazo.encoders.base import Encoder
from vistazo.encoders.models import Precision
from vistazo.evaluation.loopback import Addresses, picture, serving
from vistazo.evaluation.throughput import encoder_alone, network_alone, prepared
from vistazo.records import UInt8Array

LOOP = Path(__file__).with_name("ingest_loop.py")
TOKENIZER = Path(__file__).parents[1] / "tests/models/clip"
BATCH = 32
SETTINGS = Settings(batch_size=BATCH)
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
STAGES = ("download", "decode", "preprocess", "encoder")
# Of ours alone: `encode_images` of decoded pictures, and the bare network of arrays that are ready.
PARTS = ("encoder", "network")


def made(folder: Path, torch: str) -> Path:
    """The model with random weights, made where it is not yet."""
    if not (folder / "onnx/vision_model_quantized.onnx").exists():
        subprocess.run([torch, str(LOOP), "make", str(folder)], check=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            shutil.copy(TOKENIZER / name, folder)
    return folder


def loop(options: argparse.Namespace, model: Path, source: Addresses) -> dict[str, float]:
    """Seconds for each picture of the walk-through's loop, whole and by stage."""
    said = subprocess.run(
        [options.torch, str(LOOP), "loop", str(model), str(source.port), str(options.loop)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return {stage: spent / options.loop for stage, spent in json.loads(said).items()}


def compare(options: argparse.Namespace, model: Path, source: Addresses) -> dict[str, Any]:
    """All in turns: rates of each round, the loop's stages, what one thread takes to prepare."""
    pictures = [picture(number) for number in range(min(options.alone, source.count))]
    encoders: dict[Precision, Encoder] = {
        precision: registry.create(str(model), registry.Options(precision=precision))
        for precision in PRECISIONS
    }
    ready = prepared(encoders["fp32"], pictures)
    for encoder in encoders.values():
        encoder.encode_pixels(ready.pixels[:BATCH])
    with serving(2 * BATCH, 0) as few:  # both the loop and ours have worked before they are timed
        index(encoders["int8"], few, SETTINGS)
    rounds = []
    for number in range(options.rounds):
        found: dict[str, Any] = {"loop": loop(options, model, source)}
        for precision, encoder in encoders.items():
            taken = {
                "network": network_alone(encoder, ready.pixels, BATCH),
                "encoder": encoder_alone(encoder, ready.images, BATCH),
                "whole": index(encoder, source, SETTINGS),
            }
            # Before and after, in the other order.
            taken["encoder"] += encoder_alone(encoder, ready.images, BATCH)
            taken["network"] += network_alone(encoder, ready.pixels, BATCH)
            found[precision] = {
                "whole": taken["whole"] / source.count,
                "encoder": taken["encoder"] / 2 / len(pictures),
                "network": taken["network"] / 2 / len(pictures),
            }
        rounds.append(found)
        print(f"round {number + 1}: {json.dumps(found)}, load {os.getloadavg()[0]:.1f}", flush=True)
    cosines = np.sum(
        _vectors(encoders["fp32"], ready.pixels) * _vectors(encoders["int8"], ready.pixels), axis=1
    )
    return {
        "rounds": rounds,
        "decode": ready.decode_s / len(pictures),
        "preprocess": ready.preprocess_s / len(pictures),
        "cosine": [float(cosines.mean()), float(cosines.min())],
    }


def _vectors(encoder: Encoder, pixels: UInt8Array) -> Any:
    return encoder.encode_pixels(pixels[:128])


def medians(measured: dict[str, Any]) -> dict[str, float]:
    """Of the rounds: seconds each, and ratios within a round."""
    rounds = measured["rounds"]

    def middle(value: Any) -> float:
        return float(statistics.median(value(each) for each in rounds))

    found = {"loop": middle(lambda each: each["loop"]["whole"])}
    for stage in STAGES:
        found[stage] = middle(lambda each, stage=stage: each["loop"][stage])
    for name in PRECISIONS:
        found[name] = middle(lambda each, name=name: each[name]["whole"])
        found[f"{name} times"] = middle(
            lambda each, name=name: each["loop"]["whole"] / each[name]["whole"]
        )
        for part in PARTS:
            found[f"{name} {part}"] = middle(lambda each, name=name, part=part: each[name][part])
            found[f"{name} of {part}"] = middle(
                lambda each, name=name, part=part: each[name][part] / each[name]["whole"]
            )
    return found


def markdown(options: argparse.Namespace, measured: dict[str, Any]) -> str:
    """The page."""
    of = medians(measured)
    mean, worst = measured["cosine"]
    lines = [
        "# Indexing with CLIP, end to end",
        "",
        f"Written by `python bench/ingest.py --torch PYTHON --pictures {options.pictures}"
        f" --rounds {options.rounds}`.",
        "",
        f"{options.pictures} JPEGs of 200 pixels from a server that answers after"
        f" {options.latency_ms:g} ms, ViT-B/32's geometry with random weights, {os.cpu_count()}"
        f" cores, load {os.getloadavg()[0]:.1f} (these processes' own included). Medians of"
        f" {options.rounds} rounds, all in turns.",
        "",
        "| | pictures/s | times the loop | encoder alone, pictures/s | share of it"
        " | network alone, pictures/s | share of it |",
        "|---|---|---|---|---|---|---|",
        f"| the walk-through's loop (requests, transformers, one by one) | {1 / of['loop']:.1f}"
        " | 1 | | | | |",
    ]
    for name in PRECISIONS:
        lines.append(
            f"| `vistazo index`, {name} | {1 / of[name]:.1f} | {of[f'{name} times']:.2f}"
            + "".join(
                f" | {1 / of[f'{name} {part}']:.1f} | {of[f'{name} of {part}']:.2f}"
                for part in PARTS
            )
            + " |"
        )
    stages = ", ".join(f"{stage} {1000 * of[stage]:.1f}" for stage in STAGES)
    lines += [
        "",
        "The encoder alone is `encode_images` of decoded pictures in memory, its scaling included; the"
        " network alone has arrays that are ready.",
        "",
        f"The loop's ms for a picture: {stages}. Of ours, in one thread: decode"
        f" {1000 * measured['decode']:.1f}, preprocess {1000 * measured['preprocess']:.1f}; they"
        " and the downloads overlap with the encoder.",
        "",
        f"The vectors of int8 have a cosine of {mean:.5f} with those of fp32 in the mean and"
        f" {worst:.5f} at worst.",
        "",
        "![pictures a second](performance-ingest.png)",
    ]
    return "\n".join(lines) + "\n"


def plot(measured: dict[str, Any], target: Path) -> None:
    """Pictures a second as bars, with a line where the encoder alone is."""
    import matplotlib.pyplot as plt

    of = medians(measured)
    figure, field = plt.subplots(figsize=(6.4, 2.4))
    names = ("loop", *PRECISIONS)
    titles = ["the loop", *(f"vistazo, {name}" for name in PRECISIONS)]
    bars = field.barh(titles, [1 / of[name] for name in names], color=("#999", "#27b", "#27b"))
    field.bar_label(bars, fmt="%.1f", padding=3)
    for row, name in enumerate(PRECISIONS, start=1):
        rate = 1 / of[f"{name} encoder"]
        field.plot([rate, rate], [row - 0.4, row + 0.4], color="black", linewidth=2)
    field.set_xlabel("pictures a second; black: the encoder alone")
    field.invert_yaxis()
    field.margins(x=0.12)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def remember(model: Path, source: Addresses) -> None:
    """Index many pictures and say how much memory that took at most."""
    encoder = registry.create(str(model), registry.Options(precision="int8"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds = index(encoder, source, SETTINGS)
    # Kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{source.count:,} pictures in {seconds:.0f} s, {source.count / seconds:.1f}/s,", end=" ")
    print(f"{peak:.2f} GB resident at most, of which {before:.2f} before the first")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--alone", type=int, default=500, help="pictures for the encoder alone")
    parser.add_argument("--loop", type=int, default=60, help="pictures that the loop takes")
    parser.add_argument("--latency-ms", type=float, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, default=Path("build/vit-b32"))
    parser.add_argument("--torch", default=".torch/bin/python", help="a Python with torch")
    parser.add_argument("--memory", type=int, default=0, help="only index so many pictures")
    parser.add_argument("--docs", type=Path, help="write performance-ingest.md and .png here")
    options = parser.parse_args()
    model = made(options.model.absolute(), options.torch)
    with serving(options.memory or options.pictures, options.latency_ms / 1000) as source:
        if options.memory:
            remember(model, source)
            return
        measured = compare(options, model, source)
    text = markdown(options, measured)
    sys.stdout.write(text)
    if options.docs:
        (options.docs / "performance-ingest.md").write_text(text)
        plot(measured, options.docs / "performance-ingest.png")


if __name__ == "__main__":
    main()

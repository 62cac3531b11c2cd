"""CLIP end to end: the walk-through's loop, and ours, over the same pictures 80 ms away.

A process of its own serves small JPEGs on loopback, each answer late. The loop (requests,
transformers, one picture after the other) runs in a Python with torch, see `clip_loop.py`; ours is
`Library.index` with CLIP on ONNX Runtime, in fp32 and in int8. The model has the geometry of
ViT-B/32 and random weights, unless `--model` names a real one. All are measured in turns in one run.

Run: python bench/clip.py --torch .torch/bin/python [--pictures 300] [--latency-ms 80] [--rounds 2]
     python bench/clip.py --memory 50000       (resident memory while so many are indexed)
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import vistazo
from downloads import BATCH, Addresses, picture, serve
from vistazo.config import Settings
from vistazo.encoders import registry
from vistazo.encoders.base import Encoder
from vistazo.encoders.models import Precision
from vistazo.ingest.decode import decode
from vistazo.records import UInt8Array

LOOP = Path(__file__).with_name("clip_loop.py")
TOKENIZER = Path(__file__).parents[1] / "tests/models/clip"
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


def made(folder: Path, torch: str) -> Path:
    """The model with random weights, made where it is not yet."""
    if not (folder / "onnx/vision_model_quantized.onnx").exists():
        subprocess.run([torch, str(LOOP), "make", str(folder)], check=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            shutil.copy(TOKENIZER / name, folder)
    return folder


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alone(encoder: Encoder, pixels: UInt8Array) -> None:
    """The encoder's network, on arrays that are ready."""
    for start in range(0, len(pixels), BATCH):
        encoder.encode_pixels(pixels[start : start + BATCH])


def index(encoder: Encoder, source: Addresses, count: int) -> float:
    """Seconds from an empty library to one with all pictures."""
    settings = Settings(allow_private_addresses=True, batch_size=BATCH, per_host_concurrency=64)
    with (
        tempfile.TemporaryDirectory() as folder,
        vistazo.open(folder, settings=settings) as library,
    ):
        started = time.perf_counter()
        report = library.index(source, encoder=encoder)
        seconds = time.perf_counter() - started
        if report.added != count:
            raise RuntimeError(report)
    return seconds


def worst_cosine(encoders: dict[Precision, Encoder], pixels: UInt8Array) -> tuple[float, float]:
    """Mean and worst cosine of the int8 vectors with the fp32 ones."""
    exact, small = (encoders[precision].encode_pixels(pixels) for precision in PRECISIONS)
    cosines = np.sum(exact * small, axis=1)
    return float(cosines.mean()), float(cosines.min())


def compare(
    options: argparse.Namespace, model: Path, source: Addresses, pictures: list[bytes]
) -> None:
    count = len(pictures)
    encoders: dict[Precision, Encoder] = {
        precision: registry.create(str(model), registry.Options(precision=precision))
        for precision in PRECISIONS
    }
    first = encoders["fp32"]
    decoding = timed(lambda: [decode(data, min_side=first.input_side) for data in pictures])
    images = [decode(data, min_side=first.input_side).image for data in pictures]
    shrinking = timed(lambda: [first.preprocess(image) for image in images])
    pixels = np.stack([first.preprocess(image) for image in images])
    for encoder in encoders.values():
        encoder.encode_pixels(pixels[:BATCH])
    print(f"{count} JPEGs, {options.latency_ms:g} ms latency, {os.cpu_count()} cores")
    print(f"one thread: decode {1000 * decoding / count:.1f} ms each,", end=" ")
    print(f"preprocess {1000 * shrinking / count:.1f} ms each")
    mean, worst = worst_cosine(encoders, pixels[:128])
    print(f"int8 to fp32: cosine {mean:.5f} in the mean, {worst:.5f} at worst")
    print("      whole/s  loop/s  times  encoder alone/s  share   load")
    for precision in PRECISIONS:
        times, shares = [], []
        for _ in range(options.rounds):
            said = subprocess.run(
                [options.torch, str(LOOP), "loop", str(model), str(source.port), str(options.loop)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            stages = json.loads(said)
            loop_s = stages.pop("whole") / options.loop
            before = timed(partial(alone, encoders[precision], pixels))
            whole = index(encoders[precision], source, count)
            after = timed(partial(alone, encoders[precision], pixels))
            encoder_s = (before + after) / 2
            times.append(loop_s / (whole / count))
            shares.append(encoder_s / whole)
            print(
                f"{precision}  {count / whole:7.1f}  {1 / loop_s:6.2f}  {times[-1]:5.2f}"
                f"  {count / encoder_s:15.1f}  {shares[-1]:5.2f}  {os.getloadavg()[0]:5.1f}",
                flush=True,
            )
            parts = ", ".join(
                f"{name} {1000 * spent / options.loop:.1f}" for name, spent in stages.items()
            )
            print(f"      the loop's ms each: {parts}")
        print(
            f"{precision}: {statistics.median(times):.2f} times the loop,"
            f" {statistics.median(shares):.2f} of the encoder alone"
        )


def remember(model: Path, source: Addresses, count: int) -> None:
    """Index many pictures and say how much memory that took at most."""
    encoder = registry.create(str(model), registry.Options(precision="int8"))
    seconds = index(encoder, source, count)
    # Kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{count:,} pictures in {seconds:.0f} s, {peak:.2f} GB resident at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--loop", type=int, default=60, help="pictures that the loop takes")
    parser.add_argument("--latency-ms", type=float, default=80)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", type=Path, default=Path("build/vit-b32"))
    parser.add_argument("--torch", default=".torch/bin/python", help="a Python with torch")
    parser.add_argument("--memory", type=int, default=0, help="only index so many pictures")
    options = parser.parse_args()
    model = made(options.model.absolute(), options.torch)
    count = options.memory or options.pictures
    # A server need not hold fifty thousand different ones, but a library keeps equal ones once.
    pictures = [picture(number) for number in range(count)]
    told, ours = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(pictures, options.latency_ms / 1000, told), daemon=True
    )
    process.start()
    try:
        source = Addresses(ours.recv(), count)
        if options.memory:
            del pictures
            remember(model, source, count)
        else:
            compare(options, model, source, pictures)
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()

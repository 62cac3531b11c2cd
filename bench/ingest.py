"""Pictures a second from a folder into a library, beside what its parts reach alone.

Run: python bench/ingest.py [--pictures 1200] [--repeat 3] [--threads 0]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import vistazo
from vistazo.config import Settings
from vistazo.encoders.offline import OfflineEncoder
from vistazo.ingest.decode import decode
from vistazo.records import UInt8Array

SAMPLE = Path(__file__).parents[1] / "sample"
SIZES = ((1600, 1200), (1200, 1600), (1280, 960), (1024, 768))
ALONE = 400  # pictures for the encoder alone
NAIVE = 200  # pictures for the loop


def make_pictures(folder: Path, count: int) -> None:
    """Crops of the sample pictures, enlarged to sizes of photographs for the web."""
    chance = random.Random(1)
    paths = sorted(SAMPLE.glob("*/images/*.jpg"))
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as opened:
            image = opened.convert("RGB")
        share = chance.uniform(0.6, 1.0)
        width, height = int(image.width * share), int(image.height * share)
        left = chance.randrange(image.width - width + 1)
        top = chance.randrange(image.height - height + 1)
        size = chance.choice(SIZES)
        made = image.resize(size, box=(left, top, left + width, top + height))
        target = folder / f"{number % 20:02}" / f"{number:05}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        made.save(target, quality=88)


def encoder_alone(pixels: UInt8Array) -> float:
    """Seconds for all, in batches as the pipeline sends them."""
    encoder = OfflineEncoder()
    encoder.encode_pixels(pixels[:1])
    started = time.perf_counter()
    for start in range(0, len(pixels), 32):
        encoder.encode_pixels(pixels[start : start + 32])
    return time.perf_counter() - started


def naive(paths: list[Path]) -> float:
    """Seconds for a loop that decodes whole pictures and embeds them one by one."""
    encoder = OfflineEncoder()
    encoder.encode_images([Image.new("RGB", (8, 8))])
    started = time.perf_counter()
    for path in paths:
        with Image.open(path) as opened:
            encoder.encode_images([opened.convert("RGB")])
    return time.perf_counter() - started


def prepared(paths: list[Path]) -> UInt8Array:
    encoder = OfflineEncoder()
    side = encoder.input_side
    images = [decode(path.read_bytes(), min_side=side).image for path in paths]
    return np.stack([encoder.preprocess(image) for image in images])


def end_to_end(folder: Path, threads: int) -> tuple[float, float]:
    """Seconds of the first run, and of a second one that finds nothing to do."""
    home = Path(tempfile.mkdtemp())
    try:
        with vistazo.open(home / "library", settings=Settings(threads=threads)) as library:
            first = library.index(folder, encoder="offline")
            assert first.failed == 0
            second = library.index(folder)
            assert second.unchanged == first.added
        return first.seconds, second.seconds
    finally:
        shutil.rmtree(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder, options.pictures)
        paths = sorted(folder.rglob("*.jpg"))
        mean_kb = sum(path.stat().st_size for path in paths) / len(paths) / 1e3
        print(
            f"{len(paths)} JPEG pictures of 1024 x 768 to 1600 x 1200, {mean_kb:.0f} kB in the"
            f" mean; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        pixels = prepared(paths[:ALONE])
        rates: dict[str, list[float]] = {}
        for _ in range(options.repeat):  # in turns, so that all meet the same load
            first, second = end_to_end(folder, options.threads)
            found = {
                "index, end to end": len(paths) / first,
                "index again, unchanged": len(paths) / second,
                "encoder alone": len(pixels) / encoder_alone(pixels),
                "one by one": min(NAIVE, len(paths)) / naive(paths[:NAIVE]),
            }
            for what, rate in found.items():
                rates.setdefault(what, []).append(rate)
    base = statistics.median(rates["index, end to end"])
    print(f"{'':24}{'pictures/s':>11}{'best':>9}{'index / this':>14}")
    for what, found_rates in rates.items():
        rate = statistics.median(found_rates)
        print(f"{what:24}{rate:11.1f}{max(found_rates):9.1f}{base / rate:14.2f}")
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

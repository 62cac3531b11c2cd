"""Pictures a second from a folder into a library, beside what its parts reach alone.

Processor time is given too: it tells the same on a busy machine.

Run: python bench/folder.py [--pictures 1200] [--repeat 3] [--threads 0]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

import vistazo
from vistazo.config import Settings
from vistazo.encoders.offline import OfflineEncoder
from vistazo.ingest.decode import decode, thumbnail
from vistazo.records import UInt8Array

SAMPLE = Path(__file__).parents[1] / "sample"
SIZES = ((1600, 1200), (1200, 1600), (1280, 960), (1024, 768))
PART = 300  # pictures that the parts are measured with
RESULTS: dict[str, list[tuple[float, float]]] = {}


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


@contextmanager
def measured(what: str, count: int) -> Iterator[None]:
    """Note pictures a second, and milliseconds of processor time for each."""
    started, busy = time.perf_counter(), time.process_time()
    yield
    rate = count / (time.perf_counter() - started)
    RESULTS.setdefault(what, []).append((rate, (time.process_time() - busy) * 1000 / count))


def encoder_alone(pixels: UInt8Array) -> None:
    """Batches as the pipeline sends them."""
    encoder = OfflineEncoder()
    encoder.encode_pixels(pixels[:1])
    with measured("encoder alone", len(pixels)):
        for start in range(0, len(pixels), 32):
            encoder.encode_pixels(pixels[start : start + 32])


def preparing_alone(paths: list[Path]) -> None:
    """What one decoding thread does: read, decode, shrink, thumbnail."""
    encoder = OfflineEncoder()
    with measured("preparing, one thread", len(paths)):
        for path in paths:
            image = decode(path.read_bytes(), min_side=encoder.input_side).image
            encoder.preprocess(image)
            thumbnail(image)


def naive(paths: list[Path]) -> None:
    """A loop that decodes whole pictures and embeds them one by one."""
    encoder = OfflineEncoder()
    encoder.encode_images([Image.new("RGB", (8, 8))])
    with measured("naive loop", len(paths)):
        for path in paths:
            with Image.open(path) as opened:
                encoder.encode_images([opened.convert("RGB")])


def prepared(paths: list[Path]) -> UInt8Array:
    encoder = OfflineEncoder()
    side = encoder.input_side
    images = [decode(path.read_bytes(), min_side=side).image for path in paths]
    return np.stack([encoder.preprocess(image) for image in images])


def end_to_end(folder: Path, count: int, threads: int) -> None:
    """A first run, and a second one that finds nothing to do."""
    home = Path(tempfile.mkdtemp())
    try:
        with vistazo.open(home / "library", settings=Settings(threads=threads)) as library:
            with measured("index", count):
                assert library.index(folder, encoder="offline").added == count
            with measured("index again, unchanged", count):
                assert library.index(folder).unchanged == count
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
        pixels = prepared(paths[:PART])
        for _ in range(options.repeat):  # in turns, so that all meet the same load
            end_to_end(folder, len(paths), options.threads)
            encoder_alone(pixels)
            preparing_alone(paths[:PART])
            naive(paths[:PART])
    base = statistics.median(rate for rate, _ in RESULTS["index"])
    print(f"{'':24}{'pictures/s':>11}{'best':>9}{'index / this':>14}{'CPU ms each':>13}")
    for what, found in RESULTS.items():
        rate = statistics.median(rate for rate, _ in found)
        busy = statistics.median(busy for _, busy in found)
        best = max(rate for rate, _ in found)
        print(f"{what:24}{rate:11.1f}{best:9.1f}{base / rate:14.2f}{busy:13.1f}")
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

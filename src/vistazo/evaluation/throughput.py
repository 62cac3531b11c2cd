"""How many pictures a second: one after the other, through the encoder alone, and end to end."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import numpy as np
from PIL import Image

from vistazo.ingest.decode import decode

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder
    from vistazo.evaluation.loopback import Addresses
    from vistazo.records import UInt8Array

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """Pictures ready for an encoder, and what one thread took for that.

    Attributes:
        images: n decoded pictures, RGB.
        pixels: (n, side, side, 3) uint8, of the same.
        decode_s: seconds for all.
        preprocess_s: seconds for all.
    """

    images: Sequence[Image.Image]
    pixels: UInt8Array
    decode_s: float
    preprocess_s: float


def one_by_one(encoder: Encoder, source: Addresses, count: int) -> dict[str, float]:
    """Download, decode and embed one picture after the other, as a first script does.

    Args:
        count: at most as many as the source has.
    Returns:
        Seconds for `count` pictures by stage: download, decode, encode (with its preprocessing).
    Raises:
        httpx.HTTPError: the source's server does not answer.
    """
    spent = {"download": 0.0, "decode": 0.0, "encode": 0.0}
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        for number in range(-1, count):  # the first one warms up, and does not count
            times = [time.perf_counter()]
            data = client.get(source.address(max(number, 0))).content
            times.append(time.perf_counter())
            image = Image.open(io.BytesIO(data)).convert("RGB")
            times.append(time.perf_counter())
            encoder.encode_images([image])
            times.append(time.perf_counter())
            for at, stage in enumerate(spent):
                spent[stage] += times[at + 1] - times[at] if number >= 0 else 0.0
    return spent


def prepared(encoder: Encoder, pictures: Sequence[bytes]) -> Prepared:
    """Decode and preprocess in one thread.

    Raises:
        ImageError: a picture cannot be decoded.
    """
    started = time.perf_counter()
    images = [decode(data, min_side=encoder.input_side).image for data in pictures]
    decoded = time.perf_counter()
    pixels = np.stack([encoder.preprocess(image) for image in images])
    return Prepared(images, pixels, decoded - started, time.perf_counter() - decoded)


def encoder_alone(encoder: Encoder, images: Sequence[Image.Image], batch: int) -> float:
    """Seconds that the encoder takes for decoded pictures, its preprocessing included.

    Args:
        batch: pictures that are sent at a time, as indexing sends them.
    """
    return _timed(lambda start: encoder.encode_images(images[start : start + batch]), images, batch)


def network_alone(encoder: Encoder, pixels: UInt8Array, batch: int) -> float:
    """Seconds that the encoder takes for arrays that are ready.

    Args:
        pixels: (n, side, side, 3) uint8.
        batch: pictures that are sent at a time, as indexing sends them.
    """
    return _timed(lambda start: encoder.encode_pixels(pixels[start : start + batch]), pixels, batch)


def _timed(work: Callable[[int], object], things: Sized, batch: int) -> float:
    """Seconds for all things, a batch at a time."""
    started = time.perf_counter()
    for start in range(0, len(things), batch):
        work(start)
    return time.perf_counter() - started

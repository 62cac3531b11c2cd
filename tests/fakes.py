"""A deterministic encoder that sees colours: the mean colour of a picture, a colour's name."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from PIL import ImageColor
from PIL.Image import Image

from vistazo.records import EncoderSpec, Float32Array, UInt8Array

SIDE = 16
DIM = 4


class ColourEncoder:
    """Text "red" is the vector of a red picture; words that are no colours are grey.

    Args:
        fail_on: a colour (r, g, b) whose pictures make a whole batch fail.
    """

    notice = "The fake encoder knows colours."
    input_side = SIDE

    def __init__(
        self,
        *,
        name: str = "colours",
        checksum: str = "c0105",
        fail_on: tuple[int, int, int] | None = None,
    ) -> None:
        self.spec = EncoderSpec(name, DIM, checksum)
        self.embedded = 0
        self._counting = threading.Lock()
        self._fail_on = fail_on

    def preprocess(self, image: Image) -> UInt8Array:
        return np.array(image.convert("RGB").resize((SIDE, SIDE)), dtype=np.uint8)

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1)
        if self._fail_on is not None and (np.abs(means - self._fail_on) < 4).all(axis=1).any():
            raise RuntimeError("this colour is too much")
        with self._counting:
            self.embedded += len(pixels)
        return _unit(means)

    def encode_images(self, images: Sequence[Image]) -> Float32Array:
        return self.encode_pixels(np.stack([self.preprocess(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        return _unit(np.array([_colour(text) for text in texts], dtype=np.float64))


def _colour(text: str) -> tuple[int, int, int]:
    for word in text.lower().split():
        try:
            return ImageColor.getrgb(word)[:3]
        except ValueError:
            continue
    return (128, 128, 128)


def _unit(colours: np.ndarray) -> Float32Array:
    vectors = np.concatenate([colours / 255 - 0.5, np.full((len(colours), 1), 0.1)], axis=1)
    unit: Float32Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")
    return unit


class WideEncoder(ColourEncoder):
    """Another space: six numbers, and every colour is its opposite there.

    Args:
        fail_on: as for `ColourEncoder`.
    """

    def __init__(self, *, name: str = "wide", fail_on: tuple[int, int, int] | None = None) -> None:
        super().__init__(name=name, fail_on=fail_on)
        self.spec = EncoderSpec(name, 6, "31de")

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        return _wide(super().encode_pixels(pixels))

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        return _wide(super().encode_texts(texts))


def _wide(vectors: Float32Array) -> Float32Array:
    wide: Float32Array = np.concatenate([-vectors, np.zeros((len(vectors), 2), "f4")], axis=1)
    return wide

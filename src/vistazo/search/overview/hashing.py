"""Perceptual hashes: 64 bits of a picture that survive another size, format and quality.

A pHash: the picture as 32 x 32 greys, the lowest 8 x 8 frequencies of their cosine transform, and of
each of these whether it is above their median.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Two pictures are near-duplicates when their vectors and their hashes both say so. Of the sample's
# 395 pictures, made half as large, brighter by a fifth, of JPEG quality 30, or with a line of text
# added, 95 to 100 % are found so; with 2 % cut off each side 89 to 100 %, with 5 % 40 to 61 %, and
# mirrored ones not at all. Of the 77,815 pairs among them 8 are found: one picture that is there
# twice, and drawings that differ in a detail. See docs/searching.md.
MIN_COSINE = 0.85
MAX_BITS = 10
# For pictures that came with their vector and were never seen; 7 of the pairs above reach it.
MIN_COSINE_ALONE = 0.98

_READ = 256  # thumbnails at once
_SIDE, _KEPT = 32, 8
_LINES = np.arange(_KEPT)[:, None] * (2 * np.arange(_SIDE)[None, :] + 1)
_COSINES = np.cos(np.pi * _LINES / (2 * _SIDE)).astype(np.float32)  # DCT-II without its factors


def perceptual_hash(image: bytes) -> int | None:
    """The 64 bits of a picture's bytes, such as a thumbnail's; None where they cannot be read."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            # JPEG can be decoded at an eighth of its size; other formats ignore it.
            opened.draft("L", (2 * _SIDE, 2 * _SIDE))
            small = opened.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    except (OSError, ValueError):
        return None
    grey = np.asarray(small, dtype=np.float32)
    low = (_COSINES @ grey @ _COSINES.T).ravel()
    bits = low > np.median(low[1:])  # the first is the mean grey, far from all others
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distances(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """In how many bits hashes differ, one by one."""
    different = np.bitwise_xor(first, second)
    bits = np.unpackbits(different.view(np.uint8).reshape(-1, 8), axis=1)
    counts: NDArray[np.uint8] = bits.sum(axis=1, dtype=np.uint8)
    return counts


class Hashes:
    """Hashes of photos, each made from its thumbnail when it is first asked for.

    Args:
        ids: of photos, which are known by their places among them.
        thumbnails: gives bytes by photo id.
    """

    def __init__(
        self, ids: Sequence[str], thumbnails: Callable[[Sequence[str]], Mapping[str, bytes]]
    ) -> None:
        self._ids = ids
        self._thumbnails = thumbnails
        self._hashes = np.zeros(len(ids), dtype=np.uint64)
        self._state = np.zeros(len(ids), dtype=np.int8)  # 0 not asked for, 1 there, -1 none

    def agree(
        self,
        first: NDArray[np.intp],
        second: NDArray[np.intp],
        cosines: NDArray[np.float32],
    ) -> NDArray[np.bool_]:
        """Which pairs of places, all of at least `MIN_COSINE`, are near-duplicates."""
        self._make(np.union1d(first, second))
        seen = (self._state[first] > 0) & (self._state[second] > 0)
        bits = distances(self._hashes[first], self._hashes[second])
        near: NDArray[np.bool_] = np.where(seen, bits <= MAX_BITS, cosines >= MIN_COSINE_ALONE)
        return near

    def bits(self, first: int, second: int) -> int | None:
        """In how many bits two photos differ; None where one was never seen."""
        self._make(np.array([first, second]))
        if min(self._state[first], self._state[second]) < 0:
            return None
        return int(distances(self._hashes[[first]], self._hashes[[second]])[0])

    def _make(self, places: NDArray[np.intp]) -> None:
        new = places[self._state[places] == 0]
        if not len(new):
            return
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for at in range(0, len(new), _READ):
                part = new[at : at + _READ]
                ids = [self._ids[place] for place in part]
                images = self._thumbnails(ids)
                made = threads.map(perceptual_hash, [images.get(each, b"") for each in ids])
                for place, found in zip(part, made, strict=True):
                    self._state[place] = -1 if found is None else 1
                    self._hashes[place] = found or 0

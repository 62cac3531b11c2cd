"""Photos in memory without a database."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vistazo.search.memory.segment import Segment
from vistazo.store.copying import Listing


def unit(numbers: np.ndarray) -> np.ndarray:
    made: np.ndarray = numbers / np.linalg.norm(numbers, axis=-1, keepdims=True)
    return made.astype(np.float32)


def key_of(number: int) -> int:
    """What stands for the hash of an id."""
    return (number * 0x9E3779B97F4A7C15 + 1) % 2**64


def segment(vectors: np.ndarray, first: int = 0) -> Segment:
    """Photos `p000000` and so on, from `first`, with these vectors."""
    numbers = range(first, first + len(vectors))
    ids = [f"p{number:06}" for number in numbers]
    keys = np.array([key_of(number) for number in numbers], dtype=np.uint64)
    attributes = pa.array([[("n", str(n))] for n in numbers], pa.map_(pa.string(), pa.string()))
    columns = pa.table(
        {
            "photo_id": ids,
            "photo_image_url": [f"file:///{number}.jpg" for number in numbers],
            "description": [f"photo {number}" for number in numbers],
            "width": pa.array([100 + number for number in numbers], pa.uint32()),
            "height": pa.array([50] * len(ids), pa.uint32()),
            "attributes": attributes,
        }
    )
    return Segment(Listing(pa.array(ids), keys, keys[::-1].copy()), vectors, columns)

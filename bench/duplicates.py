"""Seconds and memory that looking for duplicates takes.

Photos are synthetic: vectors in clusters as in `bench/knn.py`, and each has a thumbnail of its own
(soft spots of colour, 320 pixels, WebP), so that hashing costs what it does. A tenth are
near-duplicates of another photo: a vector that is close and a thumbnail of another quality. A
hundredth have the same bytes as another.

Run: python bench/duplicates.py [--photos 20000]
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time

import numpy as np
from PIL import Image

import vistazo
from knn import clustered
from vistazo.encoders import registry
from vistazo.opening import open_here
from vistazo.records import Float32Array, Photo
from vistazo.store.store import NewPhoto

CHUNK = 1000


def thumbnail(seed: int, quality: int) -> bytes:
    spots = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(spots).resize((320, 240), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, method=0)
    return file.getvalue()


def fill(library: vistazo.Library, count: int) -> tuple[int, int]:
    """How many near and how many exact copies there are among the photos."""
    encoder = registry.create("offline")
    library._store.record_encoder(encoder.spec)
    near, exact = count // 10, count // 100
    vectors = clustered(count - near - exact, encoder.spec.dim, seed=7)
    chance = np.random.default_rng(8)
    noise = chance.standard_normal((near, encoder.spec.dim), dtype=np.float32) * np.float32(0.01)
    close = vectors[:near] + noise
    close /= np.linalg.norm(close, axis=1, keepdims=True)
    rows = [(number, vector, 75, 100) for number, vector in enumerate(vectors)]
    rows += [(number, vector, 40, 90) for number, vector in enumerate(close)]
    rows += [(near + number, vectors[near + number], 75, 100) for number in range(exact)]
    for begin in range(0, count, CHUNK):
        library._store.replace(
            [_photo(begin + i, *row) for i, row in enumerate(rows[begin : begin + CHUNK])]
        )
    return near, exact


def _photo(number: int, seed: int, vector: Float32Array, quality: int, side: int) -> NewPhoto:
    photo = Photo(
        photo_id=f"{number:011d}",
        url=f"file:///photos/{number}.jpg",
        width=side,
        height=side,
        content_hash=f"{seed * 1000 + quality:032x}",
    )
    return NewPhoto(photo, vector, thumbnail(seed, quality))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=20_000)
    count = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as folder, open_here(folder) as library:
        near, exact = fill(library, count)
        for only_exact in (True, False):
            before, started, busy = peak_mb(), time.perf_counter(), time.process_time()
            groups = library.duplicates(exact=only_exact)
            seconds, busy = time.perf_counter() - started, time.process_time() - busy
            copies = [copy for group in groups for copy in group.copies]
            found = {kind: sum(copy.kind == kind for copy in copies) for kind in ("near", "exact")}
            print(
                f"{count:,} photos, {'exact' if only_exact else 'all'}: {seconds:.1f} s"
                f" ({busy:.1f} s of processor), peak {peak_mb():.0f} MB (before {before:.0f}); found {found['near']:,} of"
                f" {near if not only_exact else 0:,} near and {found['exact']:,} of {exact:,} exact"
            )


if __name__ == "__main__":
    main()

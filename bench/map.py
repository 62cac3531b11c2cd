"""Seconds and memory that a map of photos takes, and how much of who is near whom it keeps.

The vectors are synthetic, in clusters of about 50 as in `bench/knn.py`; captions name the cluster.
What is kept: the share of a photo's ten nearest by their vectors that are among its ten nearest on
the map, over a thousand photos, beside the same for the first two principal axes.

Run: python bench/map.py [--photos 25000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time

import numpy as np

from knn import clustered
from vistazo.encoders import registry
from vistazo.opening import open_here
from vistazo.records import Float32Array, Metadata, Photo
from vistazo.store.store import NewPhoto

CHUNK, ASKED, NEAREST = 1000, 1000, 10


def kept(vectors: Float32Array, points: Float32Array) -> float:
    chosen = np.random.default_rng(1).choice(len(vectors), ASKED, replace=False)
    scores = vectors[chosen] @ vectors.T
    apart = ((points[chosen, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    scores[np.arange(ASKED), chosen] = -np.inf
    apart[np.arange(ASKED), chosen] = np.inf
    right = np.argpartition(-scores, NEAREST, axis=1)[:, :NEAREST]
    shown = np.argpartition(apart, NEAREST, axis=1)[:, :NEAREST]
    same = [len(set(a) & set(b)) for a, b in zip(right.tolist(), shown.tolist(), strict=True)]
    return float(np.mean(same)) / NEAREST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=25_000)
    count = parser.parse_args().photos
    encoder = registry.create("offline")
    vectors = clustered(count, encoder.spec.dim, seed=3)
    with tempfile.TemporaryDirectory() as folder, open_here(folder) as library:
        library._store.record_encoder(encoder.spec)
        for begin in range(0, count, CHUNK):
            library._store.replace(
                [
                    NewPhoto(
                        Photo(
                            f"{begin + i:011d}",
                            f"file:///{begin + i}.jpg",
                            1,
                            1,
                            metadata=Metadata(description=f"kind {chr(97 + i % 26) * 4}"),
                        ),
                        vector,
                        b"",
                    )
                    for i, vector in enumerate(vectors[begin : begin + CHUNK])
                ]
            )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started, busy = time.perf_counter(), time.process_time()
        made = library.map()
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [int(place.photo_id) for place in made.places]
    points = np.array([(place.x, place.y) for place in made.places], dtype=np.float32)
    shown = vectors[rows]
    centred = shown - shown.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -2:]
    print(
        f"{count:,} photos, {len(made.themes)} themes: {seconds:.1f} s ({busy:.1f} s of processor),"
        f" peak {after:.0f} MB (before {before:.0f}); of the {NEAREST} nearest the map keeps"
        f" {kept(shown, points):.1%}, two principal axes {kept(shown, centred @ axes):.1%}"
    )


if __name__ == "__main__":
    main()

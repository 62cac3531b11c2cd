"""Vectors of many numbers as points of a plane, like ones near each other.

This is PaCMAP (Wang, Huang, Rudin and Shaposhnik, JMLR 22 (2021) 201), with its own numbers: pairs of
neighbours attract, pairs that are moderately near hold the whole together at first, and pairs by
chance repel. Written anew with NumPy, where every step is a few operations on whole arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from vistazo.records import Float32Array

METHOD = "pacmap"
_DIMENSIONS = 100  # kept by PCA
_STEPS = (100, 100, 250)
_EXTRA = 50  # neighbours that are looked at beyond those that are kept
_BLOCK = 1024


def in_the_plane(
    vectors: Float32Array, seed: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> Float32Array:
    """A point for every vector: (n, 2) float32, each coordinate from 0 to 1.

    Args:
        vectors: (n, dim) float32.
        seed: of what is left to chance; the same one gives the same plane.
        on_progress: called with how many steps were taken, and how many there are.
    """
    count = len(vectors)
    if count < 3:
        return np.linspace(0.25, 0.75, 2 * count, dtype=np.float32).reshape(count, 2)
    reduced = _principal(vectors)
    chance = np.random.default_rng(seed)
    kept = 10 if count < 10_000 else round(10 + 15 * (np.log10(count) - 4))
    kept = min(kept, count - 1)
    near = _neighbours(reduced, kept)
    middle = _middling(reduced, max(1, round(0.5 * kept)), chance)
    far = chance.integers(0, count, (count, 2 * kept))
    points = 0.01 * reduced[:, :2]
    if points.shape[1] < 2:
        points = np.hstack([points, np.zeros((count, 1), np.float32)])
    points = _settled(points, near, middle, far, on_progress)
    low, high = points.min(axis=0), points.max(axis=0)
    scaled: Float32Array = ((points - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
    return scaled


def _principal(vectors: Float32Array) -> Float32Array:
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    most = axes[:, np.argsort(-values)[:_DIMENSIONS]]
    # The sign of an axis is the solver's whim.
    most *= np.sign(most[np.abs(most).argmax(axis=0), np.arange(most.shape[1])])
    reduced: Float32Array = (centred @ most.astype(np.float32)).astype(np.float32)
    # As if every unit vector had been scaled so that squared distances are some hundreds.
    return reduced * np.float32(100 / max(float(np.abs(reduced).max()), 1e-9))


def _neighbours(vectors: Float32Array, kept: int) -> NDArray[np.intp]:
    """(n, kept): those with the least distance, scaled by how dense it is around both."""
    count = len(vectors)
    looked = min(kept + _EXTRA, count - 1)
    squares = (vectors**2).sum(axis=1)
    nearest = np.empty((count, looked), dtype=np.intp)
    distances = np.empty((count, looked), dtype=np.float32)
    for at in range(0, count, _BLOCK):
        part = vectors[at : at + _BLOCK]
        found = squares[None, :] - 2 * (part @ vectors.T) + squares[at : at + len(part), None]
        found[np.arange(len(part)), np.arange(at, at + len(part))] = np.inf
        places = np.argpartition(found, looked - 1, axis=1)[:, :looked]
        values = np.take_along_axis(found, places, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        nearest[at : at + len(part)] = np.take_along_axis(places, order, axis=1)
        distances[at : at + len(part)] = np.take_along_axis(values, order, axis=1)
    local = np.sqrt(np.maximum(distances[:, 3:6], 0)).mean(axis=1) if looked > 5 else None
    if local is None:
        return nearest[:, :kept]
    scale = np.maximum(local, 1e-6)
    scaled = distances / scale[:, None] / scale[nearest]
    best = np.argsort(scaled, axis=1, kind="stable")[:, :kept]
    return np.take_along_axis(nearest, best, axis=1)


def _middling(vectors: Float32Array, kept: int, chance: np.random.Generator) -> NDArray[np.intp]:
    """(n, kept): each the second nearest of six by chance."""
    count = len(vectors)
    chosen = np.empty((count, kept), dtype=np.intp)
    for at in range(0, count, _BLOCK):
        part = vectors[at : at + _BLOCK]
        for number in range(kept):
            six = chance.integers(0, count, (len(part), 6))
            distances = ((vectors[six] - part[:, None, :]) ** 2).sum(axis=2)
            second = np.argpartition(distances, 1, axis=1)[:, 1]
            chosen[at : at + len(part), number] = six[np.arange(len(part)), second]
    return chosen


def _settled(
    points: Float32Array,
    near: NDArray[np.intp],
    middle: NDArray[np.intp],
    far: NDArray[np.intp],
    on_progress: Callable[[int, int], None] | None,
) -> Float32Array:
    """Where the points end, by Adam with the paper's weights."""
    points = points.astype(np.float32)
    first, second = np.zeros_like(points), np.zeros_like(points)
    total = sum(_STEPS)
    for step in range(total):
        if on_progress is not None:
            on_progress(step, total)
        if step < _STEPS[0]:
            share = step / _STEPS[0]
            weights = (2.0, 1000.0 * (1 - share) + 3.0 * share, 1.0)
        elif step < _STEPS[0] + _STEPS[1]:
            weights = (3.0, 3.0, 1.0)
        else:
            weights = (1.0, 0.0, 1.0)
        slope = _slope(points, near, weights[0], 10.0, 1)
        if weights[1]:
            slope += _slope(points, middle, weights[1], 10_000.0, 1)
        slope += _slope(points, far, weights[2], 1.0, -1)
        first += 0.1 * (slope - first)
        second += 0.001 * (slope**2 - second)
        rate = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        points -= rate * first / (np.sqrt(second) + 1e-7)
    return points


def _slope(
    points: Float32Array, others: NDArray[np.intp], weight: float, scale: float, sign: int
) -> Float32Array:
    """The gradient of weight * d / (scale + d), or of weight / (scale + d) to repel, over pairs.

    d is the squared distance and 1.
    """
    apart = points[:, None, :] - points[others]
    distances = 1 + (apart**2).sum(axis=2)
    pull = np.float32(sign * weight * 2 * (scale if sign > 0 else 1)) / (scale + distances) ** 2
    apart *= pull[:, :, None]
    slope: Float32Array = apart.sum(axis=1)
    flat, count = others.ravel(), len(points)
    for axis in (0, 1):
        slope[:, axis] -= np.bincount(flat, apart[:, :, axis].ravel(), count)
    return slope

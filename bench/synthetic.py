"""Synthetic photos for the benchmarks: vectors of two shapes, queries, a filter, and the truth.

Made once for each shape and size and kept as files, so that every competitor sees the same.

`clustered`: unit vectors around n / 50 centres; queries are more of the same.
`anisotropic`: as CLIP's are. All vectors lie in a narrow cone (two pictures have a cosine of about
0.5), their variance falls off over the directions by a power law, and queries are texts: they lie
in a cone of their own, with cosines of 0.2 to 0.4 to the pictures nearest to them.

Every photo has a `rank` from 1 to 1000 by chance: `rank <= 10` keeps 1 % of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistazo.records import Float32Array

SHAPES = ("clustered", "anisotropic")
SHARES = (1000, 500, 100, 10, 1)  # of 1000 photos that a filter keeps; 1000 is no filter
BLOCK = 10_000
K = 10


def name_of(number: int) -> str:
    """The id of a photo."""
    return f"{number:011d}"


def clustered(chance: np.random.Generator, centres: Float32Array, rows: int) -> Float32Array:
    """(rows, dim) unit vectors; two of one cluster have a cosine of about 0.67."""
    around = chance.standard_normal((rows, centres.shape[1]), dtype=np.float32)
    return _unit(centres[chance.integers(len(centres), size=rows)] + np.float32(0.7) * around)


class Cones:
    """Pictures and texts as CLIP places them."""

    def __init__(self, chance: np.random.Generator, dim: int, clusters: int) -> None:
        self._chance = chance
        falling = np.arange(1, dim + 1, dtype=np.float32) ** -0.5
        self._scale = falling / np.linalg.norm(falling)
        self._centres = chance.standard_normal((clusters, dim), dtype=np.float32) * self._scale
        self._pictures, self._texts = _unit(chance.standard_normal((2, dim), dtype=np.float32))

    def pictures(self, rows: int) -> Float32Array:
        """(rows, dim) unit vectors of pictures."""
        return _unit(self._pictures + self._content(rows))

    def texts(self, rows: int) -> Float32Array:
        """(rows, dim) unit vectors of texts that say what some picture would show."""
        noise = self._chance.standard_normal((rows, len(self._scale)), dtype=np.float32)
        said = self._content(rows) + np.float32(0.5) * noise * self._scale
        return _unit(np.float32(1.2) * self._texts + said)

    def _content(self, rows: int) -> Float32Array:
        own = self._chance.standard_normal((rows, len(self._scale)), dtype=np.float32)
        chosen = self._centres[self._chance.integers(len(self._centres), size=rows)]
        content: Float32Array = np.float32(0.7) * (chosen + own * self._scale)
        return content


def _unit(vectors: Float32Array) -> Float32Array:
    unit: Float32Array = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


@dataclass(frozen=True)
class World:
    """Photos of one shape and size, as files in a folder.

    Attributes:
        rows: how many photos.
        dim: numbers of a vector.
    """

    folder: Path
    shape: str
    rows: int
    dim: int

    def blocks(self) -> Iterator[tuple[int, Float32Array]]:
        """(number of the first row, (up to 10,000, dim) float32) one after the other.

        They are read, not mapped: a mapping would count as memory of the competitor.
        """
        with (self.folder / "vectors.f32").open("rb") as file:
            for begin in range(0, self.rows, BLOCK):
                count = min(BLOCK, self.rows - begin)
                numbers = np.fromfile(file, np.float32, count * self.dim)
                yield begin, numbers.reshape(count, self.dim)

    def vectors(self, first: int | None = None) -> Float32Array:
        """(rows, dim) float32, all of them, or at most so many of the first."""
        rows = self.rows if first is None else min(first, self.rows)
        whole = np.empty((rows, self.dim), np.float32)
        for begin, block in self.blocks():
            if begin >= rows:
                break
            whole[begin : begin + len(block)] = block[: rows - begin]
        return whole

    @property
    def ranks(self) -> NDArray[np.int32]:
        """(rows,) int32, 1 to 1000."""
        ranks: NDArray[np.int32] = np.load(self.folder / "ranks.npy")
        return ranks

    @property
    def queries(self) -> Float32Array:
        """(queries, dim) float32 unit vectors."""
        queries: Float32Array = np.load(self.folder / "queries.npy")
        return queries

    def truth(self, share: int) -> NDArray[np.int64]:
        """(queries, k) numbers of the nearest photos; fewer columns where fewer match."""
        truth: NDArray[np.int64] = np.load(self.folder / f"truth-{share}.npy")
        return truth


def world(home: Path, shape: str, rows: int, *, dim: int = 512, queries: int = 200) -> World:
    """Make the files, or take those of an earlier run."""
    made = World(home / f"{shape}-{rows}", shape, rows, dim)
    done = made.folder / "done"
    if done.exists() and done.read_text() == f"{dim} {queries}":
        return made
    made.folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(1)
    clusters = max(1, rows // 50)
    centres = chance.standard_normal((clusters, dim), dtype=np.float32)
    cones = Cones(chance, dim, clusters)
    with (made.folder / "vectors.f32").open("wb") as file:
        for begin in range(0, rows, BLOCK):
            count = min(BLOCK, rows - begin)
            pictures = shape == "anisotropic"
            block = cones.pictures(count) if pictures else clustered(chance, centres, count)
            block.tofile(file)
    asked = cones.texts(queries) if shape == "anisotropic" else clustered(chance, centres, queries)
    np.save(made.folder / "queries.npy", asked)
    np.save(made.folder / "ranks.npy", chance.integers(1, 1001, rows).astype(np.int32))
    for share, truth in _truths(made).items():
        np.save(made.folder / f"truth-{share}.npy", truth)
    done.write_text(f"{dim} {queries}")
    return made


def _truths(made: World) -> dict[int, NDArray[np.int64]]:
    """The exact answers, a block of photos after the other."""
    queries, ranks = made.queries, made.ranks
    best = {share: np.empty((len(queries), 0), np.float32) for share in SHARES}
    rows = {share: np.empty((len(queries), 0), np.int64) for share in SHARES}
    for begin, block in made.blocks():
        scores = queries @ block.T
        numbers = np.arange(begin, begin + len(block))
        for share in SHARES:
            kept = ranks[numbers] <= share
            both = np.hstack([best[share], scores[:, kept]])
            named = np.hstack([rows[share], np.broadcast_to(numbers[kept], scores[:, kept].shape)])
            first = np.argsort(-both, axis=1, kind="stable")[:, :K]
            best[share] = np.take_along_axis(both, first, 1)
            rows[share] = np.take_along_axis(named, first, 1)
    return rows

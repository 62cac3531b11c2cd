"""Photos that belong together, and the words that tell them from the others."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vistazo.records import Float32Array

WORDS = 3
MAX_THEMES = 60
_ROUNDS = 40
# Of a theme's photos as many must have words, or the encoder is asked.
_ENOUGH = 0.3
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP = frozenset(
    [
        "the",
        "and",
        "with",
        "for",
        "from",
        "that",
        "this",
        "are",
        "was",
        "were",
        "has",
        "have",
        "its",
        "his",
        "her",
        "their",
        "our",
        "your",
        "into",
        "over",
        "under",
        "near",
        "onto",
        "some",
        "very",
        "two",
        "three",
        "one",
        "small",
        "large",
        "against",
        "through",
        "behind",
        "between",
        "out",
        "off",
        "while",
        "there",
        "not",
        "but",
        "los",
        "las",
        "una",
        "uno",
        "unos",
        "unas",
        "del",
        "con",
        "por",
        "para",
        "que",
        "sobre",
        "entre",
        "muy",
        "les",
        "des",
        "une",
        "aux",
        "dans",
        "avec",
        "sur",
        "pour",
        "est",
        "der",
        "die",
        "das",
        "und",
        "mit",
        "ein",
        "eine",
        "einer",
        "einem",
        "auf",
        "vor",
        "von",
        "dem",
        "den",
        "im",
        "photo",
        "photos",
        "image",
        "picture",
        "pictures",
        "jpg",
    ]
)
# What the encoder is asked for where captions say nothing.
VOCABULARY = [
    "people",
    "man",
    "woman",
    "child",
    "baby",
    "crowd",
    "face",
    "hands",
    "dog",
    "cat",
    "bird",
    "horse",
    "fish",
    "insect",
    "butterfly",
    "animal",
    "farm",
    "flower",
    "tree",
    "forest",
    "leaf",
    "grass",
    "garden",
    "fruit",
    "vegetable",
    "food",
    "bread",
    "cake",
    "drink",
    "coffee",
    "table",
    "kitchen",
    "mountain",
    "hill",
    "valley",
    "desert",
    "rock",
    "snow",
    "ice",
    "river",
    "waterfall",
    "lake",
    "sea",
    "beach",
    "wave",
    "island",
    "sky",
    "cloud",
    "sunset",
    "night",
    "star",
    "moon",
    "rain",
    "fog",
    "autumn",
    "winter",
    "city",
    "street",
    "building",
    "house",
    "church",
    "tower",
    "bridge",
    "castle",
    "window",
    "door",
    "stairs",
    "room",
    "bed",
    "chair",
    "car",
    "truck",
    "bus",
    "train",
    "railway",
    "bicycle",
    "motorcycle",
    "ship",
    "boat",
    "aircraft",
    "rocket",
    "road",
    "sport",
    "ball",
    "music",
    "guitar",
    "piano",
    "book",
    "paper",
    "computer",
    "telephone",
    "camera",
    "clock",
    "tool",
    "machine",
    "weapon",
    "clothes",
    "shoe",
    "hat",
    "jewellery",
    "toy",
    "drawing",
    "sign",
    "flag",
    "light",
    "lamp",
    "fire",
    "pattern",
    "texture",
    "wood",
    "stone",
    "metal",
    "glass",
]


def default_themes(photos: int) -> int:
    """How many themes a map of so many photos has unless told otherwise."""
    return max(1, min(24, photos, round(math.sqrt(photos) / 2)))


def clusters(vectors: Float32Array, count: int, seed: int = 0) -> NDArray[np.intp]:
    """For each vector its cluster, 0 the largest, by k-means on the sphere.

    Args:
        vectors: (n, dim) float32 of norm 1.
        count: how many; fewer come back when some would be empty.
    """
    chance = np.random.default_rng(seed)
    centres = _spread(vectors, min(count, len(vectors)), chance)
    known = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        near = (vectors @ centres.T).argmax(axis=1)
        if (near == known).all():
            break
        known = near
        sums = np.zeros_like(centres)
        np.add.at(sums, near, vectors)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-9), centres)
    sizes = np.bincount(known, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ranked: NDArray[np.intp] = rank[known]
    return ranked


def _spread(vectors: Float32Array, count: int, chance: np.random.Generator) -> Float32Array:
    """k-means++: each next centre by chance, likelier the farther it is from those there are."""
    centres = [vectors[chance.integers(len(vectors))]]
    distance = np.maximum(1 - vectors @ centres[0], 0).astype(np.float64)
    while len(centres) < count:
        total = distance.sum()
        if total <= 1e-9:
            break
        centres.append(vectors[chance.choice(len(vectors), p=distance / total)])
        distance = np.minimum(distance, np.maximum(1 - vectors @ centres[-1], 0))
    return np.array(centres)


def telling_words(
    texts: Sequence[str], cluster: NDArray[np.intp], count: int
) -> list[tuple[str, ...] | None]:
    """For each cluster the words that tell it from the others; None where too few photos have any.

    Words weigh by class-based TF-IDF: how often they are in the cluster, by how rare they are in all.

    Source:
        Grootendorst, BERTopic, arXiv:2203.05794, section 3.3.
    """
    words = [{word for word in _WORD.findall(text.lower()) if word not in _STOP} for text in texts]
    counts = [Counter[str]() for _ in range(count)]
    said = np.zeros(count, dtype=int)
    for found, number in zip(words, cluster.tolist(), strict=True):
        counts[number].update(found)
        said[number] += bool(found)
    everywhere = sum(counts, Counter[str]())
    mean = everywhere.total() / max(1, count)
    sizes = np.bincount(cluster, minlength=count)
    named: list[tuple[str, ...] | None] = []
    for number, own in enumerate(counts):
        if said[number] < _ENOUGH * sizes[number]:
            named.append(None)
            continue
        # A word of one photo says nothing of the others, unless all are so few.
        least = 2 if sizes[number] >= 6 else 1
        weights = {
            word: times / own.total() * np.log(1 + mean / everywhere[word])
            for word, times in own.items()
            if times >= least
        }
        best = sorted(weights, key=lambda word: (-weights[word], word))
        named.append(tuple(best[:WORDS]) or None)
    return named


def encoder_words(
    centres: Float32Array, encode: Callable[[Sequence[str]], Float32Array]
) -> list[tuple[str, ...]]:
    """For each cluster the words of `VOCABULARY` that its middle is nearer to than the others are.

    Args:
        centres: (count, dim), the means of the clusters' vectors.
    """
    likeness = centres @ encode(VOCABULARY).T
    telling = likeness - likeness.mean(axis=0)
    best = np.argsort(-telling, axis=1, kind="stable")[:, :WORDS]
    return [tuple(VOCABULARY[place] for place in row) for row in best.tolist()]

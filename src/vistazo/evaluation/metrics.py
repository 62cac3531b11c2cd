"""Measures of a ranking, each per query, and how far chance could have moved their means.

A query's outcome is the ranks of what it should find: whole numbers from 1, ascending, ties in the
ranking already broken. What lies behind the ranking's end has no rank, but counts as to be found.

Recall@k is that of the papers on CLIP and of LAION's CLIP_benchmark
(`clip_benchmark/metrics/zeroshot_retrieval.py`): 1 when anything to be found is among the first k,
else 0. With several things to be found it is not the share of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

NDCG_K = 10
RECALL_KS = (1, 5, 10)
RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one query.

    Attributes:
        ranks: (m,) int64, ascending, of what was found.
        relevant: how many there are to be found, at least m and at least 1.
    """

    ranks: IntArray
    relevant: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries, with the interval that 95 % of the resampled means lie in."""

    value: float
    low: float
    high: float


def recall_at(outcome: Outcome, k: int) -> float:
    """1 when anything to be found is among the first k, else 0."""
    return float(len(outcome.ranks) > 0 and outcome.ranks[0] <= k)


def reciprocal_rank(outcome: Outcome) -> float:
    """1 / the rank of the first that was to be found; 0 when none was found."""
    return float(1 / outcome.ranks[0]) if len(outcome.ranks) else 0.0


def average_precision(outcome: Outcome) -> float:
    """The precision at each rank that was to be found, averaged over all that were."""
    hits = np.arange(1, len(outcome.ranks) + 1)
    return float((hits / outcome.ranks).sum() / outcome.relevant)


def ndcg_at(outcome: Outcome, k: int) -> float:
    """Discounted gain of the first k, 1 / log2(rank + 1) for each that was to be found, by the best.

    Source:
        Järvelin and Kekäläinen, doi:10.1145/582415.582418, with gains of 0 and 1.
    """
    gained = 1 / np.log2(outcome.ranks[outcome.ranks <= k] + 1)
    best = 1 / np.log2(np.arange(1, min(outcome.relevant, k) + 1) + 1)
    return float(gained.sum() / best.sum())


def measured(outcomes: Sequence[Outcome], groups: Sequence[int]) -> dict[str, Estimate]:
    """Every measure by its name.

    Args:
        outcomes: n queries, at least one.
        groups: n numbers; queries of the same number, such as the captions of one picture, are
            drawn together, because they rise and fall together.
    """
    columns = {f"recall@{k}": [recall_at(each, k) for each in outcomes] for k in RECALL_KS}
    columns["mrr"] = [reciprocal_rank(each) for each in outcomes]
    columns["map"] = [average_precision(each) for each in outcomes]
    columns[f"ndcg@{NDCG_K}"] = [ndcg_at(each, NDCG_K) for each in outcomes]
    values = np.asarray(list(columns.values()), dtype=np.float64).T
    estimates = bootstrapped(values, np.asarray(groups))
    return dict(zip(columns, estimates, strict=True))


def bootstrapped(values: Float64Array, groups: NDArray[np.int_], seed: int = 0) -> list[Estimate]:
    """Means of columns with their percentile intervals, groups resampled with replacement.

    Args:
        values: (n, m).
        groups: (n,).
    """
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    sizes = np.bincount(group, minlength=count).astype(np.float64)
    sums = np.stack([np.bincount(group, column, count) for column in values.T], axis=1)
    chance = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, values.shape[1]))
    for number in range(RESAMPLES):
        drawn = np.bincount(chance.integers(0, count, count), minlength=count)
        means[number] = drawn @ sums / (drawn @ sizes)
    edge = (1 - LEVEL) / 2
    low, high = np.quantile(means, [edge, 1 - edge], axis=0)
    return [
        Estimate(float(value), float(least), float(most))
        for value, least, most in zip(values.mean(axis=0), low, high, strict=True)
    ]

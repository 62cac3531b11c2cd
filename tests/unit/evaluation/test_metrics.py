"""Measures on cases small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vistazo.evaluation.metrics import (
    Outcome,
    average_precision,
    bootstrapped,
    measured,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)


def outcome(*ranks: int, relevant: int | None = None) -> Outcome:
    return Outcome(np.array(ranks, dtype=np.int64), relevant or len(ranks))


def test_one_thing_to_find() -> None:
    third = outcome(3)
    assert [recall_at(third, k) for k in (1, 2, 3, 10)] == [0, 0, 1, 1]
    assert reciprocal_rank(third) == average_precision(third) == pytest.approx(1 / 3)
    assert ndcg_at(third, 10) == pytest.approx(1 / math.log2(4))
    assert ndcg_at(third, 2) == 0


def test_several_things_to_find() -> None:
    found = outcome(1, 3, 6)
    assert recall_at(found, 1) == 1  # one of three is enough, as in papers on CLIP
    assert reciprocal_rank(found) == 1
    assert average_precision(found) == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 3)
    gained = 1 + 1 / math.log2(4) + 1 / math.log2(7)
    assert ndcg_at(found, 10) == pytest.approx(gained / (1 + 1 / math.log2(3) + 1 / 2))
    assert ndcg_at(found, 2) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_what_lies_behind_the_end_of_the_ranking() -> None:
    assert average_precision(outcome(2, relevant=4)) == pytest.approx((1 / 2) / 4)
    nothing = outcome(relevant=2)
    assert recall_at(nothing, 10) == reciprocal_rank(nothing) == average_precision(nothing) == 0
    assert ndcg_at(nothing, 10) == 0


def clip_benchmark_recall(scores: np.ndarray, positive: np.ndarray, k: int) -> float:
    """As zeroshot_retrieval.py has it: true positives / positives, then whether that is above 0."""
    top = np.argsort(-scores, axis=1)[:, :k]
    true_positives = np.take_along_axis(positive, top, axis=1).sum(axis=1)
    return float((true_positives / positive.sum(axis=1) > 0).mean())


@pytest.mark.parametrize("direction", ["images", "texts"])
def test_recall_is_that_of_clip_benchmark(direction: str) -> None:
    chance = np.random.default_rng(3)
    scores = chance.normal(size=(15, 5))  # three texts a picture
    positive = np.zeros((15, 5), dtype=bool)
    positive[np.arange(15), np.repeat(np.arange(5), 3)] = True
    if direction == "texts":
        scores, positive = scores.T, positive.T
    outcomes = []
    for row, right in zip(scores, positive, strict=True):
        ranks = np.empty(len(row), dtype=np.int64)
        ranks[np.argsort(-row)] = np.arange(1, len(row) + 1)
        outcomes.append(Outcome(np.sort(ranks[right]), int(right.sum())))
    found = measured(outcomes, range(len(outcomes)))
    for k in (1, 5):
        assert found[f"recall@{k}"].value == clip_benchmark_recall(scores, positive, k)
    assert 0 < found["recall@1"].value < 1


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    chance = np.random.default_rng(1)
    covered = 0
    for seed in range(60):
        values = chance.binomial(1, 0.3, size=(120, 1)).astype(float)
        (found,) = bootstrapped(values, np.arange(120), seed)
        assert found.low <= found.value <= found.high
        covered += found.low <= 0.3 <= found.high
    assert covered >= 51  # 57 of 60 are expected


def test_texts_of_one_picture_count_once_for_the_interval() -> None:
    values = np.repeat(np.random.default_rng(2).binomial(1, 0.5, 40), 5)[:, None].astype(float)
    (single,) = bootstrapped(values, np.arange(200))
    (grouped,) = bootstrapped(values, np.repeat(np.arange(40), 5))
    assert single.value == grouped.value
    # Five copies of an answer are no five answers: the interval is sqrt(5) times as wide.
    ratio = (grouped.high - grouped.low) / (single.high - single.low)
    assert 1.8 < ratio < 2.7


def test_the_interval_of_one_run_is_that_of_the_next() -> None:
    outcomes = [outcome(rank) for rank in (1, 2, 7, 30)]
    assert measured(outcomes, range(4)) == measured(outcomes, range(4))

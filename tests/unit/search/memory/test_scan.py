from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vistazo.search.memory import scan

CHANCE = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("rows", "dim"),
    [(0, 8), (1, 512), (511, 512), (513, 512), (12_800, 512), (12_801, 512), (30_000, 300)],
)
def test_every_row_is_multiplied(rows: int, dim: int) -> None:
    vectors = CHANCE.standard_normal((rows, dim), dtype=np.float32)
    vector = CHANCE.standard_normal(dim, dtype=np.float32)
    expected = vectors.astype(np.float64) @ vector
    assert scan.products(vectors, vector) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("wanted", [0, 1, 255, 257, 1023, 1024, 1025, 20_000])
def test_some_rows_are_multiplied_in_their_order(wanted: int) -> None:
    vectors = CHANCE.standard_normal((20_000, 64), dtype=np.float32)
    vector = CHANCE.standard_normal(64, dtype=np.float32)
    rows = CHANCE.permutation(20_000)[:wanted]
    expected = vectors[rows].astype(np.float64) @ vector
    assert scan.products_of(vectors, rows, vector) == pytest.approx(expected, abs=1e-4)


def test_a_row_longer_than_a_block() -> None:
    vectors = np.ones((3, scan._BLOCK + 1), dtype=np.float32)
    assert scan.products(vectors, vectors[0]).tolist() == [scan._BLOCK + 1] * 3


def test_several_at_once() -> None:
    vectors = CHANCE.standard_normal((40_000, 128), dtype=np.float32)
    queries = CHANCE.standard_normal((60, 128), dtype=np.float32)
    with ThreadPoolExecutor(4) as clients:
        found = list(clients.map(lambda query: scan.products(vectors, query), queries))
    assert np.abs(np.array(found) - queries @ vectors.T).max() < 1e-3


def test_vectors_that_do_not_fit_are_refused_and_the_next_are_not() -> None:
    vectors = np.ones((60_000, 128), dtype=np.float32)
    with pytest.raises(ValueError, match="mismatch"):
        scan.products(vectors, np.ones(127, dtype=np.float32))
    assert scan.products(vectors, vectors[0]).tolist() == [128] * 60_000

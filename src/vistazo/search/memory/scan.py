"""The products of one vector with all rows of a matrix, on every core that has nothing else to do.

BLAS's own threads wait for a core in steps of 8 ms on a busy machine, and give four clients a third
of the answers. So the rows are multiplied in blocks that BLAS takes in one thread, many blocks in
one call, and where one scan runs alone, threads of ours take call after call (bench/scan.py).
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from vistazo.records import Float32Array

_BLOCK = 262_144  # numbers; BLAS multiplies so many in one thread
_BLOCKS = 25  # in one call, which takes a millisecond
GATHERED_ROWS = 256  # rows that lie apart; half a megabyte stays in the processor's cache
_GATHERS = 8  # in one call
_HELPED = threading.Lock()  # of several scans at once, one has helpers: the others keep cores busy


def products(vectors: Float32Array, vector: Float32Array) -> Float32Array:
    """Every row times the vector.

    Args:
        vectors: (n, dim) float32, one row after the other.
        vector: (dim,) float32.
    Returns:
        (n,) float32.
    """
    found = np.empty(len(vectors), dtype=np.float32)
    block = max(1, _BLOCK // max(1, vectors.shape[1]))

    def multiply(some: slice) -> None:
        _multiply(vectors[some], vector, block, found[some])

    _shared(multiply, len(vectors), _BLOCKS * block)
    return found


def products_of(
    vectors: Float32Array, rows: NDArray[np.intp], vector: Float32Array
) -> Float32Array:
    """Some rows times the vector: (len(rows),) float32."""
    found = np.empty(len(rows), dtype=np.float32)

    def multiply(some: slice) -> None:
        for start in range(some.start, some.stop, GATHERED_ROWS):
            part = slice(start, min(start + GATHERED_ROWS, some.stop))
            np.dot(vectors[rows[part]], vector, out=found[part])

    _shared(multiply, len(rows), _GATHERS * GATHERED_ROWS)
    return found


def _shared(multiply: Callable[[slice], None], count: int, step: int) -> None:
    """Multiply so many rows, a step in each call."""
    calls = iter(range(0, count, step))

    def work() -> None:
        for start in calls:  # each call goes to whoever comes first
            multiply(slice(start, min(start + step, count)))

    if count <= step or not _HELPED.acquire(blocking=False):
        work()
        return
    try:
        helping = [_helpers().submit(work) for _ in range(_others())]
        work()
        for each in helping:
            if not each.cancel():  # one that has not begun is not waited for
                each.result()
    finally:
        _HELPED.release()


def _multiply(vectors: Float32Array, vector: Float32Array, block: int, found: Float32Array) -> None:
    whole, dim = len(vectors) // block, vectors.shape[1]
    end = whole * block
    blocks = vectors[:end].reshape(whole, block, dim)
    np.matmul(blocks, vector, out=found[:end].reshape(whole, block))
    np.dot(vectors[end:], vector, out=found[end:])


def _others() -> int:
    return min(4, os.cpu_count() or 1) - 1


@cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, _others()), "vistazo-scan")

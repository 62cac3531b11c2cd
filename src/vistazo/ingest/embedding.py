"""The encoder's own threads: it works on while results are read, sorted and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from vistazo.errors import EmbedError, VistazoError
from vistazo.ingest.prepare import Prepared
from vistazo.records import Float32Array, printable

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder

# Two batches at once: while the last pictures of one are in work, the next one's take the cores
# that are free; 1.95 of two cores are busy then, 1.8 with one batch (bench/downloads.py).
_AT_ONCE = 2
# Batches that may be under way while the caller goes on; writing 256 rows takes less than one.
_WAITING = 2

Embedded = tuple[Prepared, Float32Array | EmbedError]


class Embedding:
    """Embeds batches beside the caller's thread; results come in the order of the batches."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._pool = ThreadPoolExecutor(_AT_ONCE, "vistazo-embed")
        self._batches: deque[Future[list[Embedded]]] = deque()

    def add(self, batch: Sequence[Prepared]) -> None:
        """Have a batch embedded: items with pixels."""
        self._batches.append(self._pool.submit(self._embed, batch))

    @property
    def idle(self) -> bool:
        """Whether a core may be waiting for a batch."""
        return sum(not batch.done() for batch in self._batches) < _AT_ONCE

    def results(self, *, all_of_them: bool = False) -> list[Embedded]:
        """What is done, each item with its (dim,) vector or its error.

        Waits while more than two batches are under way, or for all of them.

        Raises:
            VistazoError: the encoder as a whole has failed.
        """
        found: list[Embedded] = []
        while self._batches and (
            all_of_them or len(self._batches) > _WAITING or self._batches[0].done()
        ):
            found += self._batches.popleft().result()
        return found

    def close(self) -> list[Embedded]:
        """Drop the batches that wait; what was done, or in work, is still to be taken."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        whole = [batch for batch in self._batches if not (batch.cancelled() or batch.exception())]
        self._batches.clear()
        return [result for batch in whole for result in batch.result()]

    def _embed(self, batch: Sequence[Prepared]) -> list[Embedded]:
        pixels = [prepared.pixels for prepared in batch if prepared.pixels is not None]
        try:
            vectors = self._encoder.encode_pixels(np.stack(pixels))
        except VistazoError:
            raise
        except Exception as error:  # a worker's edge: one bad picture must not take 31 with it
            if len(batch) > 1:
                return [result for prepared in batch for result in self._embed([prepared])]
            reason = printable(str(error))[:200]
            return [(batch[0], EmbedError(f"the encoder failed: {reason}"))]
        finite: Any = np.isfinite(vectors).all(axis=1)
        message = "the encoder gave no finite numbers"
        return [
            (prepared, vector if usable else EmbedError(message, code="not-finite"))
            for prepared, vector, usable in zip(batch, vectors, finite, strict=True)
        ]

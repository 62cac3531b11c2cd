"""Embeddings that a data set brings: checked, then written without looking at the picture."""

from __future__ import annotations

import numpy as np

from vistazo.errors import EmbedError
from vistazo.ingest.prepare import Prepared
from vistazo.ingest.triage import Work
from vistazo.records import Float32Array, Photo

# An embedding stored in 16 bits, or printed in four digits, misses norm 1 by this much at most. One
# that is farther off is not what an encoder makes, and who knows what else has happened to it.
_AS_IT_IS, _REPAIRED = 1e-3, 1e-2


def checked(embedding: Float32Array, dim: int) -> Float32Array:
    """An embedding fit to be written: as it came where its norm is 1 within 1e-3.

    Returns:
        (dim,) float32, L2 norm 1 within 1e-3.
    Raises:
        EmbedError: `bad-embedding`: of another length, not finite, or its norm is not 1 within
            1e-2.
    """
    if embedding.shape != (dim,):
        count = embedding.size if embedding.ndim == 1 else embedding.shape
        raise EmbedError(
            f"its embedding has {count} numbers, and the encoder's have {dim}", code="bad-embedding"
        )
    if not np.isfinite(embedding).all():
        raise EmbedError("its embedding is not made of finite numbers", code="bad-embedding")
    norm = float(np.linalg.norm(embedding.astype(np.float64)))
    if abs(norm - 1) > _REPAIRED:
        raise EmbedError(f"its embedding has the norm {norm:.4g} and not 1", code="bad-embedding")
    if abs(norm - 1) > _AS_IT_IS:
        return (embedding / norm).astype(np.float32)
    return embedding.astype(np.float32, copy=False)


def unseen(work: Work, source: str) -> Prepared:
    """The row of a photo that was not looked at: what the data set says of it, and no more.

    Args:
        source: the run's source.
    """
    item = work.item
    photo = Photo(
        photo_id=work.photo_id,
        url=item.url,
        width=item.width,
        height=item.height,
        fingerprint=item.fingerprint,
        source=source,
        metadata=item.metadata,
    )
    return Prepared(work, photo, None, b"")

"""How many hits may be asked for."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from vistazo.errors import InvalidQuery

MAX_K = 100_000


def check_k(k: Any) -> None:
    """Raise InvalidQuery unless 1 <= k <= 100,000."""
    if isinstance(k, bool) or not isinstance(k, Integral) or not 1 <= int(k) <= MAX_K:
        raise InvalidQuery(f"k must be a whole number from 1 to {MAX_K:,}, not {k!r}")

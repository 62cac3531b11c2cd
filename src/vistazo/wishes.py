"""How hits are to be put in order; what each wish means is told by `records.Query`."""

from __future__ import annotations

from typing import Literal, TypedDict

Mode = Literal["both", "picture", "words"]
PopularFor = Literal["all", "words"]


class Wishes(TypedDict, total=False):
    """Fields of `Query` that `Library.search` and `similar` take too."""

    mode: Mode
    words_weight: float
    popular: float
    popular_for: PopularFor
    half_life_days: float | None
    cut: bool
    fold: bool
    diverse: float

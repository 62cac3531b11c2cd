"""Photos that are there more than once, as records."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from vistazo.records import printable

Sameness = Literal["exact", "near"]


@dataclass(frozen=True, slots=True)
class Copy:
    """A photo of a group of duplicates.

    Attributes:
        width, height: pixels, upright.
        kind: `exact` when its file has the same bytes as the best copy's, else `near`.
        score: cosine similarity to the best copy.
        bits: in how many of 64 bits their perceptual hashes differ; None where there is no thumbnail.
    """

    photo_id: str
    uri: str
    width: int
    height: int
    size_bytes: int
    kind: Sameness
    score: float
    bits: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        fields = dataclasses.asdict(self)
        return fields | {"uri": printable(self.uri), "score": round(self.score, 6)}


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """A photo and its copies.

    Attributes:
        best: the one to keep: most pixels, then most bytes, then longest in the library.
        copies: the others, in the same order; each is like the best one.
    """

    best: Copy
    copies: tuple[Copy, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {"best": self.best.to_dict(), "copies": [each.to_dict() for each in self.copies]}

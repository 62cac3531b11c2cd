"""A map of photos, as records."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo is on a map; `theme` is a place in its list of themes."""

    photo_id: str
    x: float
    y: float
    theme: int


@dataclass(frozen=True, slots=True)
class Theme:
    """Photos that belong together.

    Attributes:
        words: that tell it from the other themes, most telling first.
        said_by: where the words come from: `captions` (descriptions, categories, keywords) or
            `encoder` (the nearest words of a list).
        photos: how many.
        example: the photo nearest to the middle of all.
        x, y: the middle of its photos on the map.
    """

    words: tuple[str, ...]
    said_by: str
    photos: int
    example: str
    x: float
    y: float

    @property
    def name(self) -> str:
        """The words, by commas."""
        return ", ".join(self.words)


@dataclass(frozen=True, slots=True)
class PhotoMap:
    """Photos in the plane, like ones near each other.

    Attributes:
        places: each coordinate from 0 to 1.
        themes: the largest first.
        total: photos that were asked for; more than there are places when some were left out.
        method: how the plane was made.
    """

    places: tuple[Place, ...]
    themes: tuple[Theme, ...]
    total: int
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return dataclasses.asdict(self)

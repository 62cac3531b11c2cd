"""What is looked for, as everything from a page's address to a statement carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vistazo.wishes import Mode, PopularFor

if TYPE_CHECKING:
    from vistazo.arrays import Float32Array


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: exactly one of text, image, photo_id, vector; or only what is liked.

    Attributes:
        text: words, or weights, negatives, pictures and filters in the grammar of
            `search/query.py`.
        image: a path, the bytes of an image file, or a `PIL.Image.Image`.
        vector: (dim,) float32, L2 norm 1, of the library's own encoder.
        k: how many hits, 1 to 100,000.
        where: filter in the grammar of `store/filters.py`; empty keeps everything.
        like, dislike: ids of photos to find more of, or less; disliked ones are not found.
        fold: leave out near-duplicates of hits ranked higher; a list's affair, no count's.
        diverse: above 0 and up to 1, how much a hit loses by being like those before it.
        mode: whether a text is looked for in the pictures, in the words that photos have
            (captions, keywords, file names, searches that led to a download), or in both.
        words_weight: of the words where both are asked for, 0 to 1.
        popular: weight of downloads in the order, 0 to 1.
        popular_for: which downloads count: `all`, or those after a search for the text's `words`.
        half_life_days: after which a download counts half; None counts all alike.
        cut: mark hits as weak where nothing really matches.
        images: vectors of the pictures that `text` names, by their names. None reads them from
            this process's disk or the web, which only its owner's queries may do.
    """

    text: str | None = None
    image: Any = None
    photo_id: str | None = None
    k: int = 10
    where: str = ""
    vector: Float32Array | None = field(default=None, compare=False)
    like: tuple[str, ...] = ()
    dislike: tuple[str, ...] = ()
    fold: bool = False
    diverse: float = 0.0
    mode: Mode = "both"
    words_weight: float = 0.5
    popular: float = 0.0
    popular_for: PopularFor = "all"
    half_life_days: float | None = None
    cut: bool = True
    images: Mapping[str, Float32Array] | None = field(default=None, compare=False)

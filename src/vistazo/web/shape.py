"""What is asked of a picture in the address (`q`, `fm`, `w`, `h`, `fit`), and a picture so made.

The names and their meaning are Unsplash's and imgix's; a picture is never enlarged.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from PIL import Image, features

from vistazo.errors import Unsupported, UsageError
from vistazo.ingest.decode import Picture
from vistazo.records import printable

MAX_SIDE = 4096
DEFAULT_QUALITY = 75
NAMES = ("q", "fm", "w", "h", "fit")
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}
_KEPT = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A picture as it is asked for.

    Attributes:
        width, height: at most so many pixels; 0 leaves it open.
        crop: fill width x height and cut off what sticks out, instead of fitting into it.
        quality: 1 to 100; PNG knows none.
        format: `jpg`, `png`, `webp` or `avif`; empty keeps the picture's own where it is of these.
        query: the parameters as they were given, for another server to read.
    """

    width: int = 0
    height: int = 0
    crop: bool = False
    quality: int = DEFAULT_QUALITY
    format: str = ""
    query: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Self | None:
        """What the parameters ask for; None when none of them is ours.

        Raises:
            UsageError: a value that makes no sense.
        """
        given = {name: params[name] for name in NAMES if params.get(name)}
        if not given:
            return None
        fit, kind = given.get("fit", "max"), given.get("fm", "").lower().replace("jpeg", "jpg")
        if fit not in ("max", "crop"):
            raise UsageError(f"fit must be max or crop, not '{printable(fit[:40])}'")
        if kind and kind not in MEDIA_TYPES:
            raise UsageError(f"fm must be {', '.join(MEDIA_TYPES)}, not '{printable(kind[:40])}'")
        quality = _whole(given, "q", DEFAULT_QUALITY)
        if quality > 100:
            raise UsageError(f"q must be a whole number from 1 to 100, not {quality}")
        width, height = (min(_whole(given, name, 0), MAX_SIDE) for name in ("w", "h"))
        return cls(width, height, fit == "crop", quality, kind, urlencode(given))

    def format_for(self, own: str) -> str:
        """The format to write a picture in, `own` being its own as Pillow names it."""
        return self.format or _KEPT.get(own, "jpg")

    def fits_in(self, side: int) -> bool:
        """Whether no more than `side` pixels are asked for in either direction."""
        return 0 < max(self.width, self.height) <= side

    def box(self, width: int, height: int) -> tuple[tuple[int, int], tuple[float, ...]]:
        """The size to give a picture, and the part of it that is shown: left, top, right, bottom."""
        if self.crop and self.width and self.height:
            scale = max(self.width / width, self.height / height)
            # Too small a picture is cut to the same form, and keeps its pixels.
            shrink = max(scale, 1.0)
            size = _size(self.width / shrink, self.height / shrink)
            seen_x = min(width, self.width / scale)
            seen_y = min(height, self.height / scale)
            left, top = (width - seen_x) / 2, (height - seen_y) / 2
            return size, (left, top, left + seen_x, top + seen_y)
        limit_x, limit_y = self.width or MAX_SIDE, self.height or MAX_SIDE
        scale = min(1.0, limit_x / width, limit_y / height)
        return _size(width * scale, height * scale), (0, 0, width, height)

    def min_side(self, width: int, height: int) -> int:
        """Pixels that the shorter side of a decoded picture must keep to be shaped well."""
        if not (width and height):
            return 2 * MAX_SIDE  # size unknown: decode all of it
        size, (left, top, right, bottom) = self.box(width, height)
        scale = max(size[0] / (right - left), size[1] / (bottom - top))
        return max(1, round(min(width, height) * scale + 0.5))


def render(picture: Picture, shape: Shape, kind: str) -> bytes:
    """A picture in a shape.

    Args:
        kind: `jpg`, `png`, `webp` or `avif`.
    Raises:
        Unsupported: this installation of Pillow writes no AVIF.
    """
    if kind == "avif" and not features.check("avif"):
        raise Unsupported("this server cannot write AVIF; ask for another fm, such as webp")
    image = picture.image
    # The size follows from the full picture, whatever it was reduced to while decoding.
    size, part = shape.box(picture.width, picture.height)
    across, down = image.width / picture.width, image.height / picture.height
    left, top, right, bottom = part[0] * across, part[1] * down, part[2] * across, part[3] * down
    box = (left, top, min(right, image.width), min(bottom, image.height))
    if size != image.size or box != (0, 0, *image.size):
        image = image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    out = io.BytesIO()
    match kind:
        case "jpg":
            image.save(out, "JPEG", quality=shape.quality, optimize=True)
        case "png":
            image.save(out, "PNG")
        case "webp":
            image.save(out, "WEBP", quality=shape.quality, method=2)
        case _:
            image.save(out, "AVIF", quality=shape.quality, speed=8)
    return out.getvalue()


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
    if number < 1:
        shown = printable(text[:40])
        raise UsageError(f"{name} must be a whole number from 1, not '{shown}'")
    return number


def _size(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))

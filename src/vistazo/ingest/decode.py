"""From the bytes of an image file to an upright RGB picture, and from a picture to its thumbnail.

Hostile and broken bytes are the normal case here.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageFile

from vistazo.errors import ImageError
from vistazo.ingest.exif import Exif, read_exif
from vistazo.ingest.formats import ends_early, kind_of, open_header
from vistazo.records import Metadata, UInt8Array, printable

THUMBNAIL_SIDE = 320
# A picture in one of these that is no larger than a thumbnail is its own thumbnail.
_KEPT_FORMATS, _KEPT_BYTES = ("JPEG", "WEBP"), 64_000
# 36 photographs at 320 px: method 2 takes 2 ms and 6.6 kB each, method 3 4.6 ms and 6.3 kB,
# method 0 1.2 ms and 8.3 kB.
_WEBP_QUALITY, _WEBP_METHOD = 75, 2

_EXTRAS = frozenset({"exif", "icc_profile", "xmp", "photoshop", "comment", "transparency"})
_REDUCIBLE = ("L", "RGB", "CMYK", "LA", "RGBA")  # blends no palette and no colour key
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a picture may cost.

    Attributes:
        max_pixels: width times height as the header claims them; more is refused undecoded.
    """

    max_pixels: int = 200_000_000


DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        image: RGB, upright, maybe reduced by a whole factor, but never below the `min_side` asked
            for on its shorter side and 320 (a thumbnail) on its longer one.
        width, height: pixels of the full picture, upright.
        format: `JPEG`, `PNG`, `WEBP`, `GIF`, `TIFF`, `BMP`, `AVIF` or `HEIF`.
        metadata: time, camera and coordinates from EXIF.
        plain: the file holds these pixels and nothing more: no EXIF, no colour profile, no frames.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    plain: bool = False


def decode(data: bytes, *, min_side: int, limits: DecodeLimits = DEFAULT_LIMITS) -> Picture:
    """Decode the first frame of an image file; safe to call from several threads.

    Args:
        data: the whole file.
        min_side: pixels the shorter side must keep, if the picture has them.
        limits: what a picture may cost.
    Raises:
        ImageError: `empty`, `not-an-image`, `too-many-pixels`, `truncated` or `corrupt`; the
            message is one sentence without a path.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)", code="empty")
    kind = kind_of(data)
    if not kind:
        message = "the content is not a JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC picture"
        raise ImageError(message, code="not-an-image")
    # The error is raised after the handlers: chained to Pillow's, it would keep the frames alive
    # that hold the half-decoded picture for as long as the failure is remembered.
    try:
        return _decode(data, kind, min_side, limits)
    except ImageError as error:
        message, code = str(error), error.code
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        message, code = "the picture has more pixels than the limit allows", "too-many-pixels"
    except MemoryError:
        message, code = "decoding the picture needs more memory than there is", "too-many-pixels"
    except Exception as error:  # a worker's edge: decoders raise anything on hostile bytes
        if isinstance(error, EOFError) or "truncat" in str(error) or ends_early(data, kind):
            message, code = f"the {kind} data ends early, the file is truncated", "truncated"
        else:
            reason = printable(str(error) or type(error).__name__)[:200]
            message, code = f"the {kind} data is damaged ({reason})", "corrupt"
    raise ImageError(message, code=code)


def thumbnail_of(picture: Picture, data: bytes) -> bytes:
    """A small WebP of a picture; its own bytes when these are a small JPEG or WebP already.

    Packing a small picture a second time would lose quality and win no room.

    Args:
        data: the file that the picture was decoded from.
    """
    small = max(picture.width, picture.height) <= THUMBNAIL_SIDE and len(data) <= _KEPT_BYTES
    if small and picture.plain and picture.format in _KEPT_FORMATS:
        return data
    return thumbnail(picture.image)


def thumbnail(image: Image.Image, max_side: int = THUMBNAIL_SIDE) -> bytes:
    """A small WebP of a picture, its longer side at most `max_side` pixels; never enlarged."""
    scale = min(1.0, max_side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image if image.mode == "RGB" else image.convert("RGB")
    if size != image.size:
        small = small.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD, icc_profile=None, exif=b"")
    return out.getvalue()


def _decode(data: bytes, kind: str, min_side: int, limits: DecodeLimits) -> Picture:
    with open_header(data, kind) as opened:
        width, height = opened.size
        if width * height > limits.max_pixels:
            message = (
                f"the picture claims {width} x {height} pixels, "
                f"more than the limit of {limits.max_pixels:,}"
            )
            raise ImageError(message, code="too-many-pixels")
        shorter, longer = max(1, min_side), max(1, min_side, THUMBNAIL_SIDE)
        needed = (longer, shorter) if width >= height else (shorter, longer)
        if kind == "JPEG":
            opened.draft("RGB", needed)  # decodes 1/2, 1/4 or 1/8 of the size several times faster
        opened.load()
        if kind in ("TIFF", "HEIF"):  # turned upright while loading
            width, height = opened.size
        exif = _exif(opened, data, kind)
        plain = opened.mode == "RGB" and not _EXTRAS & opened.info.keys()
        plain = plain and getattr(opened, "n_frames", 1) == 1
        image = eight_bit(opened, kind)
        factor = min(image.width // needed[0], image.height // needed[1])
        if factor >= 2 and image.mode in _REDUCIBLE and "transparency" not in image.info:
            image, factor = image.reduce(factor), 1  # before the copies that follow
        image = on_white(image)
        if factor >= 2:
            image = image.reduce(factor)
    if exif.orientation != 1:
        image = image.transpose(_TURNS[exif.orientation])
    if exif.orientation >= 5:
        width, height = height, width
    image.info.clear()  # the profile, XMP and EXIF of the file have been read or are not needed
    return Picture(image, width, height, kind, exif.metadata, plain)


def _exif(opened: ImageFile.ImageFile, data: bytes, kind: str) -> Exif:
    if kind == "TIFF":  # the file is its own EXIF block
        return Exif(metadata=read_exif(data).metadata)
    block = opened.info.get("exif")
    if not block and isinstance(text := opened.info.get("Raw profile type exif"), str):
        try:  # ImageMagick's way in PNG: name and length in two lines, then hexadecimal digits
            block = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            block = None
    exif = read_exif(block) if isinstance(block, bytes) else Exif()
    # libheif has turned the picture already, whatever EXIF says
    return Exif(metadata=exif.metadata) if kind == "HEIF" else exif


def eight_bit(image: Image.Image, kind: str) -> Image.Image:
    """Greys of more than 8 bits as `L`; any other picture as it is."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    grey = np.asarray(image)
    if image.mode == "F":
        grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(grey.min()), float(grey.max())
    out: UInt8Array
    if image.mode != "F" and low >= 0 and high <= 65535:
        # PNG always uses all 16 bits; TIFF also holds 10, 12 and 14 bits of a sensor in 16
        bits = 16 if kind == "PNG" else max(8, (int(high).bit_length() + 1) // 2 * 2)
        out = (grey >> (bits - 8)).astype(np.uint8)
    elif image.mode == "F" and low >= 0 and high <= 1:
        out = (grey * 255 + 0.5).astype(np.uint8)
    elif low >= 0 and high <= 255:
        out = grey.astype(np.uint8)
    else:
        scaled = (grey.astype(np.float64) - low) * 255 / max(high - low, 1e-12)
        out = np.clip(scaled, 0, 255).astype(np.uint8)
    return Image.fromarray(out)


def on_white(image: Image.Image) -> Image.Image:
    """A new RGB picture; what is transparent shows white."""
    keyed = "transparency" in image.info and image.mode in ("1", "L", "P", "RGB")
    if not keyed and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        return image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    canvas = Image.new("RGB", rgba.size, "white")
    canvas.paste(rgba, mask=rgba.getchannel("A"))
    return canvas

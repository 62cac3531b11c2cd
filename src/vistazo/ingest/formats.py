"""Which picture format some bytes are in, and the Pillow class that reads it.

Each format's class is used directly instead of `Image.open`: the header tells the format and its
size before anything is decoded, our own pixel limit applies instead of Pillow's process-wide one
(which Pillow 13 keeps for WebP, from 179 megapixels on), no opener is registered for the caller's
process, and pillow-heif never meets AVIF, which Pillow decodes itself.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_BMP_HEADER_BYTES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
# Pillow's TIFF reader, which also opens the EXIF of JPEG and AVIF, and its PNG reader warn of odd
# metadata that we do not use. `warnings.catch_warnings` swaps the filters of all threads, so one
# filter for these two modules alone is put in front and stays.
_QUIET_MODULES = r"PIL\.(Tiff|Png)ImagePlugin"
_QUIET = ("ignore", None, UserWarning, re.compile(_QUIET_MODULES), 0)


class _TiffImageFile(TiffImagePlugin.TiffImageFile):
    """TIFF without Pillow's pixel limit, which its reader applies a second time when it decodes."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


_CLASSES: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": _TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


def readable_formats() -> list[str]:
    """The formats that this installation reads."""
    return [kind for kind in _CLASSES if kind != "AVIF" or features.check("avif")] + ["HEIF"]


def kind_of(data: bytes) -> str:
    """Pillow's name of the format by its first bytes; empty when it is none of ours."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(_TIFF_STARTS):
        return "TIFF"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_BYTES:
        return "BMP"
    if data[4:8] == b"ftyp":
        brands = {data[at : at + 4] for at in range(8, min(_box_bytes(data, 0), 256), 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    return ""


def open_header(data: bytes, kind: str) -> ImageFile.ImageFile:
    """Read the header; no pixel is decoded yet.

    Args:
        data: the whole file.
        kind: what `kind_of` says of it.
    Raises:
        Exception: whatever the format's reader raises on broken bytes.
    """
    if warnings.filters[:1] != [_QUIET]:  # gone when somebody put theirs in front, as pytest does
        warnings.filterwarnings("ignore", category=UserWarning, module=_QUIET_MODULES)
    if kind == "HEIF":
        from pillow_heif import HeifImageFile  # 20 ms that most folders never need

        opener: Callable[[io.BytesIO], ImageFile.ImageFile] = HeifImageFile
        return opener(io.BytesIO(data))
    try:
        return _CLASSES[kind](io.BytesIO(data))
    except Exception:
        if kind != "AVIF" or b"Exif" not in data:
            raise
        # Pillow gives up on AVIF with broken EXIF, by version and damage with a SyntaxError, a
        # ValueError or an AttributeError: hide the item behind a type that nobody reads, and look
        # at the picture alone.
        return _CLASSES[kind](io.BytesIO(data.replace(b"Exif", b"none", 1)))


def ends_early(data: bytes, kind: str) -> bool:
    """Whether a file that failed to decode lacks its end, by what its format says of it."""
    if kind == "JPEG":
        return data.rfind(b"\xff\xd9", max(0, len(data) - 4096)) < 0
    if kind == "PNG":
        return data.rfind(b"IEND", max(0, len(data) - 1024)) < 0
    if kind == "GIF":
        return not data.rstrip(b"\x00").endswith(b";")
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if kind == "BMP":
        return int.from_bytes(data[2:6], "little") > len(data)
    if kind in ("AVIF", "HEIF"):
        at = 0
        while at < len(data) and (size := _box_bytes(data, at)) >= 8:
            at += size
        return at > len(data)
    return False


def _box_bytes(data: bytes, at: int) -> int:
    """Length of the box at `at` of an AVIF or HEIC file; 0 means up to the end."""
    size = int.from_bytes(data[at : at + 4], "big")
    return int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size

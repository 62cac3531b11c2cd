"""EXIF read by hand: the few tags vistazo keeps, from any bytes, without ever failing.

Pillow's own reader warns and raises on the broken directories that real cameras and editors write;
silencing warnings is not safe between threads, so the dozen tags are read here. Whatever is odd
(offsets outside the data, zero denominators, impossible dates) counts as unknown.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from vistazo.records import Metadata

# Sizes in bytes of the TIFF 6.0 field types; the type number is the key.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SIGNED_RATIONAL = 2, 3, 4, 5, 7, 10
_IFD_POINTER = 13

_MAKE, _MODEL, _ORIENTATION, _DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED = 0x9003, 0x9004
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_DATE = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?")
_MAX_TEXT = 128
YEARS = range(1900, 2200)  # what the `taken_at` column can hold; earlier or later is no camera's


@dataclass(frozen=True, slots=True)
class Exif:
    """What is kept of a picture's EXIF.

    Attributes:
        orientation: 1 to 8 as EXIF numbers them; 1 is upright.
        metadata: time, camera and coordinates, each empty when unknown.
    """

    orientation: int = 1
    metadata: Metadata = field(default_factory=Metadata)


class _Tiff:
    """Directories of a TIFF structure; every offset is checked before it is used."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._little = data[:2] == b"II"
        known = data[:2] in (b"II", b"MM") and self._number(data[2:4]) == 42
        self.first = self._number(data[4:8]) if known and len(data) >= 8 else 0

    def _number(self, raw: bytes, *, signed: bool = False) -> int:
        return int.from_bytes(raw, "little" if self._little else "big", signed=signed)

    def directory(self, offset: int) -> dict[int, tuple[int, bytes]]:
        """Tag -> (type, raw value) of the directory at `offset`; what lies outside is left out."""
        found: dict[int, tuple[int, bytes]] = {}
        if not 8 <= offset <= len(self._data) - 2:
            return found
        entries = self._number(self._data[offset : offset + 2])
        for start in range(offset + 2, min(offset + 2 + 12 * entries, len(self._data) - 11), 12):
            entry = self._data[start : start + 12]
            tag, kind = self._number(entry[:2]), self._number(entry[2:4])
            length = _TYPE_BYTES.get(kind, 0) * self._number(entry[4:8])
            at = start + 8 if length <= 4 else self._number(entry[8:12])
            if 0 < length <= len(self._data) - at:
                found.setdefault(tag, (kind, self._data[at : at + min(length, 1024)]))
        return found

    def integer(self, value: tuple[int, bytes] | None) -> int | None:
        if value is None:
            return None
        kind, raw = value
        if kind == _SHORT:
            return self._number(raw[:2])
        if kind in (_LONG, _IFD_POINTER):
            return self._number(raw[:4])
        return None

    def rationals(self, value: tuple[int, bytes] | None) -> list[float] | None:
        """Numbers of a rational field; None when any has a zero denominator."""
        if value is None or value[0] not in (_RATIONAL, _SIGNED_RATIONAL):
            return None
        kind, raw = value
        numbers = []
        for at in range(0, len(raw) - 7, 8):
            signed = kind == _SIGNED_RATIONAL
            top = self._number(raw[at : at + 4], signed=signed)
            bottom = self._number(raw[at + 4 : at + 8], signed=signed)
            if bottom == 0:
                return None
            numbers.append(top / bottom)
        return numbers


def read_exif(block: bytes) -> Exif:
    """Read an EXIF block, or a whole TIFF file; never raises.

    Args:
        block: starts with `Exif\\0\\0` or directly with the TIFF header; anything else, BigTIFF
            included, is an empty answer.
    """
    tiff = _Tiff(block.removeprefix(b"Exif\x00\x00"))
    main = tiff.directory(tiff.first)
    details = tiff.directory(tiff.integer(main.get(_EXIF_DIRECTORY)) or 0)
    gps = tiff.directory(tiff.integer(main.get(_GPS_DIRECTORY)) or 0)
    times = (
        _time(_text(directory.get(tag)))
        for directory, tag in (
            (details, _DATE_TIME_ORIGINAL),
            (details, _DATE_TIME_DIGITIZED),
            (main, _DATE_TIME),
        )
    )
    latitude, longitude = _position(tiff, gps)
    orientation = tiff.integer(main.get(_ORIENTATION))
    return Exif(
        orientation=orientation if orientation and orientation <= 8 else 1,
        metadata=Metadata(
            camera=_camera(_text(main.get(_MAKE)), _text(main.get(_MODEL))),
            taken_at=next((time for time in times if time is not None), None),
            latitude=latitude,
            longitude=longitude,
        ),
    )


def _text(value: tuple[int, bytes] | None) -> str:
    """A text field in one line: up to its first NUL, UTF-8 or else Latin-1."""
    if value is None or value[0] not in (_ASCII, _UNDEFINED):
        return ""
    raw = value[1].split(b"\x00", 1)[0]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_MAX_TEXT]


def _time(text: str) -> dt.datetime | None:
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if year not in YEARS:
        return None
    try:
        return dt.datetime(year, month, day, hour, minute, min(second, 59))  # 60: a leap second
    except ValueError:
        return None


def _camera(make: str, model: str) -> str:
    """`Make Model`; the make is left out where the model already begins with its first word."""
    if make and model and model.split()[0].casefold() == make.split()[0].casefold():
        return model
    return f"{make} {model}".strip()


def _position(tiff: _Tiff, gps: dict[int, tuple[int, bytes]]) -> tuple[float | None, float | None]:
    """(latitude, longitude) in signed degrees, or (None, None) unless both are sound.

    Exactly 0, 0 is what receivers write before they have a fix, so it counts as unknown.
    """
    latitude = _degrees(tiff, gps.get(_LATITUDE), _text(gps.get(_LATITUDE_REF)), "NS", 90.0)
    longitude = _degrees(tiff, gps.get(_LONGITUDE), _text(gps.get(_LONGITUDE_REF)), "EW", 180.0)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def _degrees(
    tiff: _Tiff, value: tuple[int, bytes] | None, reference: str, signs: str, limit: float
) -> float | None:
    parts = tiff.rationals(value)
    sign = reference[:1].upper()
    if not parts or not sign or sign not in signs:
        return None
    degrees, minutes, seconds = (*parts, 0.0, 0.0)[:3]
    size = degrees + minutes / 60 + seconds / 3600
    if min(degrees, minutes, seconds) < 0 or minutes >= 61 or seconds >= 61 or size > limit:
        return None
    return round(-size if sign == signs[1] else size, 7)

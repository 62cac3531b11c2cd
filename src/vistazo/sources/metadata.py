"""From the columns of a table to what a library keeps of a photo."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields

from vistazo.records import Metadata

# A row: case-folded column name -> (column as written, cell that is not empty, without blanks
# around it).
Cells = Mapping[str, tuple[str, str]]

_NEVER_ATTRIBUTES = frozenset({"file", "photo_id", "width", "height"})
_YEARS = range(1900, 2300)  # what the store's `taken_at` can hold


def cells_of(names: Sequence[str], header: Sequence[str], cells: Sequence[str]) -> Cells:
    """A row without its empty cells; of two columns with one name the first that says something.

    Args:
        names: the header, case-folded.
    """
    row: dict[str, tuple[str, str]] = {}
    for name, column, cell in zip(names, header, cells, strict=False):
        if name and (said := cell.strip()):
            row.setdefault(name, (column, said))
    return row


def metadata_of(row: Cells) -> Metadata:
    """The columns of a captions table; what has no meaning of its own becomes an attribute."""
    used = set(_NEVER_ATTRIBUTES)

    def first(names: Sequence[str]) -> str:
        for name in names:
            if name in row:
                used.add(name)
                return row[name][1]
        return ""

    others = sorted(name for name in row if name.startswith("caption_"))
    description = first(["description", "caption", "caption_en", *others])
    photographer = first(["photographer", "author"])
    place = first(["place", "location"])
    camera = first(["camera"])
    taken_at = None
    for name in ("taken_at", "date"):
        if taken_at is None and name in row and (taken_at := _time(row[name][1])):
            used.add(name)
    latitude, longitude = _position(row, used)
    return Metadata(
        description=description,
        photographer=photographer,
        camera=camera,
        place=place,
        taken_at=taken_at,
        latitude=latitude,
        longitude=longitude,
        attributes={column: cell for name, (column, cell) in row.items() if name not in used},
    )


def unsplash_columns(row: Cells) -> Cells:
    """A row of Unsplash's columns with those of a captions table in their place.

    Several columns make up one: the photographer's two names, the camera's maker and model, the
    parts of the place. Columns of other names stay, and so does what is not understood.
    """
    if not any(name.startswith(_UNSPLASH) for name in row):
        return row
    left = dict(row)

    def take(*names: str) -> list[str]:
        return [left.pop(name)[1] for name in names if name in left]

    def put(name: str, text: str) -> None:
        if text:
            left.setdefault(name, (name, text))

    if described := take("photo_description") or take("ai_description"):
        put("description", described[0])
    put("photographer", " ".join(take("photographer_first_name", "photographer_last_name")))
    put("camera", _camera(take("exif_camera_make"), take("exif_camera_model")))
    put("place", _place(take("photo_location_name", "photo_location_city",
                             "photo_location_country")))  # fmt: skip
    for name in ("latitude", "longitude", "width", "height"):
        for prefix in ("photo_location_", "photo_"):
            if prefix + name in left:
                left.setdefault(name, left.pop(prefix + name))
    return left


def size_of(row: Cells) -> tuple[int, int]:
    """(width, height) in pixels; (0, 0) unless both are there and can be."""
    sides = [row[name][1] for name in ("width", "height") if name in row]
    if len(sides) == 2 and all(side.isascii() and side.isdigit() for side in sides):
        width, height = map(int, sides)
        if 0 < width < 2**31 and 0 < height < 2**31:
            return width, height
    return 0, 0


_UNSPLASH = ("photo_", "photographer_", "exif_camera_", "ai_description")


def _camera(make: Sequence[str], model: Sequence[str]) -> str:
    """`Make Model`; the make is left out where the model already begins with its first word."""
    if make and model and model[0].split()[0].casefold() == make[0].split()[0].casefold():
        return model[0]
    return " ".join([*make, *model])


def _place(parts: Sequence[str]) -> str:
    """The parts that the ones before do not hold already."""
    place = ""
    for part in parts:
        if part.casefold() not in place.casefold():
            place = f"{place}, {part}" if place else part
    return place


def _time(text: str) -> dt.datetime | None:
    """ISO 8601 without its zone: `taken_at` is the camera's local time."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=None) if time.year in _YEARS else None


def _position(
    row: Mapping[str, tuple[str, str]], used: set[str]
) -> tuple[float | None, float | None]:
    """Both coordinates, or neither; cells that are no degrees stay attributes."""
    found: list[float] = []
    columns: list[str] = []
    for names, limit in ((("latitude", "lat"), 90.0), (("longitude", "lon", "lng"), 180.0)):
        for name in names:
            degrees = _number(row[name][1]) if name in row else math.nan
            if abs(degrees) <= limit:
                found.append(degrees)
                columns.append(name)
                break
    if len(found) < 2:
        return None, None
    used.update(columns)
    return found[0], found[1]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def signature(photo_id: str, metadata: Metadata) -> str:
    """The same for the same content, whatever fields later versions add to `Metadata`."""
    said = {item.name: getattr(metadata, item.name) for item in fields(metadata)}
    known = {name: value for name, value in said.items() if value not in ("", None, {})}
    return json.dumps([photo_id, known], default=str, sort_keys=True)

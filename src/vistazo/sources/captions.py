"""Captions tables: what a folder's `captions.tsv` or `captions.csv` says of its pictures."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

from vistazo.errors import SourceError
from vistazo.records import Metadata, printable

TABLE_NAMES = ("captions.tsv", "captions.csv")
_DELIMITERS = {".tsv": ("\t", "tabs"), ".csv": (",", "commas")}
_NEVER_ATTRIBUTES = frozenset({"file", "photo_id", "width", "height"})
_YEARS = range(1900, 2300)  # what the store's `taken_at` can hold


@dataclass(frozen=True, slots=True)
class Caption:
    """What a table says of one file.

    Attributes:
        photo_id: the photo's id; empty when the table gives none.
        metadata: the row's columns.
        signature: changes when any of this does; empty when the table says nothing.
    """

    photo_id: str = ""
    metadata: Metadata = field(default_factory=Metadata)
    signature: str = ""


NO_CAPTION = Caption()


class CaptionsTable:
    """One table, read whole; answers for the files at or below its folder."""

    def __init__(self, by_file: Mapping[str, Caption], by_stem: Mapping[str, Caption]) -> None:
        self._by_file = by_file
        self._by_stem = by_stem

    @classmethod
    def in_folder(cls, folder: str | Path) -> Self | None:
        """The table of a folder, `captions.tsv` before `captions.csv`; None without one.

        Raises:
            SourceError: there is one that cannot be read.
        """
        for name in TABLE_NAMES:
            path = Path(folder, name)
            try:
                if not path.is_file():
                    continue
            except OSError:  # the folder cannot be entered: its walk reports that
                return None
            return cls.read(path)
        return None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table.

        Raises:
            SourceError: it cannot be opened, is not UTF-8, or has neither `file` nor `photo_id`.
        """
        shown = printable(str(path))
        delimiter, plural = _DELIMITERS[path.suffix.lower()]
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(
                f"the captions table {shown} is not UTF-8 (byte {error.start}); "
                "save it again as UTF-8"
            ) from error
        except OSError as error:
            raise SourceError(
                f"the captions table {shown} cannot be read ({error.strerror}); "
                "make it readable or remove it"
            ) from error
        try:
            rows = list(csv.reader(_lines(text), delimiter=delimiter))
        except csv.Error as error:
            raise SourceError(
                f"the captions table {shown} cannot be read ({error}); look for a stray quote mark"
            ) from error
        header = [name.strip() for name in rows[0]] if rows else []
        keys = [name.casefold() for name in header]
        if "file" not in keys and "photo_id" not in keys:
            raise SourceError(
                f"the captions table {shown} has no column `file` or `photo_id`; "
                f"name one in its first line and separate the columns by {plural}"
            )
        by_file: dict[str, Caption] = {}
        by_stem: dict[str, Caption] = {}
        for cells in rows[1:]:
            row: dict[str, tuple[str, str]] = {}
            for name, column, cell in zip(keys, header, cells, strict=False):
                if name and cell.strip():
                    row.setdefault(name, (column, cell.strip()))
            photo_id = row.get("photo_id", ("", ""))[1]
            if "file" in keys:
                if "file" in row:
                    named = row["file"][1]
                    caption = _caption(row, photo_id)
                    # a back slash separates folders for Windows and is a character elsewhere
                    by_file.setdefault(_key(named), caption)
                    by_file.setdefault(_key(named.replace("\\", "/")), caption)
            elif photo_id:
                by_stem.setdefault(unicodedata.normalize("NFC", photo_id), _caption(row, photo_id))
        return cls(by_file, by_stem)

    def caption(self, relative: str) -> Caption:
        """What the table says of a file, by its path relative to the table's folder."""
        if self._by_file:
            return self._by_file.get(_key(relative), NO_CAPTION)
        stem = posixpath.splitext(posixpath.basename(relative))[0]
        return self._by_stem.get(unicodedata.normalize("NFC", stem), NO_CAPTION)


def _lines(text: str) -> Iterable[str]:
    """Lines with their ends, split where csv expects it, and nowhere else."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _key(path: str) -> str:
    # macOS stores file names decomposed, tables hold them composed
    return posixpath.normpath(unicodedata.normalize("NFC", path))


def _caption(row: Mapping[str, tuple[str, str]], photo_id: str) -> Caption:
    """A row, by case-folded column name: (column as written, cell that is not empty)."""
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
    metadata = Metadata(
        description=description,
        photographer=photographer,
        camera=camera,
        place=place,
        taken_at=taken_at,
        latitude=latitude,
        longitude=longitude,
        attributes={column: cell for name, (column, cell) in row.items() if name not in used},
    )
    return Caption(photo_id, metadata, _signature(photo_id, metadata))


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


def _signature(photo_id: str, metadata: Metadata) -> str:
    """The same for the same content, whatever fields later versions add to `Metadata`."""
    said = {item.name: getattr(metadata, item.name) for item in fields(metadata)}
    known = {name: value for name, value in said.items() if value not in ("", None, {})}
    return json.dumps([photo_id, known], default=str, sort_keys=True)

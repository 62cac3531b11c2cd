"""Captions tables: what a folder's `captions.tsv` or `captions.csv` says of its pictures."""

from __future__ import annotations

import csv
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from vistazo.errors import SourceError
from vistazo.records import Metadata, printable
from vistazo.sources.metadata import Cells, metadata_of, signature

TABLE_NAMES = ("captions.tsv", "captions.csv")
_DELIMITERS = {".tsv": ("\t", "tabs"), ".csv": (",", "commas")}


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


def _caption(row: Cells, photo_id: str) -> Caption:
    metadata = metadata_of(row)
    return Caption(photo_id, metadata, signature(photo_id, metadata))

"""Unsplash's data set: photos, conversions, keywords, collections and colors in one folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vistazo.errors import SourceError
from vistazo.records import printable
from vistazo.sources.base import Item, SideFile
from vistazo.sources.local import read_listed
from vistazo.sources.metadata import cells_of
from vistazo.sources.rows import Place, RowItems
from vistazo.sources.table import TextTable

PHOTOS = "photos"
OTHERS = ("conversions", "keywords", "collections", "colors")
_REQUIRED = ("photo_id", "photo_image_url")
# `photos.tsv000`, in newer releases `photos.csv000`; whole or in numbered parts, maybe compressed.
_PART = re.compile(r"(\w+)\.(tsv|csv)(\d*)(?:\.(?:gz|bz2|zst|lz4))?", re.IGNORECASE)


class UnsplashSource:
    """The photos of a folder with Unsplash's files, in the files' order.

    Args:
        folder: where the data set was unpacked.
    Raises:
        SourceError: it is no folder, holds no photos table, or a column is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(os.path.realpath(Path(folder).expanduser()))
        shown = printable(str(folder))
        try:
            self._files = _files_of(self._folder)
        except FileNotFoundError as error:
            raise SourceError(f"the folder {shown} does not exist") from error
        except NotADirectoryError as error:
            raise SourceError(
                f"{shown} is not a folder; give the one that Unsplash's files were unpacked to"
            ) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"the folder {shown} cannot be read: {reason}") from error
        if PHOTOS not in self._files:
            raise SourceError(
                f"there is no photos.tsv000 in {shown}; give the folder that holds Unsplash's files"
            )
        # Now, so that a file of something else does not leave an empty library behind.
        self._tables = [
            TextTable(path, [[name] for name in _REQUIRED], "photos table")
            for path in self._files[PHOTOS]
        ]

    @property
    def name(self) -> str:
        """`unsplash:` and the folder, links resolved."""
        return f"unsplash:{printable(str(self._folder))}"

    def items(self) -> Iterator[Item]:
        """Every photo; a row that is none comes as an item with a `problem`.

        Raises:
            SourceError: a file cannot be read, or there is no row at all.
        """
        made, met = RowItems(self._folder, id_required=True), False
        for table in self._tables:
            path = Path(table.path)
            for row in table.rows():
                met = True
                place = Place(path, "line", row.line)
                if row.problem:
                    yield place.item(place.problem(row.problem))
                    continue
                cells = cells_of(table.names, table.header, row.cells)
                item = made.item(place, cells, url_columns=_REQUIRED[1:])
                if item is not None:
                    yield item
        if not met:
            shown = printable(str(self._tables[0].path))
            raise SourceError(f"there are no photos below the first line of {shown}")

    def read(self, item: Item) -> bytes:
        """The bytes of a picture whose address is a path; called from several threads.

        Raises:
            FetchError: `missing`, `unreadable` or `too-large`; or it is no file.
        """
        return read_listed(item)

    def tables(self) -> Mapping[str, Sequence[SideFile]]:
        """The files of conversions, keywords, collections and colors that are there."""
        return {
            name: [SideFile(path) for path in self._files[name]]
            for name in OTHERS
            if name in self._files
        }


def _files_of(folder: Path) -> dict[str, list[Path]]:
    """Files by what they hold, parts in the order of their numbers.

    Of one content both as `.tsv` and as `.csv` the first is taken.
    """
    found: dict[str, dict[str, list[tuple[int, Path]]]] = {}
    for path in folder.iterdir():
        match = _PART.fullmatch(path.name)
        if match is None or match[1].lower() not in (PHOTOS, *OTHERS):
            continue
        kinds = found.setdefault(match[1].lower(), {})
        kinds.setdefault(match[2].lower(), []).append((int(match[3] or -1), path))
    return {
        name: [path for _, path in sorted(kinds.get("tsv") or kinds["csv"])]
        for name, kinds in found.items()
    }


if TYPE_CHECKING:
    from vistazo.sources.base import BringsTables, Source

    def _conforms(source: UnsplashSource) -> Source:
        return source

    def _brings_tables(source: UnsplashSource) -> BringsTables:
        return source

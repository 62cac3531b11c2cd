"""Lists of addresses: plain text, TSV or CSV, or JSON Lines, with or without metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistazo.errors import SourceError
from vistazo.records import printable
from vistazo.sources.base import Item
from vistazo.sources.local import read_listed
from vistazo.sources.metadata import Cells, cells_of
from vistazo.sources.rows import URL_COLUMNS, Place, RowItems
from vistazo.sources.table import TextTable, first_line, header_of, numbered_lines

_WHAT = "list of addresses"
_TABLES = (".csv", ".tsv")


class UrlsSource:
    """The pictures a list names, in its order: web addresses, or paths relative to the list.

    A table's header must name a column `url`, `image_url` or `photo_image_url`; an object of JSON
    Lines a key of such a name. The other columns are read as those of a captions table. Without
    one a file is plain text: an address on each line, lines that begin with `#` left out.

    Args:
        path: the list.
    Raises:
        SourceError: it cannot be read, or its columns have no address.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(os.path.realpath(Path(path).expanduser()))
        line = first_line(self._path, _WHAT)
        names, _ = header_of(line, [URL_COLUMNS])
        self._table: TextTable | None = None
        self._json = line.lstrip().startswith("{")
        tabular = self._path.suffix.lower() in _TABLES and "://" not in line
        if not self._json and (tabular or {name.casefold() for name in names} & set(URL_COLUMNS)):
            self._table = TextTable(self._path, [URL_COLUMNS], _WHAT)

    @property
    def name(self) -> str:
        """`urls:` and the list's path, links resolved."""
        return f"urls:{printable(str(self._path))}"

    def items(self) -> Iterator[Item]:
        """Every address; a line that is none comes as an item with a `problem`.

        Raises:
            SourceError: the list cannot be read, or names nothing.
        """
        made, met = RowItems(self._path.parent, id_required=False), False
        for place, cells, problem in self._rows():
            met = True
            if problem:
                yield place.item(place.problem(problem))
            elif (item := made.item(place, cells)) is not None:
                yield item
        if not met:
            raise SourceError(f"there is no address in {printable(str(self._path))}")

    def read(self, item: Item) -> bytes:
        """The bytes of a local file; called from several threads.

        Raises:
            FetchError: `missing`, `unreadable` or `too-large`; or it is no file.
        """
        return read_listed(item)

    def _rows(self) -> Iterator[tuple[Place, Cells, str]]:
        """(where, row, why it is none)."""
        if self._table is not None:
            for row in self._table.rows():
                place = Place(self._path, "line", row.line)
                yield (
                    place,
                    cells_of(self._table.names, self._table.header, row.cells),
                    row.problem,
                )
            return
        for number, line in numbered_lines(self._path, _WHAT):
            place, text = Place(self._path, "line", number), line.strip()
            if self._json and text:
                yield place, *_object(text)
            elif text and not text.startswith("#"):
                yield place, {"url": ("url", text)}, ""


def _object(text: str) -> tuple[Cells, str]:
    """A line of JSON Lines as a row; lists and objects in it stay JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "is not valid JSON"
    if not isinstance(found, dict):
        return {}, "is not a JSON object"
    cells: dict[str, tuple[str, str]] = {}
    for key, value in found.items():
        if said := _said(value).strip():
            cells.setdefault(key.strip().casefold(), (key.strip(), said))
    return cells, ""


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


if TYPE_CHECKING:
    from vistazo.sources.base import Source

    def _conforms(source: UrlsSource) -> Source:
        return source

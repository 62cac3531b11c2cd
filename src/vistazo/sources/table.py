"""Tables in text files, row by row: TSV or CSV, quoted or not, plain or compressed.

What the text files of Unsplash are like: separated by tabs under the name `.tsv000`, and in some
releases under `.csv000`, so the header decides and not the name. Their makers load them with
PostgreSQL's `FORMAT csv`: a field that holds a quote mark or a tab is quoted, its quote marks are
doubled. Files that other tools wrote do not quote at all. So a line of tabs is split without
regard to quotes first; a field that is quoted from end to end is unquoted after that, and a line
with the wrong number of fields is read again by the rules of CSV, which may take more lines.
"""

from __future__ import annotations

import csv
import os
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from vistazo.errors import SourceError
from vistazo.records import printable
from vistazo.sources.opened import begins_as, damaged, decompressed, open_table, unreadable
from vistazo.sources.utf8 import Utf8Stream

DELIMITERS = "\t,;"
_BLOCK_BYTES = 1 << 20
_LONGEST_LINE_BYTES = 16 << 20
# A quoted field may hold so many line breaks; without a bound one stray quote mark would make
# every line after it be read again and again.
_MOST_LINES = 100
_QUOTED = re.compile(r'"(?:[^"]|"")*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """A row, or why a line is none.

    Attributes:
        line: number of its first line in the file, from 1.
        cells: as many as the header has; of a problem whatever could be split.
        problem: the end of a sentence; empty for a row.
    """

    line: int
    cells: Sequence[str]
    problem: str = ""


class TextTable:
    """One file, read as a stream; every call of `rows` opens it anew.

    Args:
        path: a regular file.
        any_of: columns of which the header must have at least one, for each of the collections;
            names are compared without regard to case.
        what: how messages call it, such as `photos table`.
    Raises:
        SourceError: it cannot be read, or a column is missing.
    """

    def __init__(
        self, path: str | os.PathLike[str], any_of: Sequence[Collection[str]], what: str
    ) -> None:
        self.path = path
        self._what = what
        line = first_line(path, what)
        self.header, self._delimiter = header_of(line, any_of)
        self.names = [name.casefold() for name in self.header]
        for names in any_of:
            if not set(names) & set(self.names):
                shown = ", ".join(printable(name) for name in self.header)
                raise SourceError(
                    f"{printable(os.fspath(path))} has no column {' or '.join(names)}; its first"
                    " line must name the columns, with tabs, commas or semicolons between them,"
                    f" and is: {shown[:300]}"
                )

    def rows(self) -> Iterator[Row]:
        """Every row below the header; blank lines are left out.

        Raises:
            SourceError: the file is damaged, or no text.
        """
        lines = numbered_lines(self.path, self._what)
        ahead: deque[tuple[int, str]] = deque()
        for _ in lines:  # the header
            break
        while True:
            found = ahead.popleft() if ahead else next(lines, None)
            if found is None:
                return
            if found[1].strip():
                yield self._row(*found, lines, ahead)

    def _row(
        self,
        number: int,
        line: str,
        lines: Iterator[tuple[int, str]],
        ahead: deque[tuple[int, str]],
    ) -> Row:
        count = len(self.header)
        cells: Sequence[str] = line.split(self._delimiter)
        if '"' in line:
            if self._delimiter == "\t" and len(cells) == count:
                cells = [unquoted(cell) for cell in cells]
            else:
                strict = _strict(line, self._delimiter)
                cells = strict or self._joined(line, lines, ahead) or cells
        if len(cells) > count and not any(cell.strip() for cell in cells[count:]):
            cells = cells[:count]  # delimiters at the end of the line
        if len(cells) != count:
            return Row(number, cells, f"has {len(cells)} fields, and the first line names {count}")
        return Row(number, cells)

    def _joined(
        self, line: str, lines: Iterator[tuple[int, str]], ahead: deque[tuple[int, str]]
    ) -> Sequence[str] | None:
        """Cells of a row whose quoted field goes on in the lines that follow."""
        for count in range(_MOST_LINES):
            if count == len(ahead):
                more = next(lines, None)
                if more is None:
                    return None
                ahead.append(more)
            line += "\n" + ahead[count][1]
            cells = _strict(line, self._delimiter)
            if cells is not None:
                if len(cells) != len(self.header):
                    return None
                for _ in range(count + 1):
                    ahead.popleft()
                return cells
        return None


def header_of(line: str, any_of: Sequence[Collection[str]]) -> tuple[list[str], str]:
    """Names of the columns, and the delimiter: the one that shows the columns looked for."""
    readings = [
        ([name.strip() for name in fields(line, delimiter)], delimiter) for delimiter in DELIMITERS
    ]
    for names, delimiter in readings:
        known = {name.casefold() for name in names}
        if all(known & set(wanted) for wanted in any_of):
            return names, delimiter
    return max(readings, key=lambda reading: len(reading[0]))


def fields(line: str, delimiter: str) -> list[str]:
    """A line's fields by the rules of CSV, or split at every delimiter where those do not fit."""
    found = _strict(line, delimiter)
    return line.split(delimiter) if found is None else found


def unquoted(cell: str) -> str:
    """A cell that is quoted from end to end, by the rules of CSV, without its quotes."""
    if cell.startswith('"') and len(cell) > 1 and _QUOTED.fullmatch(cell):
        return cell[1:-1].replace('""', '"')
    return cell


def first_line(path: str | os.PathLike[str], what: str) -> str:
    """The first line that is not blank."""
    for _, line in numbered_lines(path, what):
        return line
    raise SourceError(f"the file {printable(os.fspath(path))} has only blank lines")


def numbered_lines(path: str | os.PathLike[str], what: str) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of every line from the first that is not blank.

    Bytes that are not UTF-8 are read as Latin-1.

    Raises:
        SourceError: the file cannot be read, is compressed and damaged, or is no text.
    """
    shown = printable(os.fspath(path))
    with open_table(path, what, "photos.tsv000") as file:
        try:
            stream = Utf8Stream(decompressed(file, begins_as(file, shown, what)))
            number, started, rest = 0, False, b""
            while True:
                block = stream.read(_BLOCK_BYTES)
                # A line end may itself be cut in two.
                lines = (rest + block).splitlines(keepends=True)
                rest = lines.pop() if block and lines and not lines[-1].endswith(b"\n") else b""
                if len(rest) > _LONGEST_LINE_BYTES:
                    raise SourceError(f"{shown} is no {what}: it is not made of lines of text")
                for line in lines:
                    number += 1
                    text = line.rstrip(b"\r\n").decode("utf-8", "replace")
                    started = started or bool(text.strip())
                    if started:
                        yield number, text
                if not block:
                    return
        except (pa.ArrowException, EOFError) as error:
            raise damaged(path, what, error) from error
        except OSError as error:
            if error.errno is None:  # Arrow's, from a damaged archive
                raise damaged(path, what, error) from error
            raise unreadable(path, error) from error


def _strict(line: str, delimiter: str) -> list[str] | None:
    """Fields by the rules of CSV; None where a quote mark is never closed, or followed by more."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None

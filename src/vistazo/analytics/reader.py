"""A file to be loaded, as Arrow batches: Unsplash's TSV, CSV, or Parquet, plain or compressed.

How text files are written tells `sources/table.py`, which reads them row by row; here they are
millions of lines, and Arrow splits them. Its own quoting would take a field that merely begins
with a quote mark for the start of a quoted one and lose everything up to the next. So lines are
split without regard to quotes; a field that is quoted from end to end is unquoted after that, and
a line with the wrong number of fields is read again by the rules of CSV. A line break inside of a
quoted field is not understood: Unsplash took these out in version 1.1.0.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from vistazo.analytics.columns import cleaned, unquoted
from vistazo.analytics.tables import CONVERSIONS, Table
from vistazo.errors import SourceError
from vistazo.records import printable
from vistazo.sources.opened import (
    PARQUET,
    begins_as,
    damaged,
    decompressed,
    open_table,
    unreadable,
)
from vistazo.sources.table import fields, header_of
from vistazo.sources.utf8 import Utf8Stream

# About 50,000 lines at a time: four million in 7 s within 0.8 GB. Four times as many at a time are
# no faster and take 1.1 GB (bench/conversions_load.py).
_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 50_000


class TableFile:
    """An open file of a table's rows; to be used in a `with` statement.

    Args:
        path: a regular file.
        table: what its rows are.

    Attributes:
        rejected: lines so far that are no row: wrong number of fields, or no photo id.

    Raises:
        SourceError: it is missing, no file, empty, or not readable.
    """

    def __init__(self, path: str | os.PathLike[str], table: Table = CONVERSIONS) -> None:
        self.table = table
        self._path = path
        self._shown = printable(os.fspath(path))
        self.rejected = 0
        self._file = open_table(path, table.what, f"{table.name}.tsv000")
        self._status = os.fstat(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def digest(self) -> str:
        """BLAKE2b-128 (hex) of the file's bytes, read in a pass of its own."""
        try:
            self._file.seek(0)
            return hashlib.file_digest(
                self._file, lambda: hashlib.blake2b(digest_size=16)
            ).hexdigest()
        except OSError as error:
            raise unreadable(self._path, error) from error

    def check_unchanged(self) -> None:
        """Make sure that nobody has written to the file since it was opened.

        Raises:
            SourceError: somebody has.
        """
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise SourceError(
                f"the file {self._shown} changed while it was read;"
                " run the same command again when it is complete"
            )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in the file's order but for lines that had to be read twice.

        Yields:
            The required columns, and those of the table that the file has, as `cleaned` makes
            them. From Parquet also `id` (uint64), where the file has one for every row.

        Raises:
            SourceError: a required column is missing, or the file is damaged.
        """
        self.rejected = 0
        magic = begins_as(self._file, self._shown, self.table.what)
        found = self._parquet() if magic == PARQUET else self._text(magic)
        while (batch := self._next(found)) is not None:
            kept = batch.filter(pc.not_equal(batch["photo_id"], ""))
            self.rejected += batch.num_rows - kept.num_rows
            yield kept

    def _next(self, found: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(found, None)
        except (pa.ArrowException, OSError, EOFError) as error:
            raise damaged(self._path, self.table.what, error) from error

    # Parquet

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        parquet = pq.ParquetFile(self._file)
        names = list(parquet.schema_arrow.names)
        places = self._places(names)
        wanted = [names[place] for place in places.values()]
        ids = next((name for name in names if name.lower() == "id"), None)
        if ids and pa.types.is_integer(parquet.schema_arrow.field(ids).type):
            wanted.append(ids)
        else:
            ids = None
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=wanted):
            arrays = {name: batch.column(names[place]) for name, place in places.items()}
            columns = {name: self._clean(name, array) for name, array in arrays.items()}
            if ids and not batch.column(ids).null_count:
                # Ids are opaque: a negative one keeps its bits.
                signed = batch.column(ids).cast(pa.int64(), safe=False)
                columns["id"] = signed.view(pa.uint64())
            yield pa.RecordBatch.from_pydict(columns)

    # Text

    def _text(self, magic: bytes) -> Iterator[pa.RecordBatch]:
        stream = Utf8Stream(decompressed(self._file, magic))
        header, delimiter = header_of(stream.line(), [{name} for name in self.table.required])
        places = self._places(header)
        again: list[list[str]] = []

        def reread(row: Any) -> str:
            cells = fields(row.text, delimiter)
            if len(cells) == len(header):
                again.append([cells[place] for place in places.values()])
            else:
                self.rejected += 1
            return "skip"

        if stream.ended():
            return
        labels = [str(number) for number in range(len(header))]
        wanted = [labels[place] for place in places.values()]
        with pyarrow.csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            # One thread: fast enough, and lines are met in the file's order, always.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=labels
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char=False, invalid_row_handler=reread
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                check_utf8=False,
            ),
        ) as reader:
            for batch in reader:
                yield pa.RecordBatch.from_pydict(
                    {
                        name: self._clean(name, unquoted(array))
                        for name, array in zip(places, batch.columns, strict=True)
                    }
                )
                if len(again) >= _BATCH_ROWS:
                    yield self._from_rows(again, list(places))
                    again.clear()
        if again:
            yield self._from_rows(again, list(places))

    def _places(self, names: Sequence[str]) -> dict[str, int]:
        known = [name.strip().lower() for name in names]
        for required in self.table.required:
            if required not in known:
                shown = ", ".join(printable(name.strip()) for name in names)
                raise SourceError(
                    f"{self._shown} has no column {required}; a {self.table.what} names"
                    f" {' and '.join(self.table.required)} in its first line, and this one:"
                    f" {shown[:300]}"
                )
        return {name: known.index(name) for name in self.table.columns if name in known}

    def _from_rows(self, rows: Sequence[Sequence[str]], names: Sequence[str]) -> pa.RecordBatch:
        columns = zip(*rows, strict=True)
        return pa.RecordBatch.from_pydict(
            {
                name: self._clean(name, pa.array(values, pa.string()))
                for name, values in zip(names, columns, strict=True)
            }
        )

    def _clean(self, name: str, array: pa.Array) -> pa.Array:
        return cleaned(self.table.columns[name], array)

"""A conversions file as Arrow batches: Unsplash's TSV, CSV, or Parquet, plain or compressed.

What the text files of Unsplash are like: separated by tabs under the name `.tsv000`, and in some
releases under `.csv000`, so the header decides and not the name. Their makers load them with
PostgreSQL's `FORMAT csv`: a field that holds a quote mark or a tab is quoted, its quote marks are
doubled. Files that other tools wrote do not quote at all. Arrow's own quoting would take a field
that merely begins with a quote mark for the start of a quoted one and lose everything up to the
next. So lines are split without regard to quotes; a field that is quoted from end to end is
unquoted after that, and a line with the wrong number of fields is read again by the rules of CSV.
A line break inside of a quoted field is not understood: Unsplash took these out in version 1.1.0.
"""

from __future__ import annotations

import csv
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from vistazo.analytics.columns import cleaned, unquoted
from vistazo.analytics.utf8 import Utf8Stream
from vistazo.errors import SourceError
from vistazo.records import printable

REQUIRED = ("photo_id", "keyword")
COLUMNS = (
    *REQUIRED,
    "converted_at",
    "conversion_type",
    "anonymous_user_id",
    "conversion_country",
)

# About 50,000 lines at a time: four million in 7 s within 0.8 GB. Four times as many at a time are
# no faster and take 1.1 GB (bench/conversions_load.py).
_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 50_000
_CODECS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}


class ConversionsFile:
    """An open conversions file; to be used in a `with` statement.

    Args:
        path: a regular file.

    Attributes:
        rejected: lines so far that are no conversion: wrong number of fields, or no photo id.

    Raises:
        SourceError: it is missing, no file, empty, or not readable.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._shown = printable(os.fspath(path))
        self.rejected = 0
        try:
            status = os.stat(path)  # noqa: PTH116  (before opening: a FIFO would block)
            if stat.S_ISDIR(status.st_mode):
                raise SourceError(
                    f"{self._shown} is a folder; give the conversions file in it,"
                    " such as conversions.tsv000"
                )
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(f"{self._shown} is not a regular file; save it to one first")
            self._file = Path(path).open("rb")  # noqa: SIM115  (closed by __exit__)
        except FileNotFoundError as error:
            raise SourceError(f"the file {self._shown} does not exist; check the path") from error
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        self._status = os.fstat(self._file.fileno())
        if self._status.st_size == 0:
            self._file.close()
            raise SourceError(f"the file {self._shown} is empty; download it again")

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
            raise self._unreadable(error) from error

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
        """The conversions, in the file's order but for lines that had to be read twice.

        Yields:
            Columns photo_id and keyword, and those of COLUMNS that the file has, without nulls
            but in converted_at (timestamp in ms, UTC; null where it cannot be understood). From
            Parquet also `id` (uint64), where the file has one for every row.

        Raises:
            SourceError: a required column is missing, or the file is damaged.
        """
        self.rejected = 0
        self._file.seek(0)
        magic = self._file.read(4)
        self._file.seek(0)
        if magic.startswith(b"PK\x03\x04"):
            raise SourceError(
                f"{self._shown} is a zip archive; unpack it and give the conversions file in it"
            )
        found = self._parquet() if magic == b"PAR1" else self._text(magic)
        while (batch := self._next(found)) is not None:
            kept = batch.filter(pc.not_equal(batch["photo_id"], ""))
            self.rejected += batch.num_rows - kept.num_rows
            yield kept

    def _next(self, found: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(found, None)
        except (pa.ArrowException, OSError, EOFError) as error:
            raise SourceError(
                f"the file {self._shown} is damaged or no conversions file"
                f" ({printable(str(error))[:200].rstrip('.')}); download it again"
            ) from error

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
            columns = {name: cleaned(name, array) for name, array in arrays.items()}
            if ids and not batch.column(ids).null_count:
                # Ids are opaque: a negative one keeps its bits.
                signed = batch.column(ids).cast(pa.int64(), safe=False)
                columns["id"] = signed.view(pa.uint64())
            yield pa.RecordBatch.from_pydict(columns)

    # Text

    def _text(self, magic: bytes) -> Iterator[pa.RecordBatch]:
        raw: Any = self._file
        for start, codec in _CODECS.items():
            if magic.startswith(start):
                raw = pa.CompressedInputStream(raw, codec)
        stream = Utf8Stream(raw)
        header, delimiter = self._header(stream.line())
        places = self._places(header)
        again: list[list[str]] = []

        def reread(row: Any) -> str:
            fields = _fields(row.text, delimiter)
            if len(fields) == len(header):
                again.append([fields[place] for place in places.values()])
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
                        name: cleaned(name, unquoted(array))
                        for name, array in zip(places, batch.columns, strict=True)
                    }
                )
                if len(again) >= _BATCH_ROWS:
                    yield _from_rows(again, list(places))
                    again.clear()
        if again:
            yield _from_rows(again, list(places))

    def _header(self, line: str) -> tuple[list[str], str]:
        readings = [(_fields(line, delimiter), delimiter) for delimiter in "\t,;"]
        for names, delimiter in readings:
            if set(REQUIRED) <= {name.strip().lower() for name in names}:
                return names, delimiter
        return max(readings, key=lambda reading: len(reading[0]))

    def _places(self, names: Sequence[str]) -> dict[str, int]:
        known = [name.strip().lower() for name in names]
        for required in REQUIRED:
            if required not in known:
                shown = ", ".join(printable(name.strip()) for name in names)
                raise SourceError(
                    f"{self._shown} has no column {required}; a conversions file names photo_id"
                    f" and keyword in its first line, and this one: {shown[:300]}"
                )
        return {name: known.index(name) for name in COLUMNS if name in known}

    def _unreadable(self, error: Exception) -> SourceError:
        reason = getattr(error, "strerror", None) or str(error)
        return SourceError(
            f"the file {self._shown} cannot be read ({reason}); check its permissions"
        )


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        # A quote mark that is never closed, or followed by more: no field of CSV.
        return line.split(delimiter)


def _from_rows(rows: Sequence[Sequence[str]], names: Sequence[str]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_pydict(
        {
            name: cleaned(name, pa.array(values, pa.string()))
            for name, values in zip(names, columns, strict=True)
        }
    )

"""Files of tables as they are opened: with a reason in one sentence when they cannot be."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from vistazo.errors import SourceError
from vistazo.records import printable

PARQUET = b"PAR1"
_ZIP = b"PK\x03\x04"
_CODECS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}


def open_table(path: str | os.PathLike[str], what: str, example: str) -> BufferedReader:
    """Open a file of a table.

    Args:
        what: how messages call it, such as `conversions file`.
        example: a name such a file has.
    Raises:
        SourceError: it is missing, no regular file, empty, or not readable.
    """
    shown = printable(os.fspath(path))
    try:
        status = os.stat(path)  # noqa: PTH116  (before opening: a FIFO would block)
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{shown} is a folder; give the {what} in it, such as {example}")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{shown} is not a regular file; save it to one first")
        file = Path(path).open("rb")  # noqa: SIM115  (closed by the caller)
    except FileNotFoundError as error:
        raise SourceError(f"the file {shown} does not exist; check the path") from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise SourceError(f"the file {shown} is empty; download it again")
    return file


def begins_as(file: BufferedReader, shown: str, what: str) -> bytes:
    """The first 4 bytes, which tell the format; the file stands at its start again.

    Raises:
        SourceError: it is an archive.
    """
    file.seek(0)
    magic = file.read(4)
    file.seek(0)
    if magic == _ZIP:
        raise SourceError(f"{shown} is a zip archive; unpack it and give the {what} in it")
    return magic


def decompressed(file: BufferedReader, magic: bytes) -> Any:
    """The bytes of a text file that may be compressed by gzip, bzip2, zstd or lz4."""
    for start, codec in _CODECS.items():
        if magic.startswith(start):
            return pa.CompressedInputStream(file, codec)
    return file


def unreadable(path: str | os.PathLike[str], error: Exception) -> SourceError:
    """The error of a file that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error)
    shown = printable(os.fspath(path))
    return SourceError(f"the file {shown} cannot be read ({reason}); check its permissions")


def damaged(path: str | os.PathLike[str], what: str, error: Exception) -> SourceError:
    """The error of a file whose content cannot be understood."""
    reason = printable(str(error))[:200].rstrip(".")
    shown = printable(os.fspath(path))
    return SourceError(f"the file {shown} is damaged or no {what} ({reason}); download it again")

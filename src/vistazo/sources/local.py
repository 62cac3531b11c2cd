"""Local picture files: their bytes, and what shows that they have changed."""

from __future__ import annotations

import hashlib
import os
import stat

from vistazo.errors import FetchError
from vistazo.records import printable, uri_of
from vistazo.sources.base import Item

MAX_BYTES = 512 * 1024 * 1024


def read_file(url: str, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes behind a `file:` URL.

    Args:
        max_bytes: larger files are refused.
    Raises:
        FetchError: `missing`, `unreadable` or `too-large`.
    """
    path = uri_of(url)
    shown = printable(path)
    try:
        with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FetchError(f"{shown} is not a regular file", code="unreadable")
            if status.st_size > max_bytes:
                raise FetchError(
                    f"{shown} has {status.st_size:,} bytes, more than the limit of {max_bytes:,}",
                    code="too-large",
                )
            return file.readall()
    except FileNotFoundError as error:
        raise FetchError(f"{shown} does not exist any more", code="missing") from error
    except (OSError, ValueError) as error:
        raise unreadable_file(shown, error) from error


def read_listed(item: Item) -> bytes:
    """The bytes of a picture that a table names by its path.

    Raises:
        FetchError: its problem, if it has one; as `read_file` does; or it is a web address, which
            no source reads.
    """
    if item.problem is not None:
        raise item.problem
    if not item.url.startswith("file:"):
        raise FetchError(f"{printable(item.url)} is a web address and was not downloaded")
    return read_file(item.url)


def fingerprint(status: os.stat_result, said: str) -> str:
    """Changes with a file's size or time, and with what a table says of it."""
    return digest(f"{status.st_size} {status.st_mtime_ns} {said}")


def digest(text: str) -> str:
    """16 hexadecimal digits for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def unreadable_file(shown: str, error: Exception) -> FetchError:
    """The failure of a file that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error)
    return FetchError(f"{shown} cannot be read: {reason}", code="unreadable")


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a pipe that took a picture's place since the walk must not wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))

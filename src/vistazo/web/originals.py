"""The file of a photo, served only while it holds what was indexed.

What a row of `photos` calls its address is not believed: a file is opened, its content compared
with the row's hash, and the same open file is sent. A link, a path that leads elsewhere or a row
that somebody wrote by hand shows nothing but pictures whose content the library knows already.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import to_thread

from vistazo.ingest.formats import kind_of
from vistazo.records import Photo, printable, uri_of
from vistazo.sources.local import MAX_BYTES

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_CHUNK = 256 * 1024
_REMEMBERED = 4096


class NoOriginal(LookupError):
    """The photo's file is gone, or is another one by now; its text says so in a sentence."""


@dataclass(frozen=True, slots=True)
class Original:
    """An open file with the content that was indexed; close it.

    Attributes:
        kind: its format, as Pillow names it.
        modified_s: when it changed last, seconds since 1970.
    """

    descriptor: int
    size: int
    kind: str
    modified_s: float

    def read(self) -> bytes:
        """All of it."""
        return b"".join(_chunks(self.descriptor, 0, self.size))

    async def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, without holding up other requests."""
        while start < end:
            part = await to_thread.run_sync(
                os.pread, self.descriptor, min(_CHUNK, end - start), start
            )
            if not part:
                return  # cut off since: the client sees that bytes are missing
            start += len(part)
            yield part

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Originals:
    """Opens the files of photos; safe to call from several threads."""

    def __init__(self) -> None:
        self._checked: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._guard = threading.Lock()

    def open(self, photo: Photo) -> Original:
        """Open a photo's file.

        Raises:
            NoOriginal: there is none, or it is not what was indexed.
        """
        shown = printable(photo.photo_id)
        if not (photo.url.startswith("file:") and photo.content_hash):
            raise NoOriginal(f"the library knows no file of photo '{shown}'")
        path = uri_of(photo.url)
        try:
            # Opening a pipe that took the picture's place must not wait for a writer.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(path, flags)
        except FileNotFoundError as error:
            raise NoOriginal(f"the file of photo '{shown}' does not exist any more") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its path is none"
            text = f"the file of photo '{shown}' cannot be read: {printable(str(reason))}"
            raise NoOriginal(text) from error
        try:
            return self._checked_file(photo, descriptor, shown)
        except BaseException:
            os.close(descriptor)
            raise

    def _checked_file(self, photo: Photo, descriptor: int, shown: str) -> Original:
        status = os.fstat(descriptor)
        changed = NoOriginal(
            f"the file of photo '{shown}' has changed since it was indexed; index its folder again"
        )
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_BYTES:
            raise changed
        kind = kind_of(os.pread(descriptor, 4096, 0))
        if not kind or status.st_size != photo.size_bytes:
            raise changed
        key = (
            photo.content_hash,
            *(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns),
        )
        with self._guard:
            known = key in self._checked
        if not known:
            hashed = hashlib.blake2b(digest_size=16)
            for part in _chunks(descriptor, 0, status.st_size):
                hashed.update(part)
            if hashed.hexdigest() != photo.content_hash:
                raise changed
            with self._guard:
                self._checked[key] = None
                while len(self._checked) > _REMEMBERED:
                    self._checked.popitem(last=False)
        return Original(descriptor, status.st_size, kind, status.st_mtime)


def _chunks(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while start < end and (part := os.pread(descriptor, min(_CHUNK, end - start), start)):
        start += len(part)
        yield part

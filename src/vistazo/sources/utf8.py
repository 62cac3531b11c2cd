"""Text of unknown encoding as a stream of valid UTF-8."""

from __future__ import annotations

import codecs
from typing import Any

LATIN_1 = "vistazo-latin-1"  # an error handler: stray bytes are read as Latin-1
_CHUNK_BYTES = 1 << 20


class Utf8Stream:
    """A text file's bytes as valid UTF-8, without the byte order mark.

    Bytes that are not UTF-8 are read as Latin-1, where every byte is a letter: that is what a
    file is that older tools wrote, and nothing is lost. A UTF-16 mark is heeded.
    """

    closed = False

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._ended = False
        start = raw.read(4096)
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        self._decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")(
            "replace" if wide else LATIN_1
        )
        self._ready = self._decoder.decode(start).encode("utf-8", "replace")

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, empty at the end; everything when negative."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            raw = self._raw.read(max(size - len(self._ready), _CHUNK_BYTES))
            self._ended = not raw
            self._ready += self._decoder.decode(raw, not raw).encode("utf-8", "replace")
        if size < 0:
            size = len(self._ready)
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def line(self) -> str:
        """The first line that is not blank, taken out of the stream; empty if there is none."""
        self._ready = self.read(_CHUNK_BYTES) + self._ready
        text = self._ready.lstrip(b"\r\n")
        end = min(at if (at := text.find(mark)) >= 0 else len(text) for mark in (b"\n", b"\r"))
        self._ready = text[end:]
        return text[:end].decode("utf-8", "replace")

    def ended(self) -> bool:
        """Whether nothing but line ends is left."""
        self._ready = self.read(_CHUNK_BYTES) + self._ready
        self._ready = self._ready.lstrip(b"\r\n")
        return not self._ready

    def close(self) -> None:
        """End the reading, as Arrow asks for; the file stays open."""
        self.closed = True


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(LATIN_1, _as_latin_1)

"""Compressed bodies: HTTP's content encodings, and ClickHouse's own blocks with their checksums."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import lz4.block
import lz4.frame
from clickhouse_cityhash.cityhash import CityHash128

from vistazo.errors import InvalidSQL

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# The server's order of preference.
ENCODINGS = ("zstd", "br", "lz4", "gzip", "deflate")

_UNKNOWN_METHOD, _CHECKSUM, _BROKEN, _TOO_MANY_BYTES = 89, 40, 271, 307
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02
_HEAD = struct.Struct("<BII")  # method, size with this head, size of the data
_BLOCK = 1 << 20
_STEP = 1 << 18


class Encoder(Protocol):
    """Compresses a stream; `flush` ends it."""

    def compress(self, data: bytes) -> bytes: ...  # noqa: D102
    def flush(self) -> bytes: ...  # noqa: D102


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Compressor(quality=3)

    def compress(self, data: bytes) -> bytes:
        return bytes(self._inner.process(data))

    def flush(self) -> bytes:
        return bytes(self._inner.finish())


class _Lz4:
    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        begin = b"" if self._begun else self._inner.begin()
        self._begun = True
        return bytes(begin + self._inner.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + bytes(self._inner.flush())


class _Blocks:
    """ClickHouse's native frames, as `compress=1` asks for."""

    def compress(self, data: bytes) -> bytes:
        return b"".join(
            _block(data[start : start + _BLOCK]) for start in range(0, len(data), _BLOCK)
        )

    def flush(self) -> bytes:
        return b""


def encoder(name: str, level: int = 3) -> Encoder:
    """A compressor for one body; `native` is ClickHouse's own frames."""
    if name in ("gzip", "deflate"):
        wbits = 31 if name == "gzip" else 15
        return zlib.compressobj(min(max(level, 1), 9), zlib.DEFLATED, wbits)
    if name == "zstd":
        compressor: Encoder = zstd.ZstdCompressor(level=1)
        return compressor
    if name == "br":
        return _Brotli()
    return _Blocks() if name == "native" else _Lz4()


def accepted(header: str) -> str | None:
    """The encoding to answer in, by an Accept-Encoding header; None for none."""
    wanted = set()
    for part in header.lower().split(","):
        name, _, options = part.partition(";")
        if options.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            wanted.add(name.strip())
    return next((name for name in ENCODINGS if name in wanted), None)


class Decoder:
    """Decompresses a body piece by piece, never to more than a bound.

    Args:
        names: the encodings, the outermost last; `native` is ClickHouse's own frames.
        max_bytes: of what comes out.
    """

    def __init__(self, names: list[str], max_bytes: int) -> None:
        self._stages = [_stage(name) for name in reversed(names)]
        self._left = max_bytes
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What a further piece decompresses to.

        Raises:
            InvalidSQL: it is damaged, or is more than allowed.
        """
        for piece in self._through(data, 0):
            self._left -= len(piece)
            if self._left < 0:
                raise InvalidSQL(
                    f"the body is larger than {self._max_bytes:,} bytes, the limit of this server",
                    engine_code=_TOO_MANY_BYTES,
                )
            yield piece

    def end(self) -> None:
        """Make sure that nothing is cut off.

        Raises:
            InvalidSQL: the body ended early.
        """
        if not all(stage.finished for stage in self._stages):
            raise InvalidSQL("the compressed body ends too early", engine_code=_BROKEN)

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._stages):
            if data:
                yield data
            return
        try:
            for piece in self._stages[depth].feed(data):
                yield from self._through(piece, depth + 1)
        except InvalidSQL:
            raise
        except (zlib.error, zstd.ZstdError, brotli.error, RuntimeError, ValueError) as error:
            raise InvalidSQL(
                f"the compressed body is damaged: {error}", engine_code=_BROKEN
            ) from error


class _Stage(Protocol):
    @property
    def finished(self) -> bool: ...
    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Frames:
    """Any number of compressed frames one after the other, in steps of bounded size."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._inner: Any = None
        self._any = False

    @property
    def finished(self) -> bool:
        return self._inner is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or (self._inner is not None and not self._inner.needs_input):
            if self._inner is None:
                self._inner = self._make()
            yield self._inner.decompress(data, _STEP)
            data = b""
            if self._inner.eof:
                data = self._inner.unused_data or b""
                self._inner = None


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inner: Any = None

    @property
    def finished(self) -> bool:
        return self._inner is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner is None:
                self._inner = zlib.decompressobj(self._wbits)
            yield self._inner.decompress(data, _STEP)
            data = self._inner.unconsumed_tail
            if self._inner.eof:
                data = self._inner.unused_data
                self._inner = None


class _BrotliIn:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._begun = False

    @property
    def finished(self) -> bool:
        return not self._begun or bool(self._inner.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        piece = self._inner.process(data, output_buffer_limit=_STEP)
        while piece or not self._inner.can_accept_more_data():
            yield piece
            piece = self._inner.process(b"", output_buffer_limit=_STEP)


class _BlocksIn:
    """ClickHouse's native frames."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def finished(self) -> bool:
        return not self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        rest = self._rest + data
        at = 0
        while len(rest) - at >= 16 + _HEAD.size:
            method, size, plain_size = _HEAD.unpack_from(rest, at + 16)
            if size < _HEAD.size or size > 1 << 30 or plain_size > 1 << 30:
                raise InvalidSQL("a compressed block is too large", engine_code=_BROKEN)
            end = at + 16 + size
            if len(rest) < end:
                break
            if _checksum(rest[at + 16 : end]) != rest[at : at + 16]:
                raise InvalidSQL("Checksum doesn't match: corrupted data", engine_code=_CHECKSUM)
            yield _plain(method, rest[at + 16 + _HEAD.size : end], plain_size)
            at = end
        self._rest = rest[at:]


def _plain(method: int, data: bytes, size: int) -> bytes:
    if method == _LZ4:
        return bytes(lz4.block.decompress(data, uncompressed_size=size))
    if method == _ZSTD:
        return bytes(zstd.ZstdDecompressor().decompress(data, size))
    if method == _NONE:
        return data
    raise InvalidSQL(f"Unknown compression method: {method}", engine_code=_UNKNOWN_METHOD)


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    body = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(data)) + packed
    return _checksum(body) + body


def _checksum(block: bytes) -> bytes:
    digest: int = CityHash128(block)
    return struct.pack("<QQ", digest >> 64, digest & 0xFFFF_FFFF_FFFF_FFFF)


def _stage(name: str) -> _Stage:
    if name == "native":
        return _BlocksIn()
    if name in ("gzip", "x-gzip"):
        return _Zlib(31)
    if name == "deflate":
        return _Zlib(15)
    if name == "br":
        return _BrotliIn()
    if name == "zstd":
        return _Frames(zstd.ZstdDecompressor)
    if name == "lz4":
        return _Frames(lz4.frame.LZ4FrameDecompressor)
    raise InvalidSQL(f"Unknown compression method {name}", engine_code=_UNKNOWN_METHOD)

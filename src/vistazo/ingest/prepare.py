"""One item, in a decoding thread: read, hash, decode, shrink."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vistazo.errors import FetchError, ImageError, ItemError
from vistazo.ingest.decode import DecodeLimits, decode, thumbnail_of
from vistazo.ingest.triage import Work
from vistazo.records import Metadata, Photo, UInt8Array, printable

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder
    from vistazo.sources.base import Source


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item ready for its vector.

    Attributes:
        pixels: (side, side, 3) uint8, the encoder's input; None when the library has a vector
            of the same bytes already.
        thumbnail: WebP or JPEG bytes; empty together with `pixels`.
    """

    work: Work
    photo: Photo
    pixels: UInt8Array | None
    thumbnail: bytes


class KnownContent:
    """Which file contents the library has: 8 bytes each, so that a million photos take 8 MB.

    A positive answer must be checked against the table, a negative one is certain.

    Args:
        prefixes: (n,) uint64, the hashes' first 8 bytes, big-endian.
    """

    def __init__(self, prefixes: NDArray[np.uint64]) -> None:
        self._sorted = np.sort(prefixes)

    def may_have(self, content_hash: str) -> bool:
        """False when no photo of the library has this content."""
        prefix = np.uint64(int(content_hash[:16], 16))
        at = int(np.searchsorted(self._sorted, prefix))
        return at < len(self._sorted) and bool(self._sorted[at] == prefix)


@dataclass(frozen=True, slots=True)
class Preparer:
    """Turns work into prepared items; used from several threads at once."""

    source: Source
    encoder: Encoder
    known: KnownContent
    limits: DecodeLimits

    def prepare(
        self, work: Work, data: bytes | None = None, *, reuse: bool = True
    ) -> Prepared | ItemError:
        """Read and decode one item.

        Args:
            data: the picture's bytes; None has the source read them.
            reuse: leave out the pixels when the library may have the content's vector.
        Returns:
            The error instead of raising it: a bad item is data.
        """
        try:
            if data is None:
                data = self._read(work)
            content_hash = hashlib.blake2b(data, digest_size=16).hexdigest()
            picture = decode(data, min_side=self.encoder.input_side, limits=self.limits)
            photo = Photo(
                photo_id=work.photo_id,
                url=work.item.url,
                # A source that knows the full size may give us a reduced picture.
                width=work.item.width or picture.width,
                height=work.item.height or picture.height,
                format=picture.format,
                size_bytes=len(data),
                content_hash=content_hash,
                fingerprint=work.item.fingerprint,
                source=self.source.name,
                metadata=merged(work.item.metadata, picture.metadata),
            )
            if reuse and self.known.may_have(content_hash):
                return Prepared(work, photo, None, b"")
            pixels = self.encoder.preprocess(picture.image)
            return Prepared(work, photo, pixels, thumbnail_of(picture, data))
        except ItemError as error:
            return error
        except Exception as error:  # a worker's edge: whatever one picture does, the run goes on
            reason = printable(str(error) or type(error).__name__)[:200]
            return ImageError(f"the picture cannot be prepared ({reason})", code="unexpected")

    def _read(self, work: Work) -> bytes:
        try:
            return self.source.read(work.item)
        except ItemError:
            raise
        except Exception as error:  # whatever a source raises, it is about this item
            reason = printable(str(error) or type(error).__name__)[:200]
            raise FetchError(f"the source failed ({reason})", code="unexpected") from error


def merged(told: Metadata, found: Metadata) -> Metadata:
    """What the source tells, filled up with what the picture's EXIF says."""
    position = told if told.latitude is not None and told.longitude is not None else found
    return replace(
        told,
        description=told.description or found.description,
        photographer=told.photographer or found.photographer,
        camera=told.camera or found.camera,
        place=told.place or found.place,
        taken_at=told.taken_at or found.taken_at,
        latitude=position.latitude,
        longitude=position.longitude,
        attributes={**found.attributes, **told.attributes},
    )

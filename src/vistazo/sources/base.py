"""The port every source of pictures fits: a folder, a list of URLs, a dataset."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from vistazo.errors import FetchError
from vistazo.records import EncoderSpec, Float32Array, Metadata


@dataclass(frozen=True, slots=True)
class Item:
    """One picture a source offers, before anything of it is read.

    Attributes:
        url: `file:` URL or web address.
        photo_id: the source's own id; empty where it has none, then one is hashed from `name`.
        name: stable name within the source, for a folder the path relative to its root.
        fingerprint: changes when the file or what the source says of it changes.
        metadata: what the source says; it wins over EXIF.
        problem: set when the source already knows that the item cannot be had.
        embedding: (dim,) float32, as a data set brought it: of the library's encoder, not yet
            checked; such an item is not read.
        width, height: pixels of the full picture as the source says; 0 when it does not.
    """

    url: str
    name: str
    photo_id: str = ""
    fingerprint: str = ""
    metadata: Metadata = field(default_factory=Metadata)
    problem: FetchError | None = None
    embedding: Float32Array | None = field(default=None, compare=False, repr=False)
    width: int = 0
    height: int = 0


class Source(Protocol):
    """A collection of pictures that can be walked again and gives the same order each time."""

    @property
    def name(self) -> str:
        """Recorded in `photos.source`; a part of another source has its name as prefix."""
        ...

    def items(self) -> Iterator[Item]:
        """Every picture, in a stable order, without reading any.

        Raises:
            SourceError: the source as a whole cannot be read.
        """
        ...

    def read(self, item: Item) -> bytes:
        """The bytes of one picture; called from several threads.

        Raises:
            FetchError: they cannot be had.
        """
        ...


@runtime_checkable
class BringsVectors(Protocol):
    """A source that may have embeddings already; they fit one encoder only."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the user, such as why embeddings are left out."""
        ...

    def for_encoder(self, spec: EncoderSpec) -> Self:
        """The same source for a library of this encoder: with embeddings where they fit.

        Raises:
            SourceError: the source cannot be read.
            UsageError: the user has said that they are of another encoder.
        """
        ...


@dataclass(frozen=True, slots=True)
class SideFile:
    """A file beside a data set's photos.

    Attributes:
        origin: where it is from, the same when its content changes; empty where its path says it.
    """

    path: Path
    origin: str = ""


@runtime_checkable
class BringsTables(Protocol):
    """A source with files for other tables beside its photos."""

    def tables(self) -> Mapping[str, Sequence[SideFile]]:
        """Files by the table they belong to: `conversions`, `keywords`, ...

        Raises:
            SourceError: they cannot be had.
        """
        ...


class First:
    """The first items of another source.

    Args:
        count: how many.
    """

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._count = count

    @property
    def name(self) -> str:
        """The other source's."""
        return self._source.name

    def items(self) -> Iterator[Item]:
        """The first ones of the other source."""
        return islice(self._source.items(), self._count)

    def read(self, item: Item) -> bytes:
        """As the other source reads it."""
        return self._source.read(item)


def hashed_id(name: str) -> str:
    """11 URL-safe characters (64 bits of BLAKE2b) for a name within a source.

    Names that are not UTF-8 (surrogates from the file system) hash by their own bytes.
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

"""The port every source of pictures fits: a folder, a list of URLs, a dataset."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from vistazo.errors import FetchError
from vistazo.records import Metadata


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
    """

    url: str
    name: str
    photo_id: str = ""
    fingerprint: str = ""
    metadata: Metadata = field(default_factory=Metadata)
    problem: FetchError | None = None


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


def hashed_id(name: str) -> str:
    """11 URL-safe characters (64 bits of BLAKE2b) for a name within a source.

    Names that are not UTF-8 (surrogates from the file system) hash by their own bytes.
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

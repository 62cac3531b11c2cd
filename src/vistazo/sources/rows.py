"""From the rows of a table to items: addresses, ids, and rows that stand there twice."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from vistazo.errors import FetchError
from vistazo.records import Float32Array, printable, uri_of, url_of
from vistazo.sources.base import Item
from vistazo.sources.local import digest, fingerprint
from vistazo.sources.metadata import Cells, metadata_of, signature, size_of, unsplash_columns

URL_COLUMNS = ("url", "image_url", "photo_image_url")
_OTHER_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*://|(?:data|blob|javascript|mailto):)", re.I)


class RowItems:
    """Makes the items of one walk; every row gives one, unless it says the same as an earlier one.

    Args:
        folder: what paths in the table are relative to; None allows web addresses only.
        id_required: rows without a `photo_id` are bad; else an id is hashed from the address.
    """

    def __init__(self, folder: Path | None, *, id_required: bool) -> None:
        self._folder = folder
        self._id_required = id_required
        # Hashes, 64 bits: 25,000 rows take 6 MB.
        self._ids: dict[int, int] = {}
        self._urls: set[int] = set()

    def item(
        self,
        place: Place,
        row: Cells,
        *,
        url_columns: Sequence[str] = URL_COLUMNS,
        embedding: Float32Array | None = None,
    ) -> Item | None:
        """The item of a row; None for a repetition.

        Args:
            embedding: (dim,) float32 that the row brings.
        """
        try:
            return self._item(place, row, url_columns, embedding)
        except FetchError as error:
            return place.item(error)

    def _item(
        self, place: Place, row: Cells, url_columns: Sequence[str], embedding: Float32Array | None
    ) -> Item | None:
        left = dict(row)
        photo_id = left.pop("photo_id", ("", ""))[1]
        if self._id_required and not photo_id:
            raise place.problem("has no photo_id")
        column = next((name for name in url_columns if name in left), "")
        if not column:
            raise place.problem(f"has no {url_columns[-1] if self._id_required else 'address'}")
        try:
            url, name = address(left.pop(column)[1], self._folder)
        except ValueError as error:
            raise place.problem(str(error)) from error
        left = dict(unsplash_columns(left))
        metadata = metadata_of(left)
        width, height = size_of(left)
        said = signature(photo_id, metadata) + f" {width} {height} {url}"
        if embedding is not None:
            said += " " + embedding.tobytes().hex()
        mark = digest(said)
        key, known = hash(photo_id or name), self._ids.get(hash(photo_id or name))
        if known is not None and (known == hash(mark) or not photo_id):
            return None
        if known is not None:
            raise place.double(f"the photo_id {printable(photo_id)} of an earlier one")
        if hash(url) in self._urls:
            raise place.double("the address of an earlier one under another photo_id")
        self._ids[key] = hash(mark)
        self._urls.add(hash(url))
        if url.startswith("file:"):
            mark = _with_file(url, mark)
        return Item(
            url,
            name,
            photo_id=photo_id,
            fingerprint=mark,
            metadata=metadata,
            embedding=embedding,
            width=width,
            height=height,
        )


class Place:
    """Where a row stands: `line 7 of photos.tsv000`.

    Args:
        kind: `line` or `row`.
        number: from 1.
    """

    __slots__ = ("_file", "_kind", "_number")

    def __init__(self, file: Path, kind: str, number: int) -> None:
        self._file, self._kind, self._number = file, kind, number

    def __str__(self) -> str:
        return f"{self._kind} {self._number:,} of {printable(self._file.name)}"

    def problem(self, reason: str) -> FetchError:
        """The failure of this row; `reason` ends the sentence."""
        return FetchError(f"{self} {reason}", code="bad-row")

    def double(self, what: str) -> FetchError:
        """The failure of a row that takes what an earlier one has."""
        return FetchError(f"{self} has {what}; take one of them out", code="duplicate-id")

    def item(self, problem: FetchError) -> Item:
        """An item that only fails; its address is this place in the table."""
        url = f"{url_of(self._file)}#{self._kind}={self._number}"
        return Item(url, str(self), problem=problem)


def address(text: str, folder: Path | None) -> tuple[str, str]:
    """A web address or a path as it stands in a table.

    Args:
        folder: absolute, what paths are relative to; None refuses them.
    Returns:
        (URL, name to hash an id from): of a path in the folder the relative one, so that it is
        the same wherever the folder lies.
    Raises:
        ValueError: it is neither; the message ends a sentence.
    """
    if scheme := re.match("https?://", text, re.IGNORECASE):
        text = scheme[0].lower() + text[scheme.end() :]
        try:
            host = urlsplit(text).hostname
        except ValueError:
            host = None
        if not host or not text.isprintable():
            raise ValueError(f"has an address that cannot be: {printable(text[:200])}")
        return text, text
    shown = printable(text[:200])
    if not text.casefold().startswith("file:") and _OTHER_SCHEME.match(text):
        raise ValueError(f"has an address that is neither http(s) nor a file: {shown}")
    if folder is None:
        raise ValueError(f"has an address that is not http(s): {shown}")
    if "\0" in text:
        raise ValueError(f"has a path that cannot be: {shown}")
    path = uri_of("file:" + text[5:]) if text.casefold().startswith("file:") else text
    whole = Path(os.path.normpath(folder / path))
    url = url_of(whole)
    return url, whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else url


def _with_file(url: str, mark: str) -> str:
    try:
        return fingerprint(Path(uri_of(url)).stat(), mark)
    except (OSError, ValueError):
        return mark  # reading it will say why

"""From a library to `photos.parquet`, `conversions.parquet` and a card, in the published schema.

`id` counts as in the walk-through that this format comes from: in `photos` it is the photo's place
among the pictures of the source, so that a photo that failed leaves a gap, and the others keep
their ids when it mends; in `conversions` it is the row's number.

Everything is streamed, and written under other names: the final ones appear when all is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vistazo.datasets.card import card
from vistazo.datasets.rows import ConversionRows, PhotoRows
from vistazo.errors import DatasetError, UsageError, VistazoError
from vistazo.records import EncoderSpec, printable, uri_of
from vistazo.store.store import Store

if TYPE_CHECKING:
    from vistazo.sources.base import Source
    from vistazo.store.connection import Connection

PHOTOS, CONVERSIONS, CARD = "photos.parquet", "conversions.parquet", "README.md"
FILES = (PHOTOS, CONVERSIONS, CARD)


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What goes into a dataset.

    Attributes:
        limit: how many pictures of the source, from its start; 0 takes all.
        image_base_url: local pictures get the address `image_base_url/images/PHOTO_ID`; empty
            leaves them their `file:` URL.
        conversions: only what the library holds from these files, or from files in these folders;
            empty takes every conversion.
    """

    limit: int = 1000
    image_base_url: str = ""
    conversions: Sequence[str | os.PathLike[str]] = ()

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise UsageError(f"--limit must be 0, which takes all, or more, not {self.limit}")
        if self.image_base_url and not _is_web_address(self.image_base_url):
            raise UsageError(
                "--image-base-url must be a web address such as https://photos.example.org,"
                f" not {printable(self.image_base_url)!r}"
            )


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a dataset holds.

    Attributes:
        out: its folder.
        pictures: of the source that were looked at: those in photos.parquet and those that failed.
        photos: rows of photos.parquet.
        local: photos whose address is a file of this machine.
        conversions: rows of conversions.parquet.
        conversions_dropped: conversions of photos that are not in photos.parquet.
        encoder: that made the vectors.
        licences: photos by the licence that their source states, most frequent first; the empty
            text stands for none.
        failures: pictures left out, by cause, most frequent first.
    """

    out: str
    pictures: int
    photos: int
    local: int
    conversions: int
    conversions_dropped: int
    encoder: EncoderSpec
    licences: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many pictures were left out."""
        return sum(self.failures.values())


def build(
    connection: Connection,
    source: Source,
    out: str | os.PathLike[str],
    plan: BuildPlan,
) -> BuildReport:
    """Write the dataset of a source that has been indexed.

    Args:
        connection: of the library that holds the source's photos.
        source: walked again, in its stable order, without reading a picture.
        out: a folder; made if it is not there.
    Raises:
        DatasetError: no picture of the source is in the library, or the files cannot be written;
            what was at `out` is as before.
    """
    encoder = Store(connection).encoder()
    if encoder is None:
        raise _nothing(source)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _appearing_whole(folder) as paths:
            photos = PhotoRows(connection, encoder, plan.limit, plan.image_base_url)
            photos.write(paths[PHOTOS], source)
            if not photos.ids:
                raise _nothing(source)
            conversions = ConversionRows(connection, plan.conversions)
            conversions.write(paths[CONVERSIONS], photos.ids)
            report = BuildReport(
                out=printable(str(folder)),
                pictures=photos.pictures,
                photos=len(photos.ids),
                local=photos.local,
                conversions=conversions.written,
                conversions_dropped=conversions.total() - conversions.written,
                encoder=encoder,
                licences=dict(photos.licences.most_common()),
                failures=dict(photos.failures.most_common()),
            )
            paths[CARD].write_text(card(report), "utf-8")
    except VistazoError:
        raise
    except OSError as error:
        raise DatasetError(
            f"the dataset cannot be written to {printable(str(folder))}"
            f" ({error.strerror or printable(str(error))}); give another --out, or make room"
        ) from error
    return report


@contextmanager
def _appearing_whole(folder: Path) -> Iterator[dict[str, Path]]:
    """Where to write each file; on success they take their names, else they go."""
    # The names are always the same, so that what a killed run leaves is written over.
    paths = {name: folder / f".{name}.part" for name in FILES}
    try:
        yield paths
        for path in paths.values():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for name, path in paths.items():
            path.replace(folder / name)
    finally:
        for path in paths.values():
            path.unlink(missing_ok=True)


def _nothing(source: Source) -> DatasetError:
    return DatasetError(
        f"none of the pictures of {printable(uri_of(source.name))} is in the library, so that"
        " there is nothing to build; see why with: vistazo failures"
    )


def _is_web_address(text: str) -> bool:
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    plain = not (address.query or address.fragment) and text.isprintable() and " " not in text
    return address.scheme in ("http", "https") and bool(address.hostname) and plain

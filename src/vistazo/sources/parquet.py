"""Data sets in Parquet: photos with their embeddings, as `photos.parquet` of the walk-through.

An embedding is of use only to the encoder that made it: searched with another one's it gives
nonsense, without any error. So embeddings are taken where the file itself names the library's
encoder, or the user does; else the pictures are fetched and embedded, and a note says so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vistazo.errors import SourceError, UsageError
from vistazo.records import EncoderSpec, Float32Array, printable
from vistazo.sources.base import Item, SideFile
from vistazo.sources.local import read_listed
from vistazo.sources.metadata import Cells
from vistazo.sources.opened import damaged, open_table
from vistazo.sources.rows import Place, RowItems

ENCODER_KEY = b"vistazo.encoder"  # JSON with the fields of EncoderSpec, in the file's metadata
EMBEDDING = "photo_embed"
REQUIRED = ("photo_id", "photo_image_url")
_WHAT = "photos table in Parquet"
_BATCH_ROWS = 500
# `id` numbers the rows of the published files, and the library has a column of its own for it.
_LEFT_OUT = frozenset({"id", EMBEDDING})


class ParquetSource:
    """The photos of one Parquet file, or of several parts, in their order.

    Args:
        path: a file, or a folder with `photos-all.parquet`, `photos.parquet` or
            `photos-*.parquet`; the first of these names that is there is taken.
        vectors_of: name of the encoder that made the embeddings, where the files do not say.
    Raises:
        SourceError: it is missing, damaged, or its columns are not those of photos.
    """

    def __init__(self, path: str | os.PathLike[str], *, vectors_of: str | None = None) -> None:
        place = Path(os.path.realpath(Path(path).expanduser()))
        folder = place if place.is_dir() else place.parent
        names = _names_in(folder)
        files = [place]
        if folder is place:
            files = [folder / name for name in photo_files(names)]
            if not files:
                shown = printable(os.fspath(path))
                raise SourceError(f"there is no photos.parquet in {shown}; give the file itself")
        beside = [SideFile(folder / name) for name in conversions_files(files[0].name, names)]
        others = {"conversions": beside} if beside else {}
        self._setup(f"parquet:{printable(str(place))}", files, folder, others, vectors_of)

    @classmethod
    def of_files(cls, name: str, files: Sequence[Path], vectors_of: str | None) -> Self:
        """Files from elsewhere, under the name of where they are from; web addresses only.

        Raises:
            SourceError: as the constructor does.
        """
        source = cls.__new__(cls)
        source._setup(name, files, None, {}, vectors_of)
        return source

    def _setup(
        self,
        name: str,
        files: Sequence[Path],
        folder: Path | None,
        others: Mapping[str, Sequence[SideFile]],
        vectors_of: str | None,
    ) -> None:
        self._name = name
        self._folder = folder
        self._others = others
        self._vectors_of = vectors_of
        self._parts = [_Part.of(file) for file in files]
        self._spec: EncoderSpec | None = None
        self.notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`parquet:` and the path, links resolved."""
        return self._name

    def for_encoder(self, spec: EncoderSpec) -> Self:
        """The same photos, with their embeddings where this encoder made them.

        Raises:
            UsageError: they are of another one, as the user says.
        """
        bound = type(self).__new__(type(self))
        bound._setup(self._name, [], self._folder, self._others, self._vectors_of)
        bound._parts = self._parts
        refusals = [part.refusal(spec, self._vectors_of) for part in self._parts]
        found = next(((p, r) for p, r in zip(self._parts, refusals, strict=True) if r), None)
        if found is None:
            bound._spec = spec
            return bound
        part, reason = found
        sentence = f"the embeddings of {printable(part.path.name)} {reason}"
        if self._vectors_of is not None:
            raise UsageError(sentence)
        if part.embedded:
            bound.notes = (f"{sentence}: they are left out, the pictures fetched and embedded",)
        return bound

    def items(self) -> Iterator[Item]:
        """Every photo; a row that is none comes as an item with a `problem`.

        Raises:
            SourceError: a file is damaged, or there is no row at all.
        """
        made, met = RowItems(self._folder, id_required=True), False
        for part in self._parts:
            for place, cells, embedding in part.rows(with_vectors=self._spec is not None):
                met = True
                item = made.item(place, cells, url_columns=REQUIRED[1:], embedding=embedding)
                if item is not None:
                    yield item
        if not met:
            raise SourceError(f"there are no photos in {printable(str(self._parts[0].path))}")

    def read(self, item: Item) -> bytes:
        """The bytes of a local file; called from several threads.

        Raises:
            FetchError: `missing`, `unreadable` or `too-large`; or it is no file.
        """
        return read_listed(item)

    def tables(self) -> Mapping[str, Sequence[SideFile]]:
        """The conversions next to the photos."""
        return self._others


@dataclass(frozen=True, slots=True)
class _Part:
    """One file.

    Attributes:
        names: its columns that are read, by the name in lower case.
        embedded: whether it has embeddings.
        dim: their length, where their type tells it.
        encoder: what the file says made them.
    """

    path: Path
    names: Mapping[str, str]
    embedded: bool
    dim: int | None
    encoder: EncoderSpec | None

    @classmethod
    def of(cls, path: Path) -> _Part:
        """Read a file's schema and check it."""
        shown = printable(str(path))
        with _parquet(path) as parquet:
            schema = parquet.schema_arrow
            said = dict(parquet.metadata.metadata or {}).get(ENCODER_KEY)
        names: dict[str, str] = {}
        for field in schema:
            names.setdefault(field.name.casefold(), field.name)
        for required in REQUIRED:
            if required not in names:
                columns = ", ".join(printable(name) for name in schema.names)
                raise SourceError(f"{shown} has no column {required}; it has: {columns[:300]}")
            kind = schema.field(names[required]).type
            if not _is_text(kind) and not (required == "photo_id" and pa.types.is_integer(kind)):
                raise SourceError(f"the column {required} of {shown} holds {kind}, not strings")
        embedded, dim = EMBEDDING in names, None
        if embedded:
            kind = schema.field(names[EMBEDDING]).type
            if not _is_list(kind) or not pa.types.is_floating(kind.value_type):
                raise SourceError(
                    f"the column {EMBEDDING} of {shown} holds {kind}, not lists of floats"
                )
            dim = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        read = {
            name: column
            for name, column in names.items()
            if name not in _LEFT_OUT and not pa.types.is_nested(schema.field(column).type)
        }
        if embedded:
            read[EMBEDDING] = names[EMBEDDING]
        return cls(path, read, embedded, dim, _encoder(said))

    def refusal(self, spec: EncoderSpec, vectors_of: str | None) -> str:
        """Why a library of this encoder cannot take the embeddings; empty if it can."""
        if not self.embedded:
            return "are not there"
        if self.dim not in (None, spec.dim):
            return f"have {self.dim} numbers and those of the encoder '{spec.name}' {spec.dim}"
        if vectors_of is not None:
            if vectors_of != spec.name:
                return (
                    f"are of '{printable(vectors_of)}' and the library's encoder is '{spec.name}'"
                )
            return ""
        if self.encoder is None:
            return "do not say which encoder made them (if you know, give --vectors-of NAME)"
        if self.encoder != spec:
            build = " of another build" if self.encoder.name == spec.name else ""
            return (
                f"are of the encoder '{printable(self.encoder.name)}'{build}"
                f" and the library's is '{spec.name}'"
            )
        return ""

    def rows(self, *, with_vectors: bool) -> Iterator[tuple[Place, Cells, Float32Array | None]]:
        """(where, row, embedding) of every row, a few hundred in memory at a time."""
        wanted = [
            column for name, column in self.names.items() if with_vectors or name != EMBEDDING
        ]
        number = 0
        with _parquet(self.path) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=wanted):
                columns = {
                    name: (column, batch.column(column).to_pylist())
                    for name, column in self.names.items()
                    if name != EMBEDDING
                }
                vectors = batch.column(self.names[EMBEDDING]) if with_vectors else None
                for at in range(batch.num_rows):
                    number += 1
                    cells = {
                        name: (column, said)
                        for name, (column, values) in columns.items()
                        if (said := _said(values[at]))
                    }
                    vector = None if vectors is None else _vector(vectors[at])
                    yield Place(self.path, "row", number), cells, vector


def photo_files(names: Sequence[str]) -> list[str]:
    """Which of a folder's files hold the photos: the whole, or all the parts."""
    for whole in ("photos-all.parquet", "photos.parquet"):
        if whole in names:
            return [whole]
    return sorted(name for name in names if re.fullmatch(r"photos-.+\.parquet", name))


def conversions_files(photos: str, names: Sequence[str]) -> list[str]:
    """Which of a folder's files hold the conversions of a photos file."""
    wholes = ["conversions-all.parquet", "conversions.parquet"]
    if photos == "photos.parquet":
        wholes.reverse()
    for whole in wholes:
        if whole in names:
            return [whole]
    return sorted(name for name in names if re.fullmatch(r"conversions-.+\.parquet", name))


def _names_in(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []  # opening the file says what is missing
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = printable(str(folder))
        raise SourceError(f"the folder {shown} cannot be read: {reason}") from error


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    with open_table(path, _WHAT, "photos.parquet") as file:
        try:
            yield pq.ParquetFile(file)
        except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
            raise damaged(path, _WHAT, error) from error


def _encoder(said: bytes | None) -> EncoderSpec | None:
    try:
        found = json.loads(said or b"")
        return EncoderSpec(str(found["name"]), int(found["dim"]), str(found["checksum"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None  # as if it said nothing


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _said(value: Any) -> str:
    if value is None or value != value:  # pandas writes NaN where there is nothing
        return ""
    return str(value).strip()


def _vector(scalar: Any) -> Float32Array | None:
    """A row's embedding; None where it has none. What is missing in it is NaN."""
    if not scalar.is_valid:
        return None
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused later
        return np.asarray(scalar.values.to_numpy(zero_copy_only=False), dtype=np.float32)


if TYPE_CHECKING:
    from vistazo.sources.base import BringsTables, BringsVectors, Source

    def _conforms(source: ParquetSource) -> Source:
        return source

    def _brings_tables(source: ParquetSource) -> BringsTables:
        return source

    def _brings_vectors(source: ParquetSource) -> BringsVectors:
        return source

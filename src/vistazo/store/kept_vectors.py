"""Vectors beside those of `photos`: of an encoder that is to come, or of one that was replaced.

Each is known by its photo and by what it was made of, so that it counts only while the photo still
shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vistazo.records import EncoderSpec, Float32Array
from vistazo.store.connection import Connection
from vistazo.store.rows import clean
from vistazo.store.schema import KEPT_VECTORS, REPLACED_ENCODERS

# What a vector was made of: the file's bytes, or what a data set said where no file was seen.
CONTENT = "if(content_hash = '', fingerprint, content_hash)"
_SLICE = 4000


@dataclass(frozen=True, slots=True)
class Pending:
    """A photo that lacks a vector.

    Attributes:
        content: what its vector will be made of.
        content_hash: BLAKE2b-128 (hex) of its file; empty where none was seen.
    """

    photo_id: str
    url: str
    content: str
    content_hash: str


def key_of(spec: EncoderSpec) -> str:
    """An encoder in one text."""
    return f"{clean(spec.name)}:{spec.dim}:{spec.checksum}"


def spec_of(key: str) -> EncoderSpec:
    """The encoder of a key; ValueError for any other text."""
    name, dim, checksum = key.rsplit(":", 2)
    return EncoderSpec(name, int(dim), checksum)


class KeptVectors:
    """The tables `kept_vectors` and `replaced_encoders`, made when they are first needed.

    Args:
        connection: an open one, with migrated tables.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Make the tables where they are not yet."""
        for table in (KEPT_VECTORS, REPLACED_ENCODERS):
            for statement in self._connection.dialect.ddl(table):
                self._connection.execute(statement)

    def pending(self, spec: EncoderSpec) -> Iterator[list[Pending]]:
        """The photos that have no vector of this encoder yet, some at a time, by photo id."""
        for after, last in self.slices(_SLICE):
            bounds = {"after": after, "last": last, "encoder": key_of(spec)}
            between = "photo_id > {after:String} AND photo_id <= {last:String}"
            kept = self._connection.rows(
                "SELECT photo_id, content FROM kept_vectors"
                f" WHERE encoder = {{encoder:String}} AND {between}",
                bounds,
            )
            have = {(row["photo_id"], row["content"]) for row in kept}
            rows = self._connection.rows(
                f"SELECT photo_id, photo_image_url AS url, {CONTENT} AS content, content_hash"
                f" FROM photos WHERE {between} ORDER BY photo_id",
                bounds,
            )
            if lack := [row for row in rows if (row["photo_id"], row["content"]) not in have]:
                yield [Pending(**row) for row in lack]

    def slices(self, size: int) -> Iterator[tuple[str, str]]:
        """Bounds (after, last) of photo ids with about so many photos between them."""
        after = ""
        while True:
            last = self._connection.value(
                "SELECT max(photo_id) FROM (SELECT photo_id FROM photos"
                " WHERE photo_id > {after:String} ORDER BY photo_id LIMIT {n:UInt64})",
                {"after": after, "n": size},
            )
            if not last:
                return
            yield after, last
            after = last

    def missing(self, spec: EncoderSpec) -> int:
        """How many photos have no vector of this encoder."""
        return sum(map(len, self.pending(spec)))

    def add(
        self, spec: EncoderSpec, photos: Sequence[Pending], vectors: Sequence[Float32Array]
    ) -> None:
        """Keep vectors, each (dim,) float32, in one block."""
        if not photos:
            return
        numbers = np.stack(vectors).astype(np.float32, copy=False)
        self._connection.insert(
            "kept_vectors",
            pa.table(
                {
                    "photo_id": [photo.photo_id for photo in photos],
                    "encoder": [key_of(spec)] * len(photos),
                    "content": [photo.content for photo in photos],
                    "photo_embed": pa.FixedSizeListArray.from_arrays(numbers.ravel(), spec.dim),
                }
            ),
        )

    def keep_present(self, spec: EncoderSpec) -> None:
        """Keep the vectors of `photos`, which are this encoder's, before they are replaced."""
        # Only what one slice holds: a killed process may have kept a part of it before.
        self.forget(spec)
        for after, last in self.slices(_SLICE):
            self._connection.execute(
                "INSERT INTO kept_vectors (photo_id, encoder, content, photo_embed)"
                f" SELECT photo_id, {{encoder:String}}, {CONTENT}, photo_embed FROM photos"
                " WHERE photo_id > {after:String} AND photo_id <= {last:String}",
                {"encoder": key_of(spec), "after": after, "last": last},
            )
        self._connection.insert("replaced_encoders", pa.table({"encoder": [key_of(spec)]}))

    def replaced(self, present: EncoderSpec) -> EncoderSpec | None:
        """The encoder that was replaced last, whose vectors are kept."""
        found = self._connection.rows(
            "SELECT encoder FROM replaced_encoders WHERE encoder != {present:String}"
            " ORDER BY at DESC LIMIT 1",
            {"present": key_of(present)},
        )
        return spec_of(found[0]["encoder"]) if found else None

    def forget(self, spec: EncoderSpec) -> None:
        """Delete what is kept of this encoder's vectors."""
        for table in ("kept_vectors", "replaced_encoders"):
            self._connection.delete(table, "encoder = {key:String}", {"key": key_of(spec)})

    def forget_all(self) -> int:
        """Delete everything that is kept; how many vectors that was."""
        self.prepare()
        count = int(self._connection.value("SELECT count() FROM kept_vectors") or 0)
        for table in ("kept_vectors", "replaced_encoders"):
            self._connection.execute(self._connection.dialect.truncate(table))
        return count

"""Photos in the tables: insert, delete, look up, and find the nearest."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.errors import InvalidSQL, StoreError
from vistazo.records import EncoderSpec, Float32Array, IndexStatus, Photo, printable
from vistazo.store.connection import Connection
from vistazo.store.copying import Copying
from vistazo.store.filters import Filter
from vistazo.store.rows import COLUMNS, HIT_COLUMNS, clean, photo_of, photo_table
from vistazo.store.schema import TWIN
from vistazo.store.state import State, Watched, photos_state


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo ready to be written.

    Attributes:
        embedding: (dim,) float32, L2 norm 1.
        thumbnail: WebP or JPEG bytes; empty for a photo that came with its vector, and was never seen.
    """

    photo: Photo
    embedding: Float32Array
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo id with its exact cosine similarity to the query."""

    photo_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A query, the values it binds, and the engine's settings it needs."""

    sql: str
    params: Mapping[str, Any]
    settings: Mapping[str, object] = field(default_factory=dict)


class Store:
    """The tables `photos` and `thumbnails` of one library.

    Args:
        connection: an open one, with migrated tables.
    Attributes:
        copying: reads what a copy of the photos in memory is made from.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self.copying = Copying(connection)
        self._state = Watched(connection, photos_state)

    @property
    def connection(self) -> Connection:
        """Where the tables are."""
        return self._connection

    # The encoder of the vectors

    def encoder(self) -> EncoderSpec | None:
        """The encoder that made the vectors; None before the first photo."""
        rows = self._connection.rows("SELECT name, dim, checksum FROM encoders LIMIT 1")
        return EncoderSpec(**rows[0]) if rows else None

    def epoch(self) -> tuple[int, str]:
        """Another value once the vectors are another encoder's; waits while they become so."""
        number = self._connection.settled()
        if not self._connection.shared:
            return number, ""
        return number, self._connection.value("SELECT checksum FROM encoders LIMIT 1") or ""

    def record_encoder(self, spec: EncoderSpec) -> None:
        """Fix the encoder, and with it the length of every vector; only before the first photo."""
        # An index for vectors of another length could never be built, and a build that fails
        # keeps failing, and with it every later delete.
        self.drop_index()
        for statement in (
            *self._dialect.drop(TWIN),
            self._dialect.truncate("encoders"),
            self._dialect.alter("photos", "DROP CONSTRAINT IF EXISTS vector_len"),
            self._dialect.alter(
                "photos", f"ADD CONSTRAINT vector_len CHECK length(photo_embed) = {int(spec.dim)}"
            ),
        ):
            self._connection.execute(statement)
        self._connection.insert(
            "encoders",
            pa.table({"name": [spec.name], "dim": [spec.dim], "checksum": [spec.checksum]}),
        )

    # Writing

    def replace(self, photos: Sequence[NewPhoto], stale_ids: Sequence[str] = ()) -> None:
        """Write photos; rows of the same ids, and of `stale_ids`, are taken out before.

        Rows are deleted first and inserted whole: a process that dies in between leaves rows
        missing, which the next run of the same command notices, and never rows twice. Of photos
        with the same id the last is written.

        Raises:
            InvalidSQL: a vector is not as long as the encoder's; nothing has changed.
            StorageFull: the disk is full; photos already written stay.
        """
        photos = list({clean(new.photo.photo_id): new for new in photos}.values())
        self._check_lengths(photos)
        self.delete([*stale_ids, *(new.photo.photo_id for new in photos)])
        if not photos:
            return
        images = {clean(new.photo.photo_id): new.thumbnail for new in photos if new.thumbnail}
        table = pa.table({"photo_id": [*images], "image": pa.array(images.values())})
        self._connection.insert("thumbnails", table)
        self._connection.insert("photos", photo_table(photos))

    def _check_lengths(self, photos: Sequence[NewPhoto]) -> None:
        # The constraint `vector_len` would refuse too, but after the old rows have been deleted.
        recorded = self.encoder()
        for new in photos:
            dim = recorded.dim if recorded else len(photos[0].embedding)
            if new.embedding.shape != (dim,):
                raise InvalidSQL(
                    f"the vector of photo '{printable(new.photo.photo_id)}' has the shape"
                    f" {new.embedding.shape}, and the library's vectors ({dim},)"
                )

    def delete(self, photo_ids: Sequence[str]) -> int:
        """Remove photos and their thumbnails; how many there were."""
        found = self._connection.rows(
            "SELECT photo_id FROM photos WHERE photo_id IN {ids:Array(String)}",
            {"ids": list(photo_ids)},
        )
        if not found:
            return 0
        doomed = [row["photo_id"] for row in found]
        self.note_change(len(found))
        for table in ("photos", "thumbnails"):
            self._connection.delete_listed(table, "photo_id", doomed)
        # Once more: who read the rows after the first and before they went must not keep them.
        self.note_change()
        return len(found)

    def note_change(self, rows: int = 1) -> None:
        """Raise the version; inserts do so by themselves."""
        self._connection.insert("changes", pa.table({"subject": ["photos"], "n": [rows]}))

    def repair(self) -> None:
        """Take out thumbnails without a photo, as a process killed between two inserts leaves."""
        self._connection.delete_matching(
            "thumbnails", "photo_id", "photo_id NOT IN (SELECT photo_id FROM photos)"
        )

    def compact(self) -> None:
        """Merge the tables' parts, dropping deleted rows for good; few parts search faster."""
        for table in ("photos", "thumbnails"):
            self._connection.execute(self._dialect.compact(table))

    # Reading

    def count(self, filters: Filter = Filter()) -> int:  # noqa: B008  (frozen)
        """How many photos match."""
        where = f" WHERE {filters.sql}" if filters.sql else ""
        return int(self._connection.value(f"SELECT count() FROM photos{where}", filters.params))

    def version(self) -> int:
        """A number that rises with every change of the photos."""
        return int(
            self._connection.value("SELECT sum(n) FROM changes WHERE subject = 'photos'") or 0
        )

    def state(self) -> State:
        """The state of the photos, as `Watched` reads it."""
        return self._state.now()

    def get(self, photo_ids: Sequence[str]) -> dict[str, Photo]:
        """The photos with these ids; unknown ids are left out."""
        return {photo.photo_id: photo for photo in self._select("photo_id", photo_ids)}

    def shown(
        self, photo_ids: Sequence[str], columns: Sequence[str] = HIT_COLUMNS
    ) -> dict[str, dict[str, Any]]:
        """Rows of these columns by photo id; unknown ids are left out."""
        sql = f"SELECT {', '.join(columns)} FROM photos WHERE photo_id IN {{ids:Array(String)}}"
        rows = self._connection.rows(sql, {"ids": list(photo_ids)}) if photo_ids else []
        return {row["photo_id"]: row for row in rows}

    def find(self, column: str, values: Sequence[str]) -> list[Photo]:
        """The photos whose `photo_image_url` or `content_hash` is among the values."""
        if column not in ("photo_image_url", "content_hash"):
            raise ValueError(column)
        return self._select(column, values)

    def under(self, source: str) -> list[tuple[str, str]]:
        """(photo_id, url) of every photo that a source, or a part of it, brought."""
        rows = self._connection.rows(
            "SELECT photo_id, photo_image_url FROM photos"
            " WHERE source = {source:String} OR startsWith(source, concat({source:String}, '/'))",
            {"source": source},
        )
        return [(row["photo_id"], row["photo_image_url"]) for row in rows]

    def content_prefixes(self) -> NDArray[np.uint64]:
        """The first 8 bytes of every photo's content hash as (n,) uint64, big-endian."""
        table = self._connection.table(
            "SELECT reinterpretAsUInt64(reverse(unhex(left(content_hash, 16)))) AS prefix"
            " FROM photos WHERE content_hash != ''"
        )
        return np.asarray(table["prefix"], dtype=np.uint64)

    def sources(self) -> dict[str, int]:
        """How many photos each source brought, by the source's name."""
        rows = self._connection.rows(
            "SELECT source, count() AS photos FROM photos GROUP BY source ORDER BY source"
        )
        return {row["source"]: row["photos"] for row in rows}

    def random_ids(self, count: int, filters: Filter) -> list[str]:
        """Ids of up to `count` different photos, by chance."""
        where = f" WHERE {filters.sql}" if filters.sql else ""
        rows = self._connection.rows(
            f"SELECT photo_id FROM photos{where} ORDER BY rand() LIMIT {{n:UInt64}}",
            {**(filters.params or {}), "n": count},
        )
        return [row["photo_id"] for row in rows]

    def newest_ids(self, count: int, offset: int, filters: Filter) -> list[str]:
        """Ids of photos by the time they came into the library, latest first, ties by photo id."""
        where = f" WHERE {filters.sql}" if filters.sql else ""
        rows = self._connection.rows(
            f"SELECT photo_id FROM photos{where} ORDER BY added_at DESC, photo_id"
            " LIMIT {n:UInt64} OFFSET {o:UInt64}",
            {**(filters.params or {}), "n": count, "o": offset},
        )
        return [row["photo_id"] for row in rows]

    def embeddings(self, photo_ids: Sequence[str]) -> dict[str, Float32Array]:
        """Vectors by photo id, each (dim,) float32; unknown ids are left out."""
        table = self._connection.table(
            "SELECT photo_id, photo_embed FROM photos WHERE photo_id IN {ids:Array(String)}",
            {"ids": list(photo_ids)},
        )
        return {
            photo_id.as_py(): np.asarray(vector.values, dtype=np.float32)
            for photo_id, vector in zip(table["photo_id"], table["photo_embed"], strict=True)
        }

    def thumbnails(self, photo_ids: Sequence[str]) -> dict[str, bytes]:
        """WebP or JPEG bytes by photo id; unknown ids are left out."""
        table = self._connection.table(
            "SELECT photo_id, base64Encode(image) AS image FROM thumbnails"
            " WHERE photo_id IN {ids:Array(String)}",
            {"ids": list(photo_ids)},
        )
        return {row["photo_id"]: base64.b64decode(row["image"]) for row in table.to_pylist()}

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, *, indexed: bool
    ) -> list[Neighbour]:
        """The k photos nearest to a vector, best first, ties by photo id.

        Args:
            vector: (dim,) float32, L2 norm 1.
            indexed: take candidates from the vector index; where it yields fewer than k (after
                deletes), every row is read after all.
        """
        statement = self.statement(vector, k, filters, indexed=indexed)
        table = self._connection.table(statement.sql, statement.params, statement.settings)
        if indexed and table.num_rows < k and table.num_rows < self.count(filters):
            return self.nearest(vector, k, filters, indexed=False)
        return [Neighbour(row["photo_id"], row["score"]) for row in table.to_pylist()]

    def scores(self, vector: Float32Array, filters: Filter) -> tuple[pa.Array, Float32Array]:
        """All photos that match, in the order of their ids, with their scores: (n,) and (n,)."""
        return self._scores(vector, max(self.count(), 1), filters)

    def scores_of(
        self, vector: Float32Array, photo_ids: Sequence[str], filters: Filter
    ) -> tuple[pa.Array, Float32Array]:
        """The same of those photos among some."""
        if not photo_ids:
            return pa.array([], pa.string()), np.zeros(0, np.float32)
        return self._scores(vector, len(photo_ids), filters.among(photo_ids))

    def _scores(
        self, vector: Float32Array, count: int, filters: Filter
    ) -> tuple[pa.Array, Float32Array]:
        statement = self.statement(vector, count, filters, indexed=False)
        found = self._connection.table(statement.sql, statement.params).sort_by("photo_id")
        ids, scores = (found[name].combine_chunks() for name in ("photo_id", "score"))
        return ids.cast(pa.string()), np.asarray(scores, dtype=np.float32)

    def statement(
        self, vector: Float32Array, k: int, filters: Filter, *, indexed: bool
    ) -> Statement:
        """The statement behind `nearest`, to be a subquery of another.

        With `indexed` it may yield fewer than k after deletes: see `has_deleted_rows`.
        """
        params = {"q": vector.tolist(), "k": k, **(filters.params or {})}
        if not indexed:
            return Statement(self._dialect.exact_knn(filters.sql), params)
        # More candidates than wanted, because the index ranks by 16-bit vectors: bench/knn.py
        # measures what that recalls.
        params["candidates"] = 3 * k + 20
        sql = self._dialect.indexed_knn(filters.sql)
        if not self._dialect.capabilities.bound_vectors:
            literal = ", ".join(repr(number) for number in params.pop("q"))
            sql = sql.replace("{q:Array(Float32)}", f"[{literal}]")
        return Statement(sql, params, self._dialect.indexed_settings())

    # The vector index

    @property
    def prefilters(self) -> bool:
        """Whether the vector index ranks only the rows that match a filter."""
        return self._dialect.capabilities.prefilters

    def index_status(self, table: str = "photos") -> IndexStatus:
        """Whether the vector index is there and covers every row."""
        rows = self._connection.rows(self._dialect.index_status(table))
        if not rows:
            return IndexStatus("Absent")
        return IndexStatus(rows[0]["status"], rows[0]["failure"] or "")

    def keep_indexed(self, dim: int, table: str = "photos") -> None:
        """Have the vector index built in the background, wherever rows lack it.

        At the first time the rows are merged into few parts before: an index belongs to a part,
        and searching one large graph is faster than many small ones.
        """
        state = self.index_status(table).state
        if state == "Built":
            return
        if state == "Error":
            self.drop_index(table)
        if state in ("Absent", "Error"):
            for each in (table, "thumbnails"):
                self._connection.execute(self._dialect.compact(each))
            self._add_index(dim, table)
        for statement in self._dialect.build_index(table):
            self._connection.execute(statement)

    def _add_index(self, dim: int, table: str) -> None:
        *better, last = self._dialect.add_index(dim, table)
        for statement in better:
            try:
                self._connection.execute(statement)
            except StoreError as error:
                if "unknown index type" not in str(error).lower():
                    raise
            else:
                return
        self._connection.execute(last)

    def wait_indexed(self, timeout_s: float, table: str = "photos") -> IndexStatus:
        """Wait until the vector index is built, at most so long; closing cuts a build short."""
        deadline = time.monotonic() + timeout_s
        while (status := self.index_status(table)).state == "InProgress":
            if time.monotonic() >= deadline:
                break
            time.sleep(0.05)
        return status

    def drop_index(self, table: str = "photos") -> None:
        """Remove the vector index, also while it is being built; searches read every row again."""
        for statement in self._dialect.drop_index(table):
            self._connection.execute(statement)

    def has_deleted_rows(self) -> bool:
        """Whether deleted rows wait to be merged away; the index still proposes them."""
        return bool(self._connection.value(self._dialect.deleted_rows()))

    def _select(self, column: str, values: Sequence[str]) -> list[Photo]:
        sql = f"SELECT {COLUMNS} FROM photos WHERE {column} IN {{values:Array(String)}}"
        rows = self._connection.rows(sql, {"values": list(values)}) if values else []
        return [photo_of(row) for row in rows]

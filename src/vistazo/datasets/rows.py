"""The rows of a dataset, streamed from a library's tables into Parquet row groups."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vistazo.records import EncoderSpec, url_of

if TYPE_CHECKING:
    from vistazo.sources.base import Item, Source
    from vistazo.store.connection import Connection

ENCODER_KEY = "vistazo.encoder"
PHOTOS_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("photo_id", pa.string()),
        ("photo_image_url", pa.string()),
        ("photo_embed", pa.list_(pa.float32())),
    ]
)
CONVERSIONS_SCHEMA = pa.schema(
    [("id", pa.int64()), ("photo_id", pa.string()), ("keyword", pa.string())]
)

# A row group of photos is 2 MB of vectors; that is what a build holds at a time.
_PHOTO_ROWS = 1000
_CONVERSION_ROWS = 200_000
# Photos whose conversions are counted by one query: some hundred thousand (photo, keyword) pairs.
_COUNTED_PHOTOS = 500

_FIND = """
    SELECT photo_id, photo_image_url, photo_embed,
        arrayElement(
            mapValues(mapFilter((k, v) -> lower(k) IN ('licence', 'license'), attributes)), 1
        ) AS licence
    FROM photos WHERE photo_image_url IN {urls:Array(String)}
"""


class PhotoRows:
    """The photos of a source that the library holds, in the order of the source.

    After `write`: `ids` of the photos written, how many `pictures` were looked at, how many are
    `local` files, `licences` and causes of `failures` with their counts.
    """

    def __init__(
        self, connection: Connection, encoder: EncoderSpec, limit: int, image_base_url: str
    ) -> None:
        self._connection = connection
        self._schema = PHOTOS_SCHEMA.with_metadata({ENCODER_KEY: json.dumps(asdict(encoder))})
        self._limit = limit or None
        self._images = f"{image_base_url.rstrip('/')}/images/" if image_base_url else ""
        self.ids: dict[str, None] = {}
        self.pictures = 0
        self.local = 0
        self.licences: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def write(self, path: Path, source: Source) -> None:
        """Write the file."""
        items = itertools.islice(source.items(), self._limit)
        with pq.ParquetWriter(path, self._schema, compression="zstd") as writer:
            while chunk := list(itertools.islice(items, _PHOTO_ROWS)):
                table = self._rows(chunk)
                self.pictures += len(chunk)
                if table.num_rows:
                    writer.write_table(table)

    def _rows(self, items: Sequence[Item]) -> pa.Table:
        urls = [item.url for item in items]
        failed = self._failed(urls)
        found = self._connection.table(_FIND, {"urls": urls})
        columns = {name: found[name].to_pylist() for name in ("photo_id", "licence")}
        row_of = {url: row for row, url in enumerate(found["photo_image_url"].to_pylist())}
        places: list[int] = []
        rows: list[int] = []
        addresses: list[str] = []
        for place, url in enumerate(urls, start=self.pictures):
            # A photo whose file went bad after it had been taken in is in both tables.
            row = None if url in failed else row_of.get(url)
            if row is None:
                self.failures[failed.get(url, "not-indexed")] += 1
                continue
            photo_id = columns["photo_id"][row]
            if photo_id in self.ids:  # a source that names one picture twice
                continue
            self.ids[photo_id] = None
            self.licences[columns["licence"][row]] += 1
            places.append(place)
            rows.append(row)
            addresses.append(self._address(photo_id, url))
        vectors = found["photo_embed"].cast(pa.list_(pa.float32())).take(pa.array(rows, pa.int64()))
        ids = pa.array([columns["photo_id"][row] for row in rows], pa.string())
        return pa.table(
            [pa.array(places, pa.int64()), ids, pa.array(addresses, pa.string()), vectors],
            schema=self._schema,
        )

    def _failed(self, urls: Sequence[str]) -> Mapping[str, str]:
        rows = self._connection.rows(
            "SELECT url, code FROM failures WHERE url IN {urls:Array(String)} ORDER BY failed_at",
            {"urls": urls},
        )
        return {row["url"]: row["code"] for row in rows}

    def _address(self, photo_id: str, url: str) -> str:
        if not url.startswith("file:"):
            return url
        if self._images:
            return self._images + quote(photo_id, safe="")
        self.local += 1
        return url


class ConversionRows:
    """The conversions of photos, ordered by photo and keyword.

    Args:
        files: only what was loaded from these, or from files in these folders; none takes all.
    """

    def __init__(
        self, connection: Connection, files: Sequence[str | os.PathLike[str]] = ()
    ) -> None:
        self._connection = connection
        self._files = [url_of(os.path.realpath(file)) for file in files]
        self.written = 0

    def write(self, path: Path, photo_ids: Mapping[str, None]) -> None:
        """Write the file."""
        schema = CONVERSIONS_SCHEMA
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for rows in _regrouped(self._pairs(sorted(photo_ids)), _CONVERSION_ROWS):
                ids = np.arange(self.written, self.written + rows.num_rows, dtype=np.int64)
                writer.write_table(pa.table([pa.array(ids), *rows.columns], schema=schema))
                self.written += rows.num_rows

    def total(self) -> int:
        """How many conversions there are, also of other photos."""
        where, params = self._where()
        return int(self._connection.value(f"SELECT count() FROM conversions{where}", params))

    def _pairs(self, photo_ids: Sequence[str]) -> Iterator[pa.Table]:
        """(photo_id, keyword, n), each pair once: few rows, however often it was downloaded."""
        where, params = self._where("photo_id IN {ids:Array(String)}")
        for start in range(0, len(photo_ids), _COUNTED_PHOTOS):
            yield self._connection.table(
                "SELECT photo_id, toValidUTF8(keyword) AS keyword, count() AS n"
                f" FROM conversions{where}"
                " GROUP BY photo_id, keyword ORDER BY photo_id, keyword",
                {**params, "ids": photo_ids[start : start + _COUNTED_PHOTOS]},
            )

    def _where(self, condition: str = "") -> tuple[str, dict[str, Any]]:
        conditions = [condition] if condition else []
        if self._files:
            conditions.append(
                "load_id IN (SELECT load_id FROM loads WHERE file IN {files:Array(String)}"
                " OR arrayExists(f -> startsWith(file, concat(f, '/')), {files:Array(String)}))"
            )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return where, {"files": self._files} if self._files else {}


def _regrouped(pairs: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Counted pairs spelt out, a row for each download, in tables of `size` rows."""
    kept: list[pa.Table] = []
    missing = size
    for table in pairs:
        ends = np.cumsum(np.asarray(table["n"], dtype=np.int64))
        total = int(ends[-1]) if len(ends) else 0
        texts = table.select(["photo_id", "keyword"])
        done = 0
        while done < total:
            count = min(missing, total - done)
            places = np.searchsorted(ends, np.arange(done, done + count), side="right")
            kept.append(texts.take(pa.array(places)))
            done += count
            missing -= count
            if not missing:
                yield pa.concat_tables(kept)
                kept, missing = [], size
    if kept:
        yield pa.concat_tables(kept)

"""What `bench/search.py` compares with: each holds one world and answers with photo numbers."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthetic import SHARES, K, World, name_of
from vistazo.records import Float32Array

Numbers = NDArray[np.int64]
# A client's way to ask: a (dim,) query and a share of 1000 that the filter keeps, 1000 for none.
Ask = Callable[[Float32Array, int], Numbers]


class Competitor(Protocol):
    """Something that finds the nearest vectors.

    Attributes:
        variants: names of its settings for searching; each is measured.
        filters: whether it can search among the photos of a filter.
        packages: whose versions the report names.
    """

    variants: tuple[str, ...]
    filters: bool
    packages: tuple[str, ...]

    def build(self, world: World, folder: Path) -> None:
        """Take the world in, whatever it needs on disk into the folder."""
        ...

    def client(self, variant: str) -> Ask:
        """A way to ask for one thread."""
        ...

    def disk_bytes(self) -> int:
        """Bytes on disk; of what only lives in memory, as it would be saved."""
        ...

    def pid(self) -> int:
        """The process whose memory counts."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class InProcess:
    """What the competitors of this module share."""

    variants: tuple[str, ...] = ("",)
    filters: bool = True
    packages: tuple[str, ...] = ("numpy",)

    def pid(self) -> int:
        return os.getpid()

    def close(self) -> None:
        pass


class NumPy(InProcess):
    """A matrix times a vector, and the best of the products."""

    def build(self, world: World, folder: Path) -> None:
        self.vectors = world.vectors()
        self._rows = {share: np.flatnonzero(world.ranks <= share) for share in SHARES}

    def client(self, variant: str) -> Ask:
        return self._ask

    def _ask(self, query: Float32Array, share: int) -> Numbers:
        rows = self._rows[share]
        if share == 1000:
            return best(self.vectors @ query)
        if len(rows) * 4 > len(self.vectors):  # gathering them costs more than the products
            return rows[best((self.vectors @ query)[rows])]
        return rows[best(self.vectors[rows] @ query)]

    def disk_bytes(self) -> int:
        return self.vectors.nbytes


def best(scores: Float32Array) -> Numbers:
    """Places of the ten highest scores, best first."""
    k = min(K, len(scores))
    if k == 0:
        return np.empty(0, np.int64)
    first = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    places: Numbers = first[np.argsort(-scores[first])]
    return places


class Faiss(InProcess):
    """FAISS: every vector, or its graph with 32 neighbours."""

    packages: tuple[str, ...] = ("faiss-cpu",)

    def __init__(self, *, graph: bool) -> None:
        self._graph = graph
        if graph:
            self.variants = ("ef64", "ef128", "ef256")

    def build(self, world: World, folder: Path) -> None:
        faiss: Any = importlib.import_module("faiss")  # its types lack what is used here

        inner = faiss.METRIC_INNER_PRODUCT
        self._index: Any = (
            faiss.IndexHNSWFlat(world.dim, 32, inner)
            if self._graph
            else faiss.IndexFlatIP(world.dim)
        )
        if self._graph:
            self._index.hnsw.efConstruction = 128
        for _, block in world.blocks():
            self._index.add(block)
        ranks = world.ranks
        self._bits = {share: np.packbits(ranks <= share, bitorder="little") for share in SHARES}
        self._file = folder / "index.faiss"
        faiss.write_index(self._index, str(self._file))

    def client(self, variant: str) -> Ask:
        faiss: Any = importlib.import_module("faiss")  # its types lack what is used here

        given: dict[str, Any] = {"efSearch": int(variant[2:])} if variant else {}
        kind = faiss.SearchParametersHNSW if variant else faiss.SearchParameters
        params = {}
        for share, bits in self._bits.items():
            chosen = dict(given)
            if share != 1000:
                chosen["sel"] = faiss.IDSelectorBitmap(bits)
            params[share] = kind(**chosen)

        def ask(query: Float32Array, share: int) -> Numbers:
            found = self._index.search(query[None], K, params=params[share])[1][0]
            numbers: Numbers = found[found >= 0]
            return numbers

        return ask

    def disk_bytes(self) -> int:
        return self._file.stat().st_size


class Usearch(InProcess):
    """usearch's graph over 16-bit vectors; its Python package has no filters."""

    variants: tuple[str, ...] = ("ef64", "ef256")
    filters: bool = False
    packages: tuple[str, ...] = ("usearch",)

    def build(self, world: World, folder: Path) -> None:
        from usearch.index import Index

        self._index: Any = Index(
            ndim=world.dim, metric="ip", dtype="bf16", connectivity=16, expansion_add=128
        )
        for begin, block in world.blocks():
            self._index.add(np.arange(begin, begin + len(block)), block)
        self._file = folder / "index.usearch"
        self._index.save(str(self._file))

    def client(self, variant: str) -> Ask:
        self._index.expansion_search = int(variant[2:])

        def ask(query: Float32Array, share: int) -> Numbers:
            numbers: Numbers = self._index.search(query, K).keys.astype(np.int64)
            return numbers

        return ask

    def disk_bytes(self) -> int:
        return self._file.stat().st_size


class Lance(InProcess):
    """LanceDB with the columns that a hit shows: exact, or by IVF_HNSW_SQ, maybe rescored."""

    packages: tuple[str, ...] = ("lancedb", "pylance")
    _COLUMNS = ("number", "photo_id", "url", "width", "height", "description", "_distance")

    def __init__(self, *, graph: bool) -> None:
        self._graph = graph
        if graph:
            self.variants = ("", "refined x3", "refined x10")

    def build(self, world: World, folder: Path) -> None:
        import lancedb

        self._folder = folder
        names = ("number", "photo_id", "url", "width", "height", "description", "rank", "vector")
        kinds: tuple[Any, ...] = (
            *(pa.int64(), pa.string(), pa.string(), pa.int32(), pa.int32(), pa.string()),
            *(pa.int32(), pa.list_(pa.float32(), world.dim)),
        )
        schema = pa.schema(list(zip(names, kinds, strict=True)))
        self._table: Any = lancedb.connect(str(folder)).create_table(
            "photos", data=self._batches(world, schema), schema=schema
        )
        self._table.create_scalar_index("rank")
        if self._graph:
            self._table.create_index(
                metric="cosine", index_type="IVF_HNSW_SQ", vector_column_name="vector"
            )

    def _batches(self, world: World, schema: Any) -> Iterator[Any]:
        ranks = world.ranks
        for begin, block in world.blocks():
            numbers = range(begin, begin + len(block))
            yield pa.record_batch(
                [
                    pa.array(numbers, pa.int64()),
                    pa.array([name_of(each) for each in numbers]),
                    pa.array([f"file:///photos/{each}.jpg" for each in numbers]),
                    pa.array([4000] * len(block), pa.int32()),
                    pa.array([3000] * len(block), pa.int32()),
                    pa.array([f"photo {each} of the {each % 97}th kind" for each in numbers]),
                    pa.array(ranks[begin : begin + len(block)]),
                    pa.FixedSizeListArray.from_arrays(block.ravel(), world.dim),
                ],
                schema=schema,
            )

    def client(self, variant: str) -> Ask:
        def ask(query: Float32Array, share: int) -> Numbers:
            search = self._table.search(query).distance_type("cosine").limit(K)
            if variant:
                search = search.refine_factor(int(variant.partition("x")[2]))
            if share != 1000:
                search = search.where(f"rank <= {share}", prefilter=True)
            return np.asarray(search.select(list(self._COLUMNS)).to_arrow()["number"])

        return ask

    def disk_bytes(self) -> int:
        return folder_bytes(self._folder)


class SqliteVec(InProcess):
    """sqlite-vec's virtual table, which reads every vector.

    By apsw: the SQLite of many a Python loads no extensions.
    """

    packages: tuple[str, ...] = ("sqlite-vec", "apsw")

    def build(self, world: World, folder: Path) -> None:
        self._file = folder / "photos.sqlite"
        self._opened: list[Any] = []
        database = self._connect()
        database.execute(
            "CREATE VIRTUAL TABLE photos USING vec0("
            f"vector float[{world.dim}] distance_metric=cosine, place integer)"
        )
        ranks = world.ranks
        for begin, block in world.blocks():
            with database:
                database.executemany(
                    "INSERT INTO photos (rowid, vector, place) VALUES (?, ?, ?)",
                    (
                        (begin + at, vector.tobytes(), int(ranks[begin + at]))
                        for at, vector in enumerate(block)
                    ),
                )

    def _connect(self) -> Any:
        import apsw
        import sqlite_vec

        database: Any = apsw.Connection(str(self._file))
        database.enable_load_extension(True)
        database.load_extension(sqlite_vec.loadable_path())
        self._opened.append(database)
        return database

    def client(self, variant: str) -> Ask:
        database = self._connect()
        sql = "SELECT rowid FROM photos WHERE vector MATCH ? AND k = 10"

        def ask(query: Float32Array, share: int) -> Numbers:
            values: tuple[Any, ...] = (query.tobytes(),)
            if share == 1000:
                rows = database.execute(f"{sql} ORDER BY distance", values)
            else:
                rows = database.execute(f"{sql} AND place <= ? ORDER BY distance", (*values, share))
            return np.array([row[0] for row in rows], np.int64)

        return ask

    def disk_bytes(self) -> int:
        return self._file.stat().st_size

    def close(self) -> None:
        for database in self._opened:
            database.close()


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of the packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found

"""vistazo as a competitor of `bench/search.py`: the Python API, REST, and SQL.

All three answer from one library, filled once. Each query comes as a vector, so that no encoder's
time counts; hits come with their metadata.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

import vistazo
from rivals import Ask, Numbers, folder_bytes
from synthetic import K, World, name_of
from vistazo.encoders import registry
from vistazo.facade import Facade
from vistazo.opening import open_here
from vistazo.records import Float32Array, Metadata, Photo, Query
from vistazo.store.store import NewPhoto

_IDLE = 0.1  # of a core: less, and whatever was done in the background is over
_WINDOW_S = 1.5
_QUIET = 2  # such windows, one after the other
WATCHED_S = _QUIET * _WINDOW_S  # at least, and no time of building
_DEADLINE_S = 5000.0
_SERVE = (sys.executable, "-m", "vistazo.cli.main", "serve", "--no-sql", "--port", "0")


def fill(world: World, folder: Path) -> None:
    """A library with the world's photos, as ingest writes them, without thumbnails."""
    spec = registry.create("offline").spec
    if world.dim != spec.dim:
        raise ValueError(f"the encoder's vectors have {spec.dim} numbers, not {world.dim}")
    ranks = world.ranks
    with open_here(folder) as library:
        store = library._store
        store.record_encoder(spec)
        for begin, block in world.blocks():
            store.replace(
                [
                    NewPhoto(_photo(begin + at, int(ranks[begin + at])), vector, b"")
                    for at, vector in enumerate(block)
                ]
            )
        while library.connection.value("SELECT count() FROM system.merges"):
            time.sleep(0.2)


def _photo(number: int, rank: int) -> Photo:
    facts = Metadata(
        description=f"photo {number} of the {number % 97}th kind",
        camera=f"Camera {number % 23}",
        attributes={"category": f"kind/{number % 12}"},
    )
    url = f"file:///photos/{number}.jpg"
    return Photo(name_of(number), url, width=rank, height=3000, format="JPEG", metadata=facts)


def settle(process: psutil.Process, asking: Ask, query: Float32Array) -> None:
    """Ask until nothing goes on in the background.

    A copy, a graph or a merge that is under way shows as time of the processor.
    """
    deadline = time.perf_counter() + _DEADLINE_S
    quiet = 0
    while quiet < _QUIET:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"still busy after {_DEADLINE_S:.0f} s")
        for _ in range(4):
            asking(query, 1000)
        process.cpu_percent()
        time.sleep(_WINDOW_S)
        quiet = quiet + 1 if process.cpu_percent() < 100 * _IDLE else 0


def numbers_of(ids: list[str]) -> Numbers:
    """Photo ids as numbers."""
    return np.array([int(each) for each in ids], np.int64)


def where_of(share: int) -> str:
    """The filter that keeps so many of 1000 photos."""
    return "" if share == 1000 else f"width <= {share}"


class Ours:
    """The Python API.

    Args:
        library: filled before.
        resident_bytes: what the library may keep in memory.
    """

    variants: tuple[str, ...] = ("",)
    filters: bool = True
    packages: tuple[str, ...] = ("vistazo", "chdb-core", "numpy", "usearch", "faiss-cpu")

    def __init__(self, library: Path, resident_bytes: int) -> None:
        self._folder = library
        self._settings = vistazo.Settings(resident_max_bytes=resident_bytes)
        self._open: list[Facade] = []
        self.path = ""
        self.copy: dict[str, int] = {}

    def build(self, world: World, folder: Path) -> None:
        shutil.rmtree(self._folder / "resident", ignore_errors=True)  # of an earlier run
        library = open_here(self._folder, settings=self._settings)
        self._open.append(library)
        library.sql("SELECT photo_id FROM photos LIMIT 1")
        ask, query = self.client(""), world.queries[0]
        engine = psutil.Process().memory_info().rss
        settle(psutil.Process(), ask, query)
        grown = psutil.Process().memory_info().rss - engine
        self.copy = {
            "grown_bytes": grown,
            "new_filter_us": new_filter_us(library, query),
            **parts_of(library),
        }
        self.path = library.paging.find(Query(vector=query, k=K), 0).path

    def client(self, variant: str) -> Ask:
        return _finding(self._open[0])

    def disk_bytes(self) -> int:
        return folder_bytes(self._folder)

    def pid(self) -> int:
        return os.getpid()

    def close(self) -> None:
        for library in self._open:
            library.close()


def new_filter_us(library: vistazo.Library, query: Float32Array) -> int:
    """Median microseconds of a search with a filter that was not asked for before, of 1 %."""
    times = []
    for number in range(30):
        started = time.perf_counter()
        library.find(Query(vector=query, k=K, where=f"{where_of(10)} and height > {number}"))
        times.append(time.perf_counter() - started)
    return int(1e6 * statistics.median(times))


def parts_of(library: vistazo.Library) -> dict[str, int]:
    """Bytes of what the copy in memory consists of."""
    snapshot = library._resident._snapshot
    segments = [part.segment for part in snapshot.parts] if snapshot else []
    return {
        "vectors_bytes": sum(each.vectors.nbytes for each in segments),
        "graph_bytes": sum(each.graph.size_bytes for each in segments if each.graph),
        "columns_bytes": sum(each.columns.nbytes for each in segments),
    }


def _finding(library: Facade) -> Ask:
    def ask(query: Float32Array, share: int) -> Numbers:
        hits = library.find(Query(vector=query, k=K, where=where_of(share)))
        return numbers_of([hit.photo_id for hit in hits])

    return ask


class OverRest(Ours):
    """`vistazo serve` in a process of its own, and a library opened through it by each client."""

    def build(self, world: World, folder: Path) -> None:
        self._server = subprocess.Popen(
            [*_SERVE, "--db", str(self._folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "VISTAZO_RESIDENT_MAX_BYTES": str(self._settings.resident_max_bytes),
            },
        )
        assert self._server.stdout is not None
        if not any(line.startswith("to stop") for line in self._server.stdout):
            raise RuntimeError("the server did not start")
        settle(psutil.Process(self._server.pid), self.client(""), world.queries[0])
        self.path = "over HTTP"

    def client(self, variant: str) -> Ask:
        library = vistazo.open(self._folder)
        if not isinstance(library, vistazo.RemoteLibrary):
            raise RuntimeError("the library was not opened through its server")
        self._open.append(library)
        return _finding(library)

    def pid(self) -> int:
        return self._server.pid

    def close(self) -> None:
        super().close()
        self._server.terminate()
        self._server.wait()


class BySql(Ours):
    """`library.sql` with `distance`, and the engine's vector index up to a number of photos."""

    def __init__(self, library: Path, resident_bytes: int, index_up_to: int) -> None:
        super().__init__(library, resident_bytes)
        self._index_up_to = index_up_to

    def build(self, world: World, folder: Path) -> None:
        library = open_here(self._folder, settings=vistazo.Settings(resident_max_bytes=0))
        self._open.append(library)
        self.path = "every row"
        if self._settings.vector_index_rows <= world.rows <= self._index_up_to:
            with _index_left_out_after_error(library):
                library._store.keep_indexed(world.dim)
                if library.wait_for_index().state != "Built":
                    raise RuntimeError(library.index_status())
            self.path = "vector index"
        settle(psutil.Process(), self.client(""), world.queries[0])

    def client(self, variant: str) -> Ask:
        library = self._open[0]

        def ask(query: Float32Array, share: int) -> Numbers:
            where = f" WHERE {where_of(share)}" if share != 1000 else ""
            table = library.sql(
                "SELECT photo_id, photo_image_url, description, width, height, attributes,"
                " distance(photo_embed, {q:Array(Float32)}) AS d"
                f" FROM photos{where} ORDER BY d LIMIT 10",
                {"q": query.tolist()},
            )
            return numbers_of(table["photo_id"].to_pylist())

        return ask


@contextlib.contextmanager
def _index_left_out_after_error(library: vistazo.Library) -> Iterator[None]:
    try:
        yield
    except BaseException:
        library._store.drop_index()
        raise

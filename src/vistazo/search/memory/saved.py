"""A snapshot in files beside the tables, from which the next process has it at once.

A file is written once and never changed. The list of those that count, `snapshot.json`, is put in
place last, by one rename: whoever is killed before leaves the older list, and files that nobody
names, which the next save takes out. What is damaged, or of another library, counts as not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from vistazo.search.memory.graph import Graph
from vistazo.search.memory.segment import Segment
from vistazo.search.memory.snapshot import Part, Snapshot
from vistazo.store.copying import Listing
from vistazo.store.state import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = "resident"  # beside the engine's own files, in the library's folder
WORDS = "words."  # begins the names of files there that `saved_words` has made
_FORMAT = 1
_LIST = "snapshot.json"
_CHUNK = 1 << 24  # written at a time, after which a save can be given up
# Of a file so many pieces are read to tell whether it is what was written: a gigabyte whole would
# take longer than the search that it is opened for.
_PIECES, _PIECE = 64, 1 << 16


def save(snapshot: Snapshot, folder: Path, given_up: Callable[[], bool]) -> bool:
    """Write what of a snapshot is not in the folder yet; whether it is all there now.

    Raises:
        OSError: the disk is full, or may not be written.
    """
    folder.mkdir(exist_ok=True)
    known = _files_of(_read_list(folder))
    size = sum(_missing_bytes(part.segment, known) for part in snapshot.parts)
    if 2 * size > shutil.disk_usage(folder).free:
        return False  # the room is for photos
    writer = _Writer(folder, known, given_up)
    try:
        parts = [writer.part(part) for part in snapshot.parts]
    except _GivenUp:
        writer.forget()
        return False
    except BaseException:
        writer.forget()
        raise
    body = {
        "format": _FORMAT,
        "state": [snapshot.state.version, snapshot.state.photos],
        "stamp": snapshot.stamp,
        "encoder": snapshot.encoder,
        "parts": parts,
    }
    text = json.dumps(body, sort_keys=True)
    part = folder / f"{secrets.token_hex(8)}.part"
    _write(part, [json.dumps({"crc": zlib.crc32(text.encode()), "body": text}).encode()])
    part.replace(folder / _LIST)
    _sync_folder(folder)
    used = {_LIST, *_files_of(body)}
    for path in folder.iterdir():
        if path.name not in used and not path.name.startswith(WORDS):
            path.unlink(missing_ok=True)
    return True


def load(folder: Path, state: State | None = None) -> Snapshot | None:
    """The snapshot of the folder, its vectors read from their files as they are needed.

    Args:
        state: only of this one; None takes any, to be brought up to date.
    """
    body = _read_list(folder)
    if body is None or (state is not None and body["state"] != [state.version, state.photos]):
        return None
    try:
        for name, written in _files_of(body).items():
            if facts(folder / name) != written:
                return None
        parts = [_load_part(folder, each) for each in body["parts"]]
        return Snapshot(State(*body["state"]), body["encoder"], parts, stamp=body["stamp"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pa.ArrowException):
        return None


class _GivenUp(Exception):
    pass


class _Writer:
    def __init__(
        self, folder: Path, known: dict[str, list[int]], given_up: Callable[[], bool]
    ) -> None:
        self._folder = folder
        self._known = known
        self._given_up = given_up
        self._made: list[Path] = []

    def part(self, part: Part) -> dict[str, Any]:
        segment = part.segment
        if f"{segment.name}.vectors" not in self._known:
            segment.name = secrets.token_hex(8)
        name, n = segment.name, len(segment)
        files = {
            "vectors": self._file(
                f"{name}.vectors", lambda path: self._numbers(path, segment.vectors)
            ),
            "hashes": self._file(
                f"{name}.hashes", lambda path: self._numbers(path, _hashes(segment))
            ),
            "columns": self._file(
                f"{name}.columns", lambda path: self._table(path, segment.columns)
            ),
        }
        if segment.graph is not None:
            graph = segment.graph
            files["graph"] = self._file(f"{name}.graph", graph.save)
        if part.alive is not None:
            bits = np.packbits(part.alive)
            crc = zlib.crc32(bits.tobytes())
            files["alive"] = self._file(
                f"{name}.{crc:08x}.alive", lambda path: self._numbers(path, bits)
            )
        return {"rows": n, "dim": segment.vectors.shape[1], "name": name, "files": files}

    def _file(self, name: str, write: Callable[[Path], None]) -> list[Any]:
        """Its name, size and checksum; written unless it is there already."""
        if name in self._known:
            return [name, self._known[name]]
        self._check()
        path = self._folder / name
        self._made.append(path)
        write(path)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return [name, facts(path)]

    def _numbers(self, path: Path, numbers: NDArray[Any]) -> None:
        flat = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8)
        with path.open("wb") as file:
            for start in range(0, len(flat), _CHUNK):
                self._check()
                file.write(flat[start : start + _CHUNK].data)

    def _table(self, path: Path, table: pa.Table) -> None:
        with pa.OSFile(os.fspath(path), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            for batch in table.to_batches(max_chunksize=1 << 16):
                self._check()
                out.write_batch(batch)

    def _check(self) -> None:
        if self._given_up():
            raise _GivenUp

    def forget(self) -> None:
        for path in self._made:
            with contextlib.suppress(OSError):
                path.unlink()


def _load_part(folder: Path, facts: dict[str, Any]) -> Part:
    rows, dim, files = facts["rows"], facts["dim"], facts["files"]

    def numbers(kind: str, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
        # As a plain array: a subclass would show in every result.
        path = folder / files[kind][0]
        return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=shape))

    if not rows:
        raise ValueError("an empty part is never saved")
    keys, digests = numbers("hashes", np.uint64, (2, rows))
    columns = pa.ipc.open_file(pa.memory_map(os.fspath(folder / files["columns"][0]))).read_all()
    if columns.num_rows != rows:
        raise ValueError("the columns are of other photos")
    ids = columns["photo_id"].combine_chunks()
    listing = Listing(ids, keys, digests)
    segment = Segment(listing, numbers("vectors", np.float32, (rows, dim)), columns, facts["name"])
    if "graph" in files:
        segment.graph = Graph.opened(folder / files["graph"][0], rows, dim)
    if "alive" not in files:
        return Part.of(segment)
    bits = numbers("alive", np.uint8, ((rows + 7) // 8,))
    return Part.of(segment, np.unpackbits(bits, count=rows).astype(np.bool_))


def _hashes(segment: Segment) -> NDArray[np.uint64]:
    return np.stack([segment.listing.keys, segment.listing.digests])


def _missing_bytes(segment: Segment, known: dict[str, list[int]]) -> int:
    size = 0
    if f"{segment.name}.vectors" not in known:
        size += segment.vectors.nbytes + segment.columns.nbytes
    if segment.graph is not None and f"{segment.name}.graph" not in known:
        size += segment.graph.size_bytes
    return size


def _read_list(folder: Path) -> dict[str, Any] | None:
    try:
        outer = json.loads((folder / _LIST).read_bytes())
        if zlib.crc32(outer["body"].encode()) != outer["crc"]:
            return None
        body: dict[str, Any] = json.loads(outer["body"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return body if body.get("format") == _FORMAT else None


def _files_of(body: dict[str, Any] | None) -> dict[str, list[int]]:
    """Size and checksum by the name of the file."""
    parts = body["parts"] if body else []
    return {name: facts for part in parts for name, facts in part["files"].values()}


def facts(path: Path) -> list[int]:
    """The file's size, and a checksum over pieces of it, the first and the last among them."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        crc = 0
        for number in range(_PIECES):
            file.seek((size - _PIECE) * number // (_PIECES - 1) if size > _PIECE else 0)
            crc = zlib.crc32(file.read(_PIECE), crc)
            if size <= _PIECE:
                break
    return [size, crc]


def _write(path: Path, chunks: list[bytes]) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

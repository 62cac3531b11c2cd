"""The index of words in a file beside the tables, from which the next process has it at once.

The file holds a digest of every row and text that it was made of: it counts only where the tables give
the same, whoever has changed them. Its name tells its size and checksum; it is put in place by one
rename, and what is damaged counts as not there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vistazo.search.memory.saved import WORDS, facts
from vistazo.search.words.postings import Postings

if TYPE_CHECKING:
    from vistazo.store.connection import Connection

# To be raised with whatever changes the terms that a text is taken apart into; a test asks for it.
_FORMAT = 1
# Numbers of a sum differ when a row is missing, new or another.
_CONTENT = """
    SELECT count() AS n, sum(cityHash64(photo_id, place, file_stem, description,
        mapKeys(attributes), mapValues(attributes))) AS digest FROM photos
    UNION ALL SELECT count(), sum(cityHash64('keywords', photo_id, keyword)) FROM keywords
    UNION ALL SELECT count(), sum(cityHash64('conversions', photo_id, keyword)) FROM conversions
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an index consists of.

    Attributes:
        ids: (n,) strings that rise.
        told: as in `WordIndex`.
        terms: in the order of their numbers.
        fields: by the kind of text.
    """

    ids: pa.Array
    told: float
    terms: list[str]
    fields: dict[str, Postings]


def content(connection: Connection) -> str:
    """What an index counts for: this way to take texts apart, and a digest of all of them."""
    rows = connection.rows(_CONTENT)
    numbers = sorted((row["digest"], row["n"]) for row in rows)
    return f"{_FORMAT} {unicodedata.unidata_version} {numbers}"


def save(parts: Parts, folder: Path, content: str) -> bool:
    """Write an index, and take out older ones; whether there was room.

    Raises:
        OSError: the disk is full, or may not be written.
    """
    columns = {"told": pa.array([parts.told]), "names": pa.array([list(parts.fields)])}
    columns |= {"ids": _row(parts.ids), "terms": _row(pa.array(parts.terms, pa.string()))}
    for number, field in enumerate(parts.fields.values()):
        for name in ("starts", "rows", "counts"):
            columns[f"{name}{number}"] = _row(pa.array(getattr(field, name)))
    table = pa.table(columns).replace_schema_metadata({"content": content})
    folder.mkdir(exist_ok=True)
    if 2 * table.nbytes > shutil.disk_usage(folder).free:
        return False  # the room is for photos
    part = folder / f"{WORDS}{secrets.token_hex(8)}.part"
    try:
        with pa.OSFile(os.fspath(part), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            out.write_table(table)
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        made = folder / _name(part)
        part.replace(made)
    finally:
        part.unlink(missing_ok=True)
    for path in folder.glob(f"{WORDS}*"):
        if path != made:
            path.unlink(missing_ok=True)
    return True


def load(folder: Path, content: str) -> Parts | None:
    """The index of this content, read from its file as it is needed; None where there is none."""
    for path in folder.glob(f"{WORDS}*"):
        with contextlib.suppress(OSError, ValueError, KeyError, pa.ArrowException):
            if path.name != _name(path):
                continue
            table = pa.ipc.open_file(pa.memory_map(os.fspath(path))).read_all()
            if (table.schema.metadata or {}).get(b"content") == content.encode():
                return _parts(table)
    return None


def _parts(table: pa.Table) -> Parts:
    names = table["names"][0].as_py()
    fields = {
        name: Postings(*(_numbers(table, f"{kind}{at}") for kind in ("starts", "rows", "counts")))
        for at, name in enumerate(names)
    }
    ids, terms = (table[name].chunk(0).flatten() for name in ("ids", "terms"))
    return Parts(ids, table["told"][0].as_py(), terms.to_pylist(), fields)


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    found: NDArray[Any] = np.asarray(table[name].chunk(0).flatten())
    return found


def _row(values: pa.Array) -> pa.Array:
    """All of a list as one row, so that lists of many lengths stand in one table."""
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


def _name(path: Path) -> str:
    size, crc = facts(path)
    return f"{WORDS}{size}.{crc:08x}"

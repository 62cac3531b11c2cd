"""Checksums of large files, remembered: hashing half a gigabyte at every start would take long."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path

from platformdirs import user_cache_path

from vistazo.errors import WeightsCorrupt, WeightsMissing

_lock = threading.Lock()


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a file; computed again only when its size or its time has changed.

    Raises:
        WeightsMissing: there is no such file.
        WeightsCorrupt: it cannot be read.
    """
    real = path.resolve()
    try:
        status = real.stat()
        mark = [status.st_size, status.st_mtime_ns, status.st_ino]
        with _lock:
            known = _remembered().get(str(real))
        if known and known[:3] == mark:
            return str(known[3])
        digest = hashlib.sha256()
        with real.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError as error:
        raise WeightsMissing(f"there is no file {path}") from error
    except OSError as error:
        raise WeightsCorrupt(f"the model file {path} cannot be read: {error.strerror}") from error
    found = digest.hexdigest()
    with _lock:
        _remember(str(real), [*mark, found])
    return found


def verified(path: Path) -> str:
    """The same, for a file in the Hub's cache, whose blobs are named by their content.

    Raises:
        WeightsCorrupt: its content is not what its name says.
    """
    found = sha256(path)
    name = path.resolve().name
    hexadecimal = len(name) == 64 and set(name) <= set("0123456789abcdef")
    if hexadecimal and "blobs" in path.resolve().parts and name != found:
        raise WeightsCorrupt(
            f"the model file {path} is damaged. Delete {path.resolve()}, then get it again with:"
            " vistazo models pull"
        )
    return found


def _file() -> Path:
    return Path(user_cache_path("vistazo")) / "digests.json"


def _remembered() -> dict[str, list[int | str]]:
    try:
        found = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(path: str, entry: list[int | str]) -> None:
    known = {each: mark for each, mark in _remembered().items() if Path(each).exists()}
    known[path] = entry
    target = _file()
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        whole = target.with_name(f"{target.name}.{os.getpid()}")
        whole.write_text(json.dumps(known), "utf-8")
        whole.replace(target)

"""Vectors of images that callers sent, kept for a while so that they can page through the hits."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistazo.records import Float32Array

_MOST = 2000  # 4 MB of vectors with 512 numbers each
_KEPT_S = 24 * 3600.0
_URL_S = 600.0


class KeptImages:
    """The images used last, by the hash of their bytes; safe to use from several threads."""

    def __init__(self, most: int = _MOST, kept_s: float = _KEPT_S) -> None:
        self._most = most
        self._kept_s = kept_s
        self._vectors: OrderedDict[str, tuple[float, Float32Array]] = OrderedDict()
        self._urls: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._guard = threading.Lock()

    def key(self, data: bytes) -> str:
        """The key of an image file."""
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def vector(self, key: str) -> Float32Array | None:
        """The vector of an image; None when it is not kept."""
        with self._guard:
            until, vector = self._vectors.get(key, (0.0, None))
            if vector is None or until < time.monotonic():
                return None
            self._vectors.move_to_end(key)
            return vector

    def keep(self, key: str, vector: Float32Array) -> None:
        """Keep a vector."""
        with self._guard:
            self._vectors[key] = (time.monotonic() + self._kept_s, vector)
            self._vectors.move_to_end(key)
            while len(self._vectors) > self._most:
                self._vectors.popitem(last=False)

    def key_of_url(self, url: str) -> str | None:
        """The key of what an address gave some minutes ago."""
        with self._guard:
            until, key = self._urls.get(url, (0.0, ""))
        return key if until > time.monotonic() else None

    def note_url(self, url: str, key: str) -> None:
        """Remember what an address gave."""
        with self._guard:
            self._urls[url] = (time.monotonic() + _URL_S, key)
            while len(self._urls) > self._most:
                self._urls.popitem(last=False)

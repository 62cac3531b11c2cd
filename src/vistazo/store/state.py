"""What the tables are at: numbers that are equal as long as the rows are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vistazo.store.connection import Connection

T = TypeVar("T")

_HOLDS_S = 0.25  # asking takes as long as several searches in memory do
_PHOTOS = """
    SELECT sum(n) AS version, (SELECT count() FROM photos) AS photos FROM changes
    WHERE subject = 'photos' SETTINGS max_threads = 1
"""
_USAGE = """
    SELECT (SELECT count() FROM conversions) AS conversions,
        (SELECT count() FROM keywords) AS keywords,
        (SELECT concat(toString(count()), ' ', toString(max(loaded_at))) FROM loads) AS loads
    SETTINGS max_threads = 1
"""


@dataclass(frozen=True, slots=True)
class State:
    """What the photos are at: equal states hold equal photos.

    Attributes:
        version: rises with every change.
        photos: how many there are.
    """

    version: int
    photos: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What downloads and keywords are at: equal ones hold equal rows.

    Attributes:
        loads: how many loads there were, and when the last one was.
    """

    conversions: int
    keywords: int
    loads: str


class Watched(Generic[T]):
    """Something that is read of the tables, and seldom read again.

    Where this process alone writes, what it has read holds until it writes again, yet not for long: a
    change that an engine makes in the background is said by nobody.
    """

    def __init__(self, connection: Connection, read: Callable[[Connection], T]) -> None:
        self._connection = connection
        self._read = read
        self._known: tuple[int, float, T] | None = None

    def now(self) -> T:
        """What it is now."""
        writes, known = self._connection.writes, self._known
        now = time.monotonic()
        if known is not None and known[0] == writes and now < known[1]:
            return known[2]
        value = self._read(self._connection)
        if not self._connection.shared:
            self._known = writes, now + _HOLDS_S, value
        return value


def photos_state(connection: Connection) -> State:
    """The state of the photos."""
    (row,) = connection.rows(_PHOTOS)
    return State(row["version"] or 0, row["photos"])


def usage(connection: Connection) -> Usage:
    """The state of downloads and keywords."""
    (row,) = connection.rows(_USAGE)
    return Usage(**row)

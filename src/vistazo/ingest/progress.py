"""How far a run is: what it has done, and how much there is, counted on the side."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistazo.sources.base import Source


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        done: items handled, whatever became of them.
        total: items of the source; None until they have been counted.
        failed: items that failed, in this run or before.
    """

    done: int
    total: int | None
    failed: int


class Counting:
    """Counts a source's items in a thread of its own, so that the work starts at once.

    Args:
        total: the count, where it is known.
        wanted: False counts nothing.
    """

    def __init__(self, source: Source, total: int | None, *, wanted: bool) -> None:
        self.total = total
        self._source = source
        self._stopped = threading.Event()
        if wanted and total is None:
            threading.Thread(target=self._count, name="vistazo-count", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _count(self) -> None:
        count = 0
        try:
            for _ in self._source.items():
                count += 1
                if self._stopped.is_set():
                    return
        except Exception:  # a thread's edge: the run itself meets the same error and reports it
            return
        self.total = count

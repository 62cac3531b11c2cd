"""Wrong tokens: who gives several has to wait, longer each time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

_FREE = 10
_MOST_S = 60.0
_FORGOTTEN_S = 900.0
_REMEMBERED = 10_000


class Attempts:
    """Counts wrong tokens by the caller's address; safe to use from several threads."""

    def __init__(self, free: int = _FREE, most_s: float = _MOST_S) -> None:
        self._free = free
        self._most_s = most_s
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._guard = threading.Lock()

    def wait_s(self, caller: str) -> float:
        """Seconds until another token of this caller is looked at; 0 when it is now."""
        with self._guard:
            count, last = self._wrong.get(caller, (0, 0.0))
        if count < self._free:
            return 0.0
        pause = min(self._most_s, 2.0 ** (count - self._free))
        return max(0.0, last + pause - time.monotonic())

    def note_wrong(self, caller: str) -> None:
        """Count one."""
        now = time.monotonic()
        with self._guard:
            count, last = self._wrong.pop(caller, (0, now))
            self._wrong[caller] = (1 if now - last > _FORGOTTEN_S else count + 1, now)
            while len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)

    def note_right(self, caller: str) -> None:
        """Forget the wrong ones."""
        with self._guard:
            self._wrong.pop(caller, None)

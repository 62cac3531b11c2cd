"""Bytes of downloads in memory: a bound that holds however large the pictures are."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Clock(Protocol):
    """The deadline of a download; the time it is made to wait is not its own."""

    def pause(self) -> None:
        """Stop counting."""
        ...

    def resume(self) -> None:
        """Count on."""
        ...


class Budget:
    """How many bytes may be held: being received, or received and not yet decoded.

    Beyond the limit receiving stops, except for the oldest download, which would else wait for
    others that wait for it. So at most one picture comes on top.

    All methods belong to one event loop.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._receiving: dict[Share, None] = {}  # oldest first
        self._changed = asyncio.Event()

    def share(self, clock: Clock) -> Share:
        """A new download's part."""
        share = Share(self, clock)
        self._receiving[share] = None
        return share

    def give_back(self, size_bytes: int) -> None:
        """So many bytes are no longer held."""
        self.held_bytes -= size_bytes
        self._changed.set()

    async def take(self, share: Share, size_bytes: int) -> None:
        """Hold more, maybe after waiting."""
        if self._is_full(share, size_bytes):
            share.clock.pause()
            try:
                while self._is_full(share, size_bytes):
                    self._changed.clear()
                    await self._changed.wait()
            finally:
                share.clock.resume()
        self.held_bytes += size_bytes

    def close(self, share: Share) -> None:
        """A download has ended; another one is the oldest now."""
        self._receiving.pop(share, None)
        self._changed.set()

    def _is_full(self, share: Share, size_bytes: int) -> bool:
        oldest = next(iter(self._receiving))
        return self.held_bytes + size_bytes > self._limit_bytes and oldest is not share


class Share:
    """What one try at a download holds. Made by `Budget.share`."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self.clock = clock
        self._budget = budget
        self._bytes = 0

    async def take(self, size_bytes: int) -> None:
        """Hold more, maybe after waiting."""
        await self._budget.take(self, size_bytes)
        self._bytes += size_bytes

    def end(self, *, keep: bool) -> None:
        """The try has ended; `keep` leaves its bytes held until `Budget.give_back`."""
        self._budget.close(self)
        if not keep:
            self._budget.give_back(self._bytes)
        self._bytes = 0

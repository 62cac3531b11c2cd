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

    Beyond the limit receiving stops until something is decoded. With nothing to decode, the
    oldest download goes on, else all would wait for one another: one picture may come on top.

    All methods belong to one event loop.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._received_bytes = 0
        self._receiving: dict[Share, None] = {}  # oldest first
        self._changed = asyncio.Event()

    def share(self, clock: Clock) -> Share:
        """A new download's part."""
        share = Share(self, clock)
        self._receiving[share] = None
        return share

    def give_back(self, size_bytes: int) -> None:
        """So many received bytes are no longer held."""
        self._received_bytes -= size_bytes
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

    def close(self, share: Share, size_bytes: int, *, keep: bool) -> None:
        """A try has ended; another one is the oldest now."""
        self._receiving.pop(share, None)
        self._received_bytes += size_bytes
        if keep:
            self._changed.set()
        else:
            self.give_back(size_bytes)

    def _is_full(self, share: Share, size_bytes: int) -> bool:
        if self.held_bytes + size_bytes <= self._limit_bytes:
            return False
        return self._received_bytes > 0 or next(iter(self._receiving)) is not share


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
        self._budget.close(self, self._bytes, keep=keep)
        self._bytes = 0

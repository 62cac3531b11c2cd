from __future__ import annotations

import asyncio

from vistazo.ingest.budget import Budget


class Clock:
    def __init__(self) -> None:
        self.steps: list[str] = []

    def pause(self) -> None:
        self.steps.append("pause")

    def resume(self) -> None:
        self.steps.append("resume")


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_with_nothing_to_decode_the_oldest_goes_on() -> None:
    async def play() -> None:
        budget = Budget(10)
        clock = Clock()
        first, second = budget.share(Clock()), budget.share(clock)
        await second.take(8)
        await first.take(8)
        waiting = asyncio.create_task(second.take(1))
        await soon()
        assert not waiting.done()
        assert clock.steps == ["pause"]
        await first.take(100)
        first.end(keep=False)
        await waiting
        assert clock.steps == ["pause", "resume"]
        assert budget.held_bytes == 9

    asyncio.run(play())


def test_what_waits_to_be_decoded_stops_all() -> None:
    async def play() -> None:
        budget = Budget(10)
        first, second = budget.share(Clock()), budget.share(Clock())
        await first.take(10)
        first.end(keep=True)
        waiting = asyncio.create_task(second.take(5))
        await soon()
        assert not waiting.done()
        budget.give_back(10)
        await waiting
        assert budget.held_bytes == 5

    asyncio.run(play())


def test_one_that_is_cancelled_while_waiting_leaves_nothing() -> None:
    async def play() -> None:
        budget = Budget(10)
        clock = Clock()
        first, second = budget.share(Clock()), budget.share(clock)
        await first.take(10)
        waiting = asyncio.create_task(second.take(5))
        await soon()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        second.end(keep=False)
        first.end(keep=False)
        assert clock.steps == ["pause", "resume"]
        assert budget.held_bytes == 0

    asyncio.run(play())

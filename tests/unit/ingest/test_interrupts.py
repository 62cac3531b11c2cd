from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from vistazo.ingest.interrupts import interrupts_deferred

STOPS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(params=STOPS, ids=["SIGINT", "SIGTERM"])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that raises KeyboardInterrupt, as the command line has both do."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(request.param, stop)
    yield request.param
    signal.signal(request.param, before)


def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with interrupts_deferred():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            steps.append("inside")
        steps.append("after")
    assert steps == ["inside"]
    with interrupts_deferred():  # it has been delivered once
        steps.append("again")
    assert steps == ["inside", "again"]


def test_blocks_within_blocks(number: signal.Signals) -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts_deferred():  # noqa: PT012
        with interrupts_deferred():
            signal.raise_signal(number)
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = [signal.getsignal(stop) for stop in STOPS]
    with interrupts_deferred():
        assert signal.getsignal(number) not in before
    assert [signal.getsignal(stop) for stop in STOPS] == before


def test_an_error_of_the_block_comes_out(number: signal.Signals) -> None:
    with pytest.raises(ValueError, match="mine"), interrupts_deferred():
        raise ValueError("mine")
    with pytest.raises(KeyboardInterrupt) as caught, interrupts_deferred():  # noqa: PT012
        signal.raise_signal(number)
        raise ValueError("mine")
    assert isinstance(caught.value.__context__, ValueError)


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_was_not_set_from_python_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was changed"))
    with interrupts_deferred():
        pass


def test_other_threads_have_nothing_to_hold_back() -> None:
    done: list[str] = []

    def work(step: Callable[[str], None]) -> None:
        with interrupts_deferred():
            step("inside")

    thread = threading.Thread(target=work, args=(done.append,))
    thread.start()
    thread.join()
    assert done == ["inside"]

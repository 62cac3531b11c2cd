from __future__ import annotations

import io
import sys

import pytest

from vistazo.cli.bars import bar


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        (80, "██████████"),
        (40, "█████"),
        (79, "█████████▉"),
        (4, "▌"),
        (1, "▏"),
        (0.001, "▏"),
        (0, ""),
        (-3, ""),
        (800, "██████████"),
    ],
)
def test_a_bar_is_as_long_as_its_value(value: float, drawn: str) -> None:
    assert bar(value, 80, 10) == drawn


def test_nothing_has_no_bar() -> None:
    assert bar(0, 0, 10) == ""


def test_a_terminal_without_blocks_gets_other_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert [bar(value, 80, 10) for value in (80, 44, 1, 0)] == ["#" * 10, "#" * 6, "#", ""]

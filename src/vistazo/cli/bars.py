"""Bars of block characters for tables on a terminal."""

from __future__ import annotations

import sys

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(value: float, highest: float, cells: int) -> str:
    """A bar from zero, `cells` characters long for `highest`, to an eighth of a character.

    What is above zero shows at least an eighth. Where the terminal's encoding has no blocks, `#`.
    """
    if value <= 0 or highest <= 0:
        return ""
    eighths = max(round(8 * cells * min(value / highest, 1)), 1)
    if not _has_blocks():
        return "#" * max(round(eighths / 8), 1)
    return _EIGHTHS[8] * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _has_blocks() -> bool:
    try:
        _EIGHTHS.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

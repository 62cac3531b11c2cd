"""Figures that show themselves in a notebook, and which letters can be drawn in them.

Drawn with matplotlib's objects, without pyplot: no global state changes, nothing has to be closed.
A bare `Figure` shows itself in a notebook only after `%matplotlib inline`; these always do.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistazo.errors import Unsupported
from vistazo.records import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
INK, SOFT = "#1f2328", "#6b7280"
# Asked for where DejaVu Sans lacks a letter, when installed; matplotlib picks glyph by glyph.
FALLBACK_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Arial Unicode MS")
UNKNOWN_LETTER = "\u25af"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure that shows itself in a notebook."""

    figure: Figure

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the suffix names the format (PNG without one).

        Raises:
            Unsupported: matplotlib cannot write that format.
        """
        target = Path(path)
        kind = target.suffix.lstrip(".").lower() or "png"
        known = self.figure.canvas.get_supported_filetypes()
        if kind not in known:
            raise Unsupported(f"cannot write a .{kind} picture; one of: {', '.join(sorted(known))}")
        self.figure.savefig(target, format=kind, dpi="figure", facecolor="white")
        return target

    def open_viewer(self) -> None:
        """Show the figure with the system's picture viewer.

        Raises:
            Unsupported: there is none.
        """
        from PIL import Image, ImageShow

        with Image.open(io.BytesIO(self._repr_png_())) as picture:
            if not ImageShow.show(picture, title="vistazo"):
                raise Unsupported(
                    "there is no picture viewer here; save the picture instead:"
                    " .grid().save('hits.png')"
                )

    def _repr_png_(self) -> bytes:
        drawn = io.BytesIO()
        self.figure.savefig(drawn, format="png", dpi="figure", facecolor="white")
        return drawn.getvalue()


def new_figure(width_px: float = 120, height_px: float = 120) -> tuple[Figure, Letters]:
    """An empty white figure that belongs to no window.

    Raises:
        Unsupported: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        message = 'drawing needs matplotlib: pip install "vistazo[notebook]"'
        raise Unsupported(message) from error
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    return figure, Letters(canvas.get_renderer())


class Letters:
    """Which letters can be drawn, and how wide they are."""

    def __init__(self, renderer: Any) -> None:
        from matplotlib.font_manager import findfont, fontManager, get_font

        installed = {entry.name for entry in fontManager.ttflist}
        self.families = ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)]
        self._renderer = renderer
        self._known = set[int]().union(
            *(get_font(findfont(name)).get_charmap() for name in self.families)
        )

    def known(self, text: str) -> str:
        """One line; a letter that no font has becomes a box, or matplotlib warns at each."""
        line = printable(" ".join(text.split()))
        return "".join(c if ord(c) in self._known else UNKNOWN_LETTER for c in line)

    def measure(self, size_px: float, weight: str) -> Callable[[str], float]:
        """The width of a string in pixels."""
        from matplotlib.font_manager import FontProperties

        font = FontProperties(family=self.families, size=size_px * 72 / DPI, weight=weight)
        cached: dict[str, float] = {}

        def width(text: str) -> float:
            if text not in cached:
                size = self._renderer.get_text_width_height_descent(text, font, False)
                cached[text] = float(size[0])
            return cached[text]

        return width

    def style(self, size_px: float, colour: str = INK, weight: str = "normal") -> dict[str, Any]:
        """Keywords of a text: "$5 or $6" is a price, not a formula."""
        return {
            "fontsize": size_px * 72 / DPI,
            "family": self.families,
            "color": colour,
            "weight": weight,
            "parse_math": False,
            "usetex": False,
        }

"""A map of photos as a picture: a dot for each, in its theme's colour, and the themes' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistazo.display.figure import INK, Drawing, new_figure

if TYPE_CHECKING:
    from vistazo.arrays import Float32Array

SIDE_PX = 1000
# Twelve that differ for most eyes, from dark to light; further themes begin anew.
COLOURS = (
    *("#3d76b3", "#d1495b", "#3f8f5a", "#8a5aa8", "#c97b1f", "#2a9d9d"),
    *("#7a4b2a", "#d26fa5", "#6b7280", "#9aa62a", "#4cb3e0", "#1f3a5f"),
)


class MapPicture(Drawing):
    """A map as a figure that shows itself in a notebook."""

    __slots__ = ()


def map_picture(
    points: Float32Array,
    themes: Sequence[int],
    names: Sequence[tuple[str, float, float]],
) -> MapPicture:
    """Draw a map.

    Args:
        points: (n, 2), each coordinate from 0 to 1.
        themes: n places in `names`.
        names: of each theme, and where it is written.
    Raises:
        Unsupported: matplotlib is not installed.
    """
    figure, letters = new_figure(SIDE_PX, SIDE_PX)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_axis_off()
    size = max(2.0, min(36.0, 12_000 / max(1, len(points))))
    colours = [COLOURS[theme % len(COLOURS)] for theme in themes]
    if len(points):
        axes.scatter(points[:, 0], points[:, 1], s=size, c=colours, alpha=0.8, linewidths=0)
    for number, (name, x, y) in enumerate(names):
        frame = {"facecolor": "white", "alpha": 0.85, "edgecolor": COLOURS[number % len(COLOURS)]}
        axes.text(
            min(max(x, 0.08), 0.92),
            y,
            letters.known(name),
            ha="center",
            va="center",
            bbox={**frame, "boxstyle": "round,pad=0.25"},
            **letters.style(12, INK),
        )
    return MapPicture(figure)

"""The image grid that notebooks show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vistazo.display.figure import DPI, INK, SOFT, Drawing, Letters, new_figure
from vistazo.display.sheet import Row, fit_lines, justified_rows, pictures_of
from vistazo.errors import UsageError
from vistazo.records import Hit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A thumbnail's longer side is 320 px: at this width a column shows it without enlarging.
COLUMN_PX = 240
GAP_PX = 10
MARGIN_PX = 16
ROW_GAP_PX = 16
LINE_PX = 17
TITLE_PX = 44
NARROWEST_PX = 360
FONT_PX, TITLE_FONT_PX = 12, 19


class Grid(Drawing):
    """The pictures of a search as a figure that shows itself in a notebook."""

    __slots__ = ()


def image_grid(
    hits: Sequence[Hit],
    thumbnails: Mapping[str, bytes],
    *,
    columns: int = 5,
    title: str = "",
    captions: bool = True,
) -> Figure:
    """Draw the hits in order, in justified rows.

    Args:
        hits: any number; none gives the sentence "no hits".
        thumbnails: encoded image by photo id; a missing one shows as a grey area.
        columns: pictures of average shape in a row, at least 1.
        captions: score and description under each picture, where there is any.
    Raises:
        Unsupported: matplotlib is not installed.
        UsageError: `columns` below 1.
    """
    if columns < 1:
        raise UsageError(f"columns must be at least 1, not {columns}")
    figure, letters = new_figure()
    pictures = pictures_of(hits, thumbnails)
    aspects = [picture.width / picture.height for picture in pictures]
    full = columns * COLUMN_PX + (columns - 1) * GAP_PX
    mean = sum(aspects) / len(aspects) if aspects else 1.0
    row_height = min(max(round(COLUMN_PX / mean), COLUMN_PX // 3), COLUMN_PX * 5 // 4)
    rows = justified_rows(aspects, width=full, row_height=row_height, gap=GAP_PX)
    texts = [_caption_lines(hits, row, letters) if captions else {} for row in rows]
    depths = [max(map(len, lines.values()), default=0) for lines in texts]

    width = max([NARROWEST_PX, *(row.width for row in rows)]) + 2 * MARGIN_PX
    heights = [
        row.height + (depth * LINE_PX + 6 if depth else 0)
        for row, depth in zip(rows, depths, strict=True)
    ]
    body = sum(heights) + ROW_GAP_PX * (len(rows) - 1) if rows else 3 * LINE_PX
    height = body + 2 * MARGIN_PX + (TITLE_PX if title else 0)
    figure.set_size_inches(width / DPI, height / DPI)

    # One invisible coordinate system in pixels from the top left, for everything.
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    write = _writer(axes, letters)
    top = MARGIN_PX
    if title:
        measure = letters.measure(TITLE_FONT_PX, "bold")
        shown = fit_lines(letters.known(title), measure, width=width - 2 * MARGIN_PX)
        write(MARGIN_PX, top, " ".join(shown), TITLE_FONT_PX, INK, "bold")
        top += TITLE_PX
    if not rows:
        write(MARGIN_PX, top + LINE_PX, "no hits", FONT_PX + 2, SOFT, "normal")
    for row, lines, row_px in zip(rows, texts, heights, strict=True):
        for cell in row.cells:
            left, picture = MARGIN_PX + cell.x, pictures[cell.index]
            scale = min(cell.width / picture.width, row.height / picture.height)
            x = left + (cell.width - picture.width * scale) / 2
            y = top + (row.height - picture.height * scale) / 2
            edges = (x, x + picture.width * scale, y + picture.height * scale, y)
            axes.imshow(picture, extent=edges, aspect="auto", interpolation="hanning")
            for number, (line, colour, weight) in enumerate(lines.get(cell.index, [])):
                line_top = top + row.height + 6 + number * LINE_PX
                write(left, line_top, line, FONT_PX, colour, weight)
        top += row_px + ROW_GAP_PX
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure


def _caption_lines(
    hits: Sequence[Hit], row: Row, letters: Letters
) -> dict[int, list[tuple[str, str, str]]]:
    """(text, colour, weight) of each line under each picture of a row."""
    measure = letters.measure(FONT_PX, "normal")
    found: dict[int, list[tuple[str, str, str]]] = {}
    for cell in row.cells:
        hit = hits[cell.index]
        lines = [] if hit.score != hit.score else [(f"{hit.score:.3f}", INK, "bold")]
        shown = fit_lines(letters.known(hit.description), measure, width=cell.width, max_lines=2)
        lines += [(line, SOFT, "normal") for line in shown]
        found[cell.index] = lines
    return found


def _writer(axes: Any, letters: Letters) -> Callable[..., None]:
    def write(x: float, y: float, text: str, size_px: int, colour: str, weight: str) -> None:
        axes.text(
            x,
            y + size_px,  # a common baseline: "top" would move with the letters of each line
            text,
            va="baseline",
            **letters.style(size_px, colour, weight),
        )

    return write

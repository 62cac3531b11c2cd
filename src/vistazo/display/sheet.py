"""Contact sheets: pictures in justified rows, each at its own aspect ratio.

The row layout and the fitting of captions serve the notebook grid and the terminal as well.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from vistazo.records import Hit

PLACEHOLDER = (232, 234, 237)
THUMBNAIL_SIDE_PX = 320
# Outside these a picture keeps its shape inside a wider or taller cell, so that one panorama or
# one receipt neither flattens its row nor becomes a sliver without room for a caption.
NARROWEST, WIDEST = 0.5, 3.5
# A last row that would grow by no more than this is stretched to the right edge.
STRETCH = 1.25
# What leaving the last row ragged costs beside a row that misses the wished height.
RAGGED_COST = 0.15
_ELLIPSIS = "…"
_LONGEST_CAPTION = 400


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of one picture within its row, pixels."""

    index: int
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Row:
    """Pictures of one height, side by side."""

    height: int
    cells: tuple[Cell, ...]

    @property
    def width(self) -> int:
        """Where the last picture ends."""
        return self.cells[-1].x + self.cells[-1].width


def justified_rows(aspects: Sequence[float], *, width: int, row_height: int, gap: int) -> list[Row]:
    """Break pictures into rows of equal width, their heights as near `row_height` as can be.

    All ways of breaking are weighed (dynamic programming), so that no row pays for the one
    before it. The last row is flush too when that makes it at most a quarter higher.

    Args:
        aspects: width divided by height of each picture, in order.
        width: of every full row, pixels.
        row_height: wished height, pixels.
        gap: between pictures of a row, pixels.
    """
    shapes = [min(max(aspect, NARROWEST), WIDEST) for aspect in aspects]
    count = len(shapes)
    best: list[tuple[float, int]] = [(0.0, 0)] + [(math.inf, 0)] * count
    for end in range(1, count + 1):
        for start in range(end - 1, -1, -1):
            height = _full_height(shapes[start:end], width, gap)
            if height < row_height / 4 and end - start > 1:
                break
            ragged = end == count and height > STRETCH * row_height
            cost = (
                RAGGED_COST * (1 - row_height / height)
                if ragged
                else math.log(max(height, 1) / row_height) ** 2
            )
            if best[start][0] + cost < best[end][0]:
                best[end] = (best[start][0] + cost, start)
    breaks = [count]
    while breaks[-1] > 0:
        breaks.append(best[breaks[-1]][1])
    breaks.reverse()
    rows = []
    for start, end in itertools.pairwise(breaks):
        height = _full_height(shapes[start:end], width, gap)
        if end == count and height > STRETCH * row_height:
            height = row_height
        rows.append(_row(shapes[start:end], start, height, gap))
    return rows


def _full_height(shapes: Sequence[float], width: int, gap: int) -> float:
    return (width - gap * (len(shapes) - 1)) / sum(shapes)


def _row(shapes: Sequence[float], first: int, height: float, gap: int) -> Row:
    cells = []
    left = 0.0
    for index, shape in enumerate(shapes, start=first):
        # Both edges are rounded, not the width: rounding never adds up along the row.
        x, right = round(left), round(left + shape * height)
        cells.append(Cell(index, x, max(right - x, 1)))
        left += shape * height + gap
    return Row(max(round(height), 1), tuple(cells))


def pictures_of(hits: Sequence[Hit], thumbnails: Mapping[str, bytes]) -> list[Image.Image]:
    """The thumbnails as RGB pictures; a plain grey one where a thumbnail is missing or broken."""
    return [_picture(hit, thumbnails.get(hit.photo_id, b"")) for hit in hits]


def _picture(hit: Hit, thumbnail: bytes) -> Image.Image:
    if thumbnail:
        try:
            with Image.open(io.BytesIO(thumbnail)) as opened:
                return on_white(opened)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            pass  # shown as missing: a broken thumbnail is no reason to hide the results
    width, height = (hit.width, hit.height) if hit.width > 0 < hit.height else (4, 3)
    scale = THUMBNAIL_SIDE_PX / max(width, height)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return Image.new("RGB", size, PLACEHOLDER)


def on_white(picture: Image.Image) -> Image.Image:
    """An RGB copy; what is transparent becomes white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def contact_sheet(
    hits: Sequence[Hit],
    thumbnails: Mapping[str, bytes],
    *,
    width_px: int = 1200,
    row_height_px: int = 220,
    gap_px: int = 8,
    numbers: bool = True,
) -> Image.Image:
    """One RGB picture of all hits on white, in order; `numbers` writes 1, 2, ... on them."""
    pictures = pictures_of(hits, thumbnails)
    sheet = compose(
        pictures, width_px=width_px, row_height_px=row_height_px, gap_px=gap_px, numbers=numbers
    )
    return on_white(sheet)


def compose(
    pictures: Sequence[Image.Image],
    *,
    width_px: int,
    row_height_px: int,
    gap_px: int,
    numbers: bool,
) -> Image.Image:
    """Lay pictures out in justified rows.

    Returns:
        RGBA, transparent between the pictures, no wider than its widest row; 1 x 1 for none.
    """
    aspects = [picture.width / picture.height for picture in pictures]
    rows = justified_rows(aspects, width=width_px, row_height=row_height_px, gap=gap_px)
    width = max((row.width for row in rows), default=1)
    height = sum(row.height + gap_px for row in rows) - gap_px
    sheet = Image.new("RGBA", (width, max(height, 1)), (255, 255, 255, 0))
    top = 0
    for row in rows:
        for cell in row.cells:
            fitted = fit(pictures[cell.index], cell.width, row.height)
            x, y = (cell.width - fitted.width) // 2, (row.height - fitted.height) // 2
            sheet.paste(fitted.convert("RGB"), (cell.x + x, top + y))
            if numbers:
                _number(sheet, cell.index + 1, (cell.x, top), row.height)
        top += row.height + gap_px
    return sheet


def fit(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize into a cell at the picture's own aspect; a miss of rounding fills the cell."""
    aspect = picture.width / picture.height
    if NARROWEST <= aspect <= WIDEST:
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    return ImageOps.contain(picture, (width, height), Image.Resampling.LANCZOS)


def _number(sheet: Image.Image, number: int, corner: tuple[int, int], row_height: int) -> None:
    size = min(max(row_height // 9, 11), 22)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(str(number))
    width, height = round(right - left) + size, round(size * 1.5)
    badge = Image.new("RGBA", (max(width, height), height))
    draw = ImageDraw.Draw(badge)
    draw.rounded_rectangle((0, 0, badge.width - 1, height - 1), height // 4, fill=(20, 22, 26, 190))
    centre = (badge.width - (right - left)) / 2 - left, (height - (bottom - top)) / 2 - top
    draw.text(centre, str(number), fill="white", font=font)
    inset = max(size // 3, 2)
    sheet.alpha_composite(badge, (corner[0] + inset, corner[1] + inset))


def fit_lines(
    text: str, measure: Callable[[str], float], *, width: float, max_lines: int = 1
) -> list[str]:
    """Break text into at most `max_lines` lines that fit `width`; an ellipsis ends cut text.

    Args:
        measure: the width of a string, in the unit of `width`.
    """
    words = text[:_LONGEST_CAPTION].split()
    lines: list[str] = []
    while words and len(lines) < max_lines:
        if len(lines) == max_lines - 1:
            lines.append(_shorten(" ".join(words), measure, width))
            break
        line = words.pop(0)
        if measure(line) > width:
            # A word wider than the line, or a script without spaces: broken where it must be.
            length = _longest(line, measure, width)
            words.insert(0, line[length:])
            line = line[:length]
        while words and measure(f"{line} {words[0]}") <= width:
            line += f" {words.pop(0)}"
        lines.append(line)
    return lines


def _shorten(text: str, measure: Callable[[str], float], width: float) -> str:
    if measure(text) <= width:
        return text
    room = width - measure(_ELLIPSIS)
    return text[: _longest(text, measure, room)].rstrip(" ,.;:") + _ELLIPSIS


def _longest(text: str, measure: Callable[[str], float], width: float) -> int:
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= width else (low, middle - 1)
    return low

"""Make the README's picture: real results of one query on a library.

    python tools/readme_picture.py LIBRARY "calm water at dusk" docs/results.jpg

The suffix names the format; JPEG and WebP are several times smaller than PNG at the same looks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont, ImageOps

from vistazo.display.sheet import fit, fit_lines, justified_rows, on_white

WIDTH_PX = 1400
MARGIN_PX = 48
GAP_PX = 14
CAPTION_PX = 72
RADIUS_PX = 8
# Shapes are drawn this many times larger and reduced: Pillow's own edges are jagged.
SMOOTH = 4
SEPARATOR = " · "
PAPER, FIELD, LINE = "#f7f7f5", "#ffffff", "#dcdcd8"
INK, SOFT, ACCENT = "#1c1e21", "#74777d", "#c8472b"


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as the picture shows it."""

    picture: Image.Image
    score: float
    credit: str = ""


def compose_results(query: str, results: Sequence[Shown], *, rows: int = 2) -> Image.Image:
    """Draw the query in a search field and the results under it.

    Args:
        results: best first, at least one.
        rows: how many rows of pictures to aim for.
    Returns:
        RGB, `WIDTH_PX` wide.
    """
    inner = WIDTH_PX - 2 * MARGIN_PX
    aspects = [shown.picture.width / shown.picture.height for shown in results]
    gaps = (len(results) - rows) * GAP_PX
    wished = max(round((rows * inner - gaps) / sum(aspects)), 40)
    laid = justified_rows(aspects, width=inner, row_height=wished, gap=GAP_PX)
    field_px, below_field = 68, 30
    top = MARGIN_PX + field_px + below_field
    height = top + sum(row.height + CAPTION_PX for row in laid) + MARGIN_PX // 4
    canvas = Image.new("RGB", (WIDTH_PX, height), PAPER)
    _search_field(canvas, query, len(results), field_px)
    draw = ImageDraw.Draw(canvas)
    score_font, credit_font = _font(17, bold=True), _font(14)
    for row in laid:
        for cell in row.cells:
            shown, x = results[cell.index], MARGIN_PX + cell.x
            fitted = fit(shown.picture, cell.width, row.height)
            place = x + (cell.width - fitted.width) // 2, top + (row.height - fitted.height) // 2
            canvas.paste(fitted, place, _rounded(fitted.size, RADIUS_PX))
            baseline = top + row.height + 22
            draw.text((x + 1, baseline), f"{shown.score:.3f}", INK, score_font, anchor="ls")
            # A credit wider than its picture puts the licence on a line of its own.
            fits = credit_font.getlength(shown.credit) <= cell.width
            credit = [shown.credit] if fits else shown.credit.split(SEPARATOR)
            for number, part in enumerate(credit, start=1):
                line = "".join(fit_lines(part, credit_font.getlength, width=cell.width))
                draw.text((x + 1, baseline + 19 * number), line, SOFT, credit_font, anchor="ls")
        top += row.height + CAPTION_PX
    return canvas


def _search_field(canvas: Image.Image, query: str, count: int, height: int) -> None:
    left, top, right = MARGIN_PX, MARGIN_PX, WIDTH_PX - MARGIN_PX
    size = (right - left, height)
    canvas.paste(LINE, (left, top), _rounded(size, height // 2))
    canvas.paste(FIELD, (left + 2, top + 2), _rounded((size[0] - 4, height - 4), height // 2 - 2))
    lens = Image.new("L", (30 * SMOOTH, 30 * SMOOTH))
    pen = ImageDraw.Draw(lens)
    pen.ellipse((2 * SMOOTH, 2 * SMOOTH, 20 * SMOOTH, 20 * SMOOTH), outline=255, width=3 * SMOOTH)
    pen.line((18 * SMOOTH, 18 * SMOOTH, 26 * SMOOTH, 26 * SMOOTH), fill=255, width=4 * SMOOTH)
    lens = lens.resize((30, 30), Image.Resampling.LANCZOS)
    canvas.paste(ACCENT, (left + 28, top + (height - 28) // 2), lens)
    draw = ImageDraw.Draw(canvas)
    middle = top + height // 2
    note = "1 result" if count == 1 else f"{count} results"
    note_font, query_font = _font(16), _font(29)
    draw.text((right - 32, middle), note, SOFT, note_font, anchor="rm")
    room = right - left - 28 - 46 - 32 - 24 - note_font.getlength(note)
    words = "".join(fit_lines(query, query_font.getlength, width=room))
    draw.text((left + 74, middle + 10), words, INK, query_font, anchor="ls")


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * SMOOTH, fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)


def credit_line(photographer: str, licence: str) -> str:
    """Who made the picture and on what terms, as far as known."""
    return SEPARATOR.join(
        part for part in (" ".join(photographer.split()), licence.strip()) if part
    )


def open_picture(path: str) -> Image.Image:
    """The file in full quality, upright, RGB."""
    with Image.open(path) as opened:
        return on_white(ImageOps.exif_transpose(opened))


def results_of(library: str, query: str, count: int) -> list[Shown]:
    """Search a library whose photos are local files."""
    import vistazo

    lib = vistazo.open(library)
    results = []
    for hit in lib.search(query, k=count):
        photographer = lib.photo(hit.photo_id).metadata.photographer
        credit = credit_line(photographer, hit.attributes.get("licence", ""))
        results.append(Shown(open_picture(hit.uri), hit.score, credit))
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a script; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("library")
    parser.add_argument("query")
    parser.add_argument("output", type=Path)
    parser.add_argument("-k", type=int, default=10, help="how many results (10)")
    parser.add_argument("--rows", type=int, default=2, help="rows of pictures (2)")
    chosen = parser.parse_args(arguments)
    results = results_of(chosen.library, chosen.query, chosen.k)
    if not results:
        print("error: the query found nothing", file=sys.stderr)
        return 1
    picture = compose_results(chosen.query, results, rows=chosen.rows)
    picture.save(chosen.output, quality=90, optimize=True)
    print(f"{chosen.output}: {picture.width} x {picture.height}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

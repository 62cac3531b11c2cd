import io

import pytest
from PIL import Image

from vistazo.display.sheet import (
    PLACEHOLDER,
    compose,
    contact_sheet,
    fit_lines,
    justified_rows,
    on_white,
    pictures_of,
)
from vistazo.records import Hit

RED, BLUE = (200, 30, 40), (20, 60, 180)


def webp(colour: tuple[int, ...], size: tuple[int, int] = (320, 200), mode: str = "RGB") -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, colour).save(written, "WEBP", lossless=True)
    return written.getvalue()


def test_full_rows_end_at_the_right_edge_and_keep_order_and_aspect():
    aspects = [1.5, 0.7, 1.3, 1.8, 1.0, 1.6, 0.75, 1.33, 1.5, 2.0, 1.2]
    rows = justified_rows(aspects, width=1000, row_height=200, gap=10)
    assert [cell.index for row in rows for cell in row.cells] == list(range(len(aspects)))
    assert [row.width for row in rows[:-1]] == [1000] * (len(rows) - 1)
    for row in rows:
        assert 140 < row.height < 280
        for cell in row.cells:
            assert cell.width / row.height == pytest.approx(aspects[cell.index], rel=0.02)
        for left, right in zip(row.cells, row.cells[1:], strict=False):
            assert abs(right.x - (left.x + left.width) - 10) <= 1


@pytest.mark.parametrize(("count", "expected_rows"), [(0, []), (1, [1]), (3, [3]), (10, [5, 5])])
def test_equal_pictures_fill_rows_evenly(count, expected_rows):
    rows = justified_rows([1.0] * count, width=500, row_height=100, gap=0)
    assert [len(row.cells) for row in rows] == expected_rows
    assert all(row.height == 100 for row in rows)


def test_a_nearly_full_last_row_is_stretched_and_a_short_one_is_not():
    full = justified_rows([1.0] * 9, width=500, row_height=100, gap=0)
    assert [row.width for row in full] == [500, 500]
    twelve = justified_rows([1.0] * 12, width=500, row_height=100, gap=0)
    assert [(len(row.cells), row.width) for row in twelve] == [(6, 500), (6, 500)]
    assert justified_rows([1.0], width=500, row_height=100, gap=0)[0].width == 100


@pytest.mark.parametrize("aspect", [0.001, 1000.0])
def test_extreme_shapes_get_a_usable_cell(aspect):
    rows = justified_rows([1.5, aspect, 1.5], width=900, row_height=150, gap=8)
    cells = [(cell.width, row.height) for row in rows for cell in row.cells]
    assert all(width >= 40 and 75 <= height <= 350 for width, height in cells)


def test_missing_and_broken_thumbnails_become_grey_of_the_photos_shape():
    hits = [
        Hit("a", "a.jpg", 0.5, width=3000, height=1500),
        Hit("b", "b.jpg", 0.4),
        Hit("c", "", 0),
    ]
    pictures = pictures_of(hits, {"b": b"RIFF, but no picture", "c": webp(RED)})
    assert [picture.size for picture in pictures] == [(320, 160), (320, 240), (320, 200)]
    assert [picture.getpixel((5, 5)) for picture in pictures] == [PLACEHOLDER, PLACEHOLDER, RED]


def test_transparency_becomes_white():
    assert on_white(Image.new("RGBA", (2, 2), (9, 9, 9, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert on_white(Image.new("L", (2, 2), 7)).getpixel((0, 0)) == (7, 7, 7)


def test_contact_sheet_places_pictures_in_order_on_white():
    hits = [Hit("a", "", 0.5), Hit("b", "", 0.4)]
    thumbnails = {"a": webp(RED, (200, 200)), "b": webp(BLUE, (200, 200))}
    sheet = contact_sheet(
        hits, thumbnails, width_px=210, row_height_px=100, gap_px=10, numbers=False
    )
    assert (sheet.mode, sheet.size) == ("RGB", (210, 100))
    assert [sheet.getpixel((x, 50)) for x in (0, 99, 104, 110, 209)] == [
        RED,
        RED,
        (255, 255, 255),
        BLUE,
        BLUE,
    ]


def test_numbers_are_written_in_the_corner_only():
    picture = Image.new("RGB", (300, 200), RED)
    plain, numbered = (
        compose([picture], width_px=300, row_height_px=200, gap_px=4, numbers=numbers)
        for numbers in (False, True)
    )
    changed = Image.new("L", plain.size)
    changed.putdata(
        [int(a != b) for a, b in zip(plain_pixels(plain), plain_pixels(numbered), strict=True)]
    )
    left, top, right, bottom = changed.getbbox()
    assert (left, top) == (7, 7)
    assert right < 60
    assert bottom < 50
    assert (255, 255, 255, 255) in plain_pixels(numbered)


def plain_pixels(picture: Image.Image) -> list[tuple[int, ...]]:
    data = picture.tobytes()
    return [tuple(data[at : at + 4]) for at in range(0, len(data), 4)]


def test_no_pictures_make_one_transparent_pixel():
    sheet = compose([], width_px=300, row_height_px=200, gap_px=4, numbers=True)
    assert (sheet.size, sheet.getpixel((0, 0))) == ((1, 1), (255, 255, 255, 0))


@pytest.mark.parametrize(
    ("text", "width", "max_lines", "lines"),
    [
        ("", 10, 2, []),
        ("short", 10, 1, ["short"]),
        ("one two three", 8, 2, ["one two", "three"]),
        ("one two three four", 9, 2, ["one two", "three fo…"]),
        ("a long caption", 8, 1, ["a long…"]),
        ("abcdefghij", 4, 2, ["abcd", "efg…"]),
        ("spread \n over\tlines", 30, 2, ["spread over lines"]),
    ],
)
def test_captions_are_broken_and_shortened_to_fit(text, width, max_lines, lines):
    assert fit_lines(text, lambda part: float(len(part)), width=width, max_lines=max_lines) == lines


def test_a_huge_caption_is_cut_without_measuring_all_of_it():
    longest = 0

    def measure(text: str) -> float:
        nonlocal longest
        longest = max(longest, len(text))
        return float(len(text))

    assert fit_lines("x" * 100_000, measure, width=20) == ["x" * 19 + "…"]
    assert longest <= 400

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from vistazo.display.grid import Grid, image_grid
from vistazo.display.sheet import PLACEHOLDER
from vistazo.errors import Unsupported, UsageError
from vistazo.records import Hit

COLOURS = [(200, 30, 40), (20, 60, 180), (30, 140, 60)]


def webp(colour: tuple[int, int, int]) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(written, "WEBP", lossless=True)
    return written.getvalue()


HITS = [
    Hit(f"p{number}", f"{number}.jpg", 0.5 - number / 10, f"picture {number}", 300, 200)
    for number in range(3)
]
THUMBNAILS = {hit.photo_id: webp(colour) for hit, colour in zip(HITS, COLOURS, strict=True)}


def drawn(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(Grid(figure)._repr_png_())).convert("RGB"))


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_pictures_stand_in_order_in_their_own_colours_on_white():
    pixels = drawn(image_grid(HITS, THUMBNAILS, columns=3))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    # 240 px a column of pictures 3:2, margin 16, gap 10
    assert pixels.shape[1] == 3 * 240 + 2 * 10 + 2 * 16
    for number, colour in enumerate(COLOURS):
        left = 16 + number * 250
        assert pixels[90, left + 120].tolist() == list(colour)
        assert pixels[90, left + 235].tolist() == list(colour)
        assert pixels[90, left - 5].tolist() == [255, 255, 255]
        assert pixels[16 + 158, left + 120].tolist() == list(colour)
        assert pixels[16 + 162, left + 120].tolist() == [255, 255, 255]


def test_captions_give_score_and_description():
    assert texts(image_grid(HITS, THUMBNAILS)) == [
        "0.500",
        "picture 0",
        "0.400",
        "picture 1",
        "0.300",
        "picture 2",
    ]
    assert texts(image_grid(HITS, THUMBNAILS, captions=False)) == []


def test_what_is_unknown_is_left_out():
    hits = [Hit("p0", "", float("nan"), ""), Hit("p1", "", -0.25, "")]
    assert texts(image_grid(hits, THUMBNAILS)) == ["-0.250"]


def test_a_long_description_is_cut_to_two_lines_within_the_picture():
    hit = Hit("p0", "", 0.5, "a very long description of a picture " * 40, 300, 200)
    figure = image_grid([hit], THUMBNAILS)
    assert len(texts(figure)) == 3
    assert texts(figure)[2].endswith("…")
    renderer = figure.canvas.get_renderer()
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert 15 <= box.x0 < box.x1 <= 16 + 240 + 1


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("costs $5 or $6", "costs $5 or $6"),
        ("bad $\\frac{1$ math", "bad $\\frac{1$ math"),
        ("two\nlines", "two lines"),
        ("a \U0001f3d4 mountain", "a \u25af mountain"),
        ("stray \udcff byte", "stray \\udcff byte"),
    ],
)
def test_any_description_can_be_drawn(description, shown):
    figure = image_grid([Hit("p0", "", 0.5, description, 300, 200)], THUMBNAILS, title=description)
    assert texts(figure) == [shown, "0.500", shown]
    assert drawn(figure).std() > 0


def test_a_missing_thumbnail_is_grey():
    pixels = drawn(image_grid(HITS, {}, columns=3))
    assert pixels[90, 136].tolist() == list(PLACEHOLDER)


def test_no_hits_are_said_in_words():
    figure = image_grid([], {}, title="unicorns")
    assert texts(figure) == ["unicorns", "no hits"]
    assert drawn(figure).shape[1] == 360 + 2 * 16


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_every_hit_is_drawn_once(count):
    hits = [Hit(f"h{number}", "", 0.5, "", 640, 480) for number in range(count)]
    figure = image_grid(hits, {})
    assert len(figure.axes[0].images) == count
    assert len(texts(figure)) == count
    assert drawn(figure).shape[1] <= 5 * 240 + 4 * 10 + 2 * 16


def test_columns_below_one_are_refused():
    with pytest.raises(UsageError, match="columns must be at least 1, not 0"):
        image_grid(HITS, THUMBNAILS, columns=0)


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("grid.png", b"\x89PNG"),
        ("grid", b"\x89PNG"),
        ("grid.pdf", b"%PDF"),
        ("GRID.JPG", b"\xff\xd8"),
    ],
)
def test_save_writes_the_format_of_the_suffix(tmp_path, name, magic):
    saved = Grid(image_grid(HITS, THUMBNAILS)).save(tmp_path / name)
    assert saved == tmp_path / name
    assert saved.read_bytes().startswith(magic)


def test_save_refuses_an_unknown_format(tmp_path):
    with pytest.raises(Unsupported, match=r"cannot write a \.xyz picture"):
        Grid(image_grid(HITS, THUMBNAILS)).save(tmp_path / "grid.xyz")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported, match=r'pip install "vistazo\[notebook\]"'):
        image_grid(HITS, THUMBNAILS)


def test_pyplot_stays_out_and_importing_loads_no_matplotlib():
    code = (
        "import sys; from vistazo.display.grid import Grid, image_grid\n"
        "assert 'matplotlib' not in sys.modules\n"
        "Grid(image_grid([], {}))._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

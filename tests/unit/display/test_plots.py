"""Charts: every bar is as long as its number, and nothing that can be drawn warns."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vistazo.display import plots
from vistazo.display.plots import Chart
from vistazo.errors import Unsupported
from vistazo.records import (
    CountryDownloads,
    KeywordDownloads,
    Mismatch,
    MonthDownloads,
    RisingKeyword,
)

KEYWORDS = [KeywordDownloads("forest", 226), KeywordDownloads("stream", 90)]
RISING = [
    RisingKeyword("snow", 80, 30, 0.04, 0.01, 2.31),
    RisingKeyword("ice", 20, 0, 0.005, 0.0, 1.25),
]


def drawn(chart: Chart) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(chart._repr_png_())).convert("RGB"))


def axes_of(chart: Chart) -> Any:
    (axes,) = chart.figure.axes
    return axes


def lengths(chart: Chart) -> list[float]:
    return [bar.get_width() for bar in axes_of(chart).patches]


def texts(chart: Chart) -> list[str]:
    return [text.get_text() for text in axes_of(chart).texts]


def head(chart: Chart) -> list[str]:
    return [text.get_text() for text in chart.figure.texts]


def month(number: int, downloads: int) -> MonthDownloads:
    return MonthDownloads(dt.date(2022 + number // 12, number % 12 + 1, 1), downloads)


def test_bars_are_as_long_as_their_numbers_and_begin_at_zero() -> None:
    chart = plots.keywords(KEYWORDS)
    assert lengths(chart) == [226, 90]
    assert [bar.get_x() for bar in axes_of(chart).patches] == [0, 0]
    assert texts(chart) == ["forest", "stream", "226", "90"]
    assert head(chart) == ["What people search for"]
    axes = axes_of(chart)
    assert axes.get_xlabel() == "downloads"
    assert axes.get_xlim() == (0, 226)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "50", "100", "150", "200"]
    # The first is at the top.
    assert axes.get_ylim() == (1.5, -0.5)


def test_the_picture_shows_the_lengths() -> None:
    pixels = drawn(plots.keywords(KEYWORDS))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    blue = (pixels == [0x3D, 0x76, 0xB3]).all(axis=2)
    rows = np.flatnonzero(blue.any(axis=1))
    long, short = blue[rows[0] + 5].sum(), blue[rows[-1] - 5].sum()
    assert long > 500
    assert short / long == pytest.approx(90 / 226, abs=0.01)


def test_countries_after_the_first_are_summed_in_words() -> None:
    rows = [CountryDownloads(name, 10 - place) for place, name in enumerate(["US", "", "DE", "FR"])]
    chart = plots.countries(rows, most=2)
    assert lengths(chart) == [10, 9]
    assert texts(chart) == ["US", "(unknown)", "10", "9"]
    assert head(chart) == ["Where downloads come from", "and 2 others with 15 downloads"]
    assert head(plots.countries(rows)) == ["Where downloads come from"]


def test_mismatches_show_the_keyword_over_the_description() -> None:
    chart = plots.mismatches([Mismatch("peace", "a", "", "A bridge", 1200)])
    assert lengths(chart) == [1200]
    assert texts(chart) == ["peace", "A bridge", "1,200"]


def test_columns_of_months() -> None:
    values = [5, 0, 12, 7]
    chart = plots.months([month(number + 11, value) for number, value in enumerate(values)])
    axes = axes_of(chart)
    assert [bar.get_height() for bar in axes.patches] == values
    assert [bar.get_y() for bar in axes.patches] == [0] * 4
    assert axes.get_ylim()[0] == 0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("month (UTC)", "downloads")
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["Dec\n2022", "Jan\n2023", "Feb", "Mar"]
    assert texts(chart) == ["12"]


def test_many_months_are_an_outline_of_the_same_height() -> None:
    chart = plots.months([month(number, 100 + number) for number in range(200)])
    axes = axes_of(chart)
    assert not axes.patches
    (outline,) = axes.collections
    heights = outline.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0, 299)
    assert axes.get_ylim()[0] == 0
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == [str(year) for year in range(2022, 2039, 2)]


def test_rising_keywords_join_the_shares_in_percent() -> None:
    chart = plots.rising(RISING)
    lines = [list(line.get_xdata()) for line in axes_of(chart).lines]
    assert lines == [[1, 4], [1], [4], [0, 0.5], [0], [0.5]]
    assert texts(chart) == ["snow", "ice", "× 2.3", "× 1.2"]
    assert axes_of(chart).get_xlim()[0] == 0
    assert axes_of(chart).get_xlabel() == "share of downloads (%)"


@pytest.mark.parametrize(
    "chart",
    [plots.keywords, plots.countries, plots.mismatches, plots.months, plots.rising],
)
def test_nothing_is_said_in_words(chart: Any) -> None:
    empty = chart([])
    assert empty.figure.axes == []
    assert head(empty)[-1] == "nothing to show"
    assert drawn(empty).std() > 0


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("costs $5 or $6", "costs $5 or $6"),
        ("bad $\\frac{1$ math", "bad $\\frac{1$ math"),
        ("two\nlines", "two lines"),
        ("a \U0001f3d4 mountain", "a \u25af mountain"),
        ("stray \udcff byte", "stray \\udcff byte"),
        ("غابة", "غابة"),
        ("лес", "лес"),
        ("", ""),
    ],
)
def test_any_keyword_can_be_drawn(word: str, shown: str) -> None:
    bars = plots.keywords([KeywordDownloads(word, 3)], title=word)
    assert texts(bars) == [*([shown] if shown else []), "3"]
    assert head(bars) == [shown]
    for chart in (
        bars,
        plots.rising([RisingKeyword(word, 2, 1, 0.2, 0.1, 1.5)], title=word),
        plots.mismatches([Mismatch(word, "a", "", word, 5)]),
        plots.countries([CountryDownloads(word, 1)]),
    ):
        assert drawn(chart).std() > 0


def test_chinese_is_drawn_or_boxed_without_a_warning() -> None:
    chart = plots.keywords([KeywordDownloads("山の風景", 3)])
    assert texts(chart)[0] in ("山の風景", "\u25af" * 4)
    assert drawn(chart).std() > 0


def test_long_labels_are_cut_and_stay_within_the_picture() -> None:
    rows = [Mismatch("a very long keyword " * 9, "a", "", "a long description " * 30, 10**9)]
    chart = plots.mismatches(rows, title="a title that is long " * 20)
    assert texts(chart)[0].endswith("…")
    assert texts(chart)[1].endswith("…")
    width, height = chart.figure.get_size_inches() * chart.figure.dpi
    renderer = chart.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for text in [*axes_of(chart).texts, *chart.figure.texts]:
        box = text.get_window_extent(renderer)
        assert -1 <= box.x0 < box.x1 <= width + 1
        assert -1 <= box.y0 < box.y1 <= height + 1


@pytest.mark.parametrize("highest", [1, 2, 3, 9, 10, 11, 99, 101, 12345, 10**12])
def test_ticks_are_round_whole_numbers_from_zero(highest: int) -> None:
    ticks = plots._ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] <= highest
    assert 2 <= len(ticks) <= 6
    assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_save_writes_the_format_of_the_suffix(tmp_path: Path, name: str, magic: bytes) -> None:
    saved = plots.keywords(KEYWORDS).save(tmp_path / name)
    assert saved.read_bytes().startswith(magic)
    with pytest.raises(Unsupported, match=r"cannot write a \.xyz picture"):
        plots.keywords(KEYWORDS).save(tmp_path / "a.xyz")


def test_a_users_own_style_changes_nothing() -> None:
    import matplotlib as mpl

    plain = drawn(plots.rising(RISING)), drawn(plots.months([month(0, 5)]))
    dark = {"axes.facecolor": "black", "axes.grid": True, "text.color": "white", "font.size": 30}
    with mpl.rc_context(dark | {"ytick.color": "red", "lines.linewidth": 9, "axes.labelsize": 40}):
        styled = drawn(plots.rising(RISING)), drawn(plots.months([month(0, 5)]))
    for one, other in zip(plain, styled, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).max() == 0


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported, match=r'pip install "vistazo\[notebook\]"'):
        plots.keywords(KEYWORDS)


def test_pyplot_stays_out_and_importing_loads_no_matplotlib() -> None:
    code = (
        "import sys; from vistazo.display import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.keywords([])._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

"""Charts of what people download: bars for keywords and countries, months in time, what rises.

Every axis of amounts begins at zero and is labelled, every bar carries its number. A chart shows
itself in a notebook; `.save(path)` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vistazo.display.figure import INK, SOFT, Drawing, Letters, new_figure
from vistazo.display.sheet import fit_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vistazo.records import (
        CountryDownloads,
        KeywordDownloads,
        Mismatch,
        MonthDownloads,
        RisingKeyword,
    )

BAR, LINE = "#3d76b3", "#e6e8eb"
WIDTH_PX = 860
MARGIN_PX = 24
TITLE_PX, SUBTITLE_PX = 34, 24
AXIS_PX = 50  # numbers and the name of an axis
ROW_PX = 30
LONGEST_LABEL_PX = 300
NUMBER_PX = 78  # room for a number at the end of a bar
MONTHS_PX = 300
FONT_PX, SMALL_PX, TITLE_FONT_PX = 13, 11.5, 19
# More months than these are an outline: bars would be thinner than the gaps between them.
MOST_BARS = 120
FEWEST_COLUMNS = 9  # so that the column of a single month is no wall
UNKNOWN = "(unknown)"


class Chart(Drawing):
    """A chart as a figure that shows itself in a notebook."""

    __slots__ = ()


def keywords(rows: Sequence[KeywordDownloads], *, title: str = "What people search for") -> Chart:
    """Bars of downloads by keyword, in the order given."""
    return _bars(title, [(row.keyword, "") for row in rows], [row.downloads for row in rows])


def countries(
    rows: Sequence[CountryDownloads], *, most: int = 15, title: str = "Where downloads come from"
) -> Chart:
    """Bars of downloads by country, in the order given; those after the first `most` are summed."""
    others = sum(row.downloads for row in rows[most:])
    rest = f"and {len(rows) - most} others with {others:,} downloads" if len(rows) > most else ""
    labels = [(row.country or UNKNOWN, "") for row in rows[:most]]
    return _bars(title, labels, [row.downloads for row in rows[:most]], subtitle=rest)


def mismatches(
    rows: Sequence[Mismatch], *, title: str = "Searched for, and not described"
) -> Chart:
    """Bars of downloads by pair: the keyword, and under it what the photo is described as."""
    labels = [(row.keyword, row.description) for row in rows]
    return _bars(title, labels, [row.downloads for row in rows])


def months(rows: Sequence[MonthDownloads], *, title: str = "Downloads by month") -> Chart:
    """Columns of downloads by month; above the highest stands its number."""
    figure, letters = new_figure(WIDTH_PX, MONTHS_PX + _head() + AXIS_PX + MARGIN_PX)
    _write_head(figure, letters, title)
    if not rows:
        return _nothing(figure, letters)
    values = [row.downloads for row in rows]
    ticks = _ticks(max(values))
    measure = letters.measure(SMALL_PX, "normal")
    left = MARGIN_PX + 22 + max(measure(f"{tick:,}") for tick in ticks)
    axes = _axes(figure, left, _head(), WIDTH_PX - left - MARGIN_PX, MONTHS_PX)
    if len(rows) <= MOST_BARS:
        axes.bar(range(len(rows)), values, width=0.78, color=BAR, zorder=2)
    else:
        axes.fill_between(
            range(len(rows)), values, step="mid", color=BAR, alpha=0.85, linewidth=0, zorder=2
        )
    space = max(FEWEST_COLUMNS - len(rows), 0) / 2
    axes.set_xlim(-0.6 - space, len(rows) - 0.4 + space)
    axes.set_ylim(0, max(ticks[-1], max(values) * 1.08))
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks], **letters.style(SMALL_PX, SOFT))
    axes.grid(axis="y", color=LINE, linewidth=1)
    axes.set_ylabel("downloads", labelpad=8, **letters.style(SMALL_PX, SOFT))
    axes.set_xlabel("month (UTC)", labelpad=6, **letters.style(SMALL_PX, SOFT))
    places, names = _month_names(rows)
    axes.set_xticks(places, names, **letters.style(SMALL_PX, SOFT))
    axes.axhline(0, color=SOFT, linewidth=1, zorder=3)
    top = values.index(max(values))
    axes.annotate(
        f"{values[top]:,}",
        (top, values[top]),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        **letters.style(SMALL_PX, INK, "bold"),
    )
    return Chart(figure)


def rising(rows: Sequence[RisingKeyword], *, title: str = "Rising keywords") -> Chart:
    """Each keyword's share of the downloads before (ring) and now (dot), and how much it grew.

    The number is `growth`: so many times the share is at least, and not the ratio of the dots.
    """
    legend = (
        ("○ share in the days before", SOFT),
        ("● in the last days", BAR),
        ("× grown at least so much", INK),
    )
    figure, letters, axes = _rows_figure(title, legend, [(row.keyword, "") for row in rows])
    if axes is None:
        return _nothing(figure, letters)
    highest = 100 * max(row.share for row in rows)
    _amounts(axes, letters, _share_ticks(highest), highest, "share of downloads (%)")
    for place, row in enumerate(rows):
        before, now = 100 * row.share_before, 100 * row.share
        axes.plot([before, now], [place, place], color=BAR, linewidth=2.5, alpha=0.55, zorder=2)
        axes.plot(
            [before],
            [place],
            "o",
            markersize=7,
            markerfacecolor="white",
            markeredgecolor=SOFT,
            markeredgewidth=1.6,
            zorder=3,
            clip_on=False,
        )
        axes.plot([now], [place], "o", markersize=8, color=BAR, zorder=4, clip_on=False)
        _number(axes, letters, now, place, f"× {row.growth:,.1f}", offset=9)
    return Chart(figure)


def _bars(
    title: str, labels: Sequence[tuple[str, str]], values: Sequence[int], *, subtitle: str = ""
) -> Chart:
    figure, letters, axes = _rows_figure(title, [(subtitle, SOFT)] if subtitle else [], labels)
    if axes is None:
        return _nothing(figure, letters)
    _amounts(axes, letters, _ticks(max(values)), max(values), "downloads")
    thickness = 0.45 if any(second for _, second in labels) else 0.62
    axes.barh(range(len(values)), values, height=thickness, color=BAR, zorder=2)
    axes.axvline(0, color=SOFT, linewidth=1, zorder=3)
    for place, value in enumerate(values):
        _number(axes, letters, value, place, f"{value:,}", offset=5)
    return Chart(figure)


def _rows_figure(
    title: str, subtitle: Sequence[tuple[str, str]], labels: Sequence[tuple[str, str]]
) -> tuple[Figure, Letters, Any]:
    """A figure with one labelled row for each item, first at the top; no axes without items."""
    two_lines = any(second for _, second in labels)
    body = max(len(labels), 1) * (ROW_PX + (16 if two_lines else 0))
    figure, letters = new_figure(WIDTH_PX, _head(subtitle) + body + AXIS_PX + MARGIN_PX)
    _write_head(figure, letters, title, subtitle)
    if not labels:
        return figure, letters, None
    lines = [
        [
            (" ".join(_fitted(text, letters, size, weight)), size, colour, weight)
            for text, size, colour, weight in (
                (first, FONT_PX, INK, "bold" if two_lines else "normal"),
                (second, SMALL_PX, SOFT, "normal"),
            )
            if text.strip()
        ]
        for first, second in labels
    ]
    widest = max(
        (letters.measure(size, weight)(text) for row in lines for text, size, _, weight in row),
        default=0.0,
    )
    left = MARGIN_PX + widest + 12
    axes = _axes(figure, left, _head(subtitle), WIDTH_PX - left - MARGIN_PX - NUMBER_PX, body)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks([])
    for place, row in enumerate(lines):
        for number, (text, size, colour, weight) in enumerate(row):
            axes.annotate(
                text,
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(-8, 0 if len(row) == 1 else (5.5, -6.5)[number]),
                textcoords="offset points",
                ha="right",
                va="center_baseline" if len(row) == 1 else "center",
                **letters.style(size, colour, weight),
            )
    return figure, letters, axes


def _fitted(text: str, letters: Letters, size: float, weight: str) -> list[str]:
    return fit_lines(letters.known(text), letters.measure(size, weight), width=LONGEST_LABEL_PX)


def _axes(figure: Any, left: float, top: float, width: float, height: float) -> Any:
    """Axes without a frame at a place in pixels from the top left."""
    wide, high = figure.get_size_inches() * figure.dpi
    axes = figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=6)
    axes.margins(0)
    return axes


def _amounts(
    axes: Any, letters: Letters, ticks: Sequence[float], highest: float, name: str
) -> None:
    """An axis of amounts along the bottom that begins at zero."""
    axes.set_xlim(0, max(ticks[-1], highest))
    labels = [f"{tick:,.10g}" for tick in ticks]
    axes.set_xticks(ticks, labels, **letters.style(SMALL_PX, SOFT))
    axes.grid(axis="x", color=LINE, linewidth=1)
    axes.set_xlabel(name, labelpad=6, **letters.style(SMALL_PX, SOFT))


def _number(
    axes: Any, letters: Letters, value: float, place: int, text: str, *, offset: float
) -> None:
    axes.annotate(
        text,
        (value, place),
        xytext=(offset, 0),
        textcoords="offset points",
        va="center_baseline",
        **letters.style(SMALL_PX, INK),
    )


def _head(subtitle: Sequence[tuple[str, str]] = ()) -> float:
    return MARGIN_PX + TITLE_PX + (SUBTITLE_PX if subtitle else 0)


def _write_head(
    figure: Any, letters: Letters, title: str, subtitle: Sequence[tuple[str, str]] = ()
) -> None:
    """The title, and under it a line of (text, colour)."""
    wide, high = figure.get_size_inches() * figure.dpi
    measure = letters.measure(TITLE_FONT_PX, "bold")
    shown = fit_lines(letters.known(title), measure, width=WIDTH_PX - 2 * MARGIN_PX)
    bold = letters.style(TITLE_FONT_PX, INK, "bold")
    x, top = float(MARGIN_PX), MARGIN_PX + TITLE_FONT_PX - 4
    figure.text(x / wide, 1 - top / high, " ".join(shown), va="baseline", **bold)
    for text, colour in subtitle:
        style = letters.style(SMALL_PX, colour)
        figure.text(x / wide, 1 - (top + 24) / high, text, va="baseline", **style)
        x += letters.measure(SMALL_PX, "normal")(text) + 18


def _nothing(figure: Any, letters: Letters) -> Chart:
    wide = figure.get_size_inches()[0] * figure.dpi
    figure.text(MARGIN_PX / wide, 0.5, "nothing to show", **letters.style(FONT_PX + 2, SOFT))
    return Chart(figure)


def _ticks(highest: int) -> list[int]:
    """About five whole numbers from 0, the last not above `highest` but near it."""
    step = max(int(_round_step(highest / 5)), 1)
    return list(range(0, max(highest, 1) + 1, step))


def _share_ticks(highest: float) -> list[float]:
    step = _round_step(max(highest, 1e-6) / 5)
    return [number * step for number in range(math.floor(highest / step + 1e-9) + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, .. that is not below."""
    if least <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _month_names(rows: Sequence[MonthDownloads]) -> tuple[list[int], list[str]]:
    """Places and names of at most a dozen months, at even steps that meet every January."""
    steps = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
    step = next((step for step in steps if len(rows) <= 13 * step), steps[-1])
    places: list[int] = []
    names: list[str] = []
    for place, row in enumerate(rows):
        if (row.month.year * 12 + row.month.month - 1) % step:
            continue
        name = f"{row.month:%Y}" if step >= 12 else f"{row.month:%b}"
        if step < 12 and (row.month.month == 1 or not names):
            name += f"\n{row.month:%Y}"
        places.append(place)
        names.append(name)
    return places, names

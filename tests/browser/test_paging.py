"""Endless rows over more than 500 photos."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from browser.conftest import vistazo
from browser.visit import Visit, visiting
from conftest import paint
from e2e.server import serving

PHOTOS = 520
# The place of every photo in the grid.
_PLACES = (
    "all => Object.fromEntries(all.map(one => [one.dataset.id,"
    " [one.offsetLeft, one.offsetTop, one.offsetWidth, one.offsetHeight].join()]))"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tmp_path = tmp_path_factory.mktemp("many")
    shapes = [(48, 32), (32, 48), (40, 40), (64, 24)]
    for number in range(PHOTOS):
        colour = f"hsl({number * 7 % 360}, 60%, {30 + number % 40}%)"
        paint(tmp_path / "pictures" / f"{number:03}.png", colour, shapes[number % 4])
    vistazo(tmp_path, "index", "pictures", "--db", "library")
    with serving("--db", "library", "--port", "0", "--no-sql", cwd=tmp_path) as server:
        yield server.web


@pytest.fixture
def many(browser: Browser, served: str) -> Iterator[Visit]:
    with visiting(browser, served) as visit:
        yield visit


def test_endless_rows_that_never_move(many: Visit) -> None:
    page = many.open()
    many.settle()
    before: dict[str, Any] = {}
    shown = 0
    while shown < PHOTOS:
        page.keyboard.press("End")
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        many.until(lambda shown=shown: many.tiles.count() > shown)
        shown = many.tiles.count()
        places: dict[str, Any] = many.tiles.evaluate_all(_PLACES)
        # All but the last row, which may still have waited for more.
        last = max(int(place.split(",")[1]) for place in before.values()) if before else 0
        moved = {
            one: (place, places[one])
            for one, place in before.items()
            if places[one] != place and int(place.split(",")[1]) < last
        }
        assert moved == {}
        before = places
    assert len(set(many.ids())) == PHOTOS
    expect(page.get_by_text("That is all of them")).to_be_visible()
    assert _overhang(before, page.evaluate("document.documentElement.clientWidth")) == []
    # Pictures far above and below are asked for when they come near.
    many.tiles.last.scroll_into_view_if_needed()
    expect(many.tiles.last.locator("img")).to_have_js_property("complete", True)


def test_going_back_brings_all_that_was_loaded(many: Visit) -> None:
    page = many.open()
    many.settle()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    many.until(lambda: many.tiles.count() > 60)
    shown = many.ids()
    many.tiles.nth(70).locator("a").click()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    page.get_by_role("button", name="More like this").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("More like this photo")
    many.settle()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert many.ids()[: len(shown)] == shown
    expect(many.tiles.nth(70)).to_be_in_viewport()


def test_a_page_that_does_not_come_can_be_asked_for_again(many: Visit) -> None:
    many.may_complain = re.compile("Failed to load resource")
    page = many.open()
    many.settle()
    page.route(re.compile("cursor="), lambda route: route.fulfill(status=500, json=_BROKEN))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.get_by_text("the disk failed")).to_be_visible()
    shown = many.tiles.count()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    many.until(lambda: many.tiles.count() > shown)


_BROKEN = {"error": {"code": "storage", "message": "the disk failed"}}


def _overhang(places: dict[str, Any], width: int) -> list[str]:
    """Photos that reach beyond the window."""
    numbers = {one: [int(each) for each in place.split(",")] for one, place in places.items()}
    return [one for one, (left, _, wide, _) in numbers.items() if left + wide > width]

"""The order of hits: photos that a search is moved by, what counts in it, and that nothing matches."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from browser.visit import Visit, visiting
from e2e.server import Server

STREAM = "DTYoZZCM3tx"


def asked(visit: Visit) -> str:
    """The last search that the page asked for."""
    return [url for url in visit.requests if "/api/v1/search?" in url][-1]


def said_of(visit: Visit, name: str) -> Any:
    return visit.page.get_by_role("button", name=re.compile(f"^{name}"))


def test_a_search_is_moved_towards_a_photo_and_away_from_another(visit: Visit) -> None:
    page = visit.open("/?q=water")
    visit.settle()
    before = visit.ids()
    liked, disliked = before[20], before[0]
    towards = page.locator(f'.tile[data-id="{liked}"]')
    towards.hover()
    towards.get_by_role("button", name=re.compile("^Towards ")).click()
    page.wait_for_url(re.compile(f"liked={liked}"))
    # Found anew, it has the focus that it had, and stands further up.
    visit.until(lambda: visit.ids() != before)
    expect(towards.locator("a")).to_be_focused()
    assert visit.ids().index(liked) < 10
    expect(said_of(visit, "No longer towards")).to_have_count(1)
    page.locator(f'[data-id="{disliked}"]').hover()
    page.locator(f'[data-id="{disliked}"]').get_by_role("button", name=re.compile("^Away")).click()
    page.wait_for_url(re.compile(f"disliked={disliked}"))
    expect(page.locator(f'.tile[data-id="{disliked}"]')).to_have_count(0)
    expect(visit.tiles).to_have_count(35)
    assert f"like={liked}&dislike={disliked}" in asked(visit)
    refined = visit.ids()
    page.reload()
    visit.settle()
    assert visit.ids() == refined
    expect(page.get_by_role("heading", level=1)).to_contain_text("water")

    said_of(visit, "No longer away").click()
    expect(visit.tiles).to_have_count(36)
    said_of(visit, "No longer towards").click()
    page.wait_for_url(visit.base + "/?q=water")
    expect(page.locator(".chip")).to_have_count(0)
    assert visit.ids() == before


def test_by_keyboard_and_in_the_open_photo(visit: Visit) -> None:
    page = visit.open("/?q=water")
    visit.settle()
    second = visit.ids()[1]
    page.locator("#main").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    page.wait_for_url(re.compile(f"liked={second}"))
    expect(page.locator(f'[data-id="{second}"] a')).to_be_focused()
    page.keyboard.press("Enter")
    photo = page.get_by_role("dialog", name="Photo")
    towards = photo.get_by_role("button", name="Towards this")
    expect(towards).to_have_attribute("aria-pressed", "true")
    photo.get_by_role("button", name="Away from this").click()
    expect(towards).to_have_attribute("aria-pressed", "false")
    assert "disliked=" in page.url
    assert "&liked=" not in page.url
    page.keyboard.press("Escape")
    expect(visit.tiles).to_have_count(35)
    # A search of its own: what was said of the other one is not meant.
    visit.search("a forest")
    visit.settle()
    assert page.url == visit.base + "/?q=a+forest"


def test_the_newest_are_not_judged_and_have_no_order(visit: Visit) -> None:
    page = visit.open("/?popular=0.5&mode=words")
    visit.settle()
    assert "popular" not in asked(visit)
    expect(page.locator(".judge")).to_have_count(0)
    expect(page.locator("#order-open")).to_have_count(0)


def test_the_order_is_chosen_and_shared(visit: Visit) -> None:
    page = visit.open("/?q=a+forest+path")
    visit.settle()
    usual = visit.ids()
    expect(page.get_by_role("slider", name=re.compile("^Often downloaded"))).to_have_count(0)
    page.get_by_role("button", name="Order").click()
    page.get_by_role("slider", name=re.compile("^Often downloaded")).fill("1")
    page.wait_for_url(visit.base + "/?q=a+forest+path&popular=1")
    expect(visit.tiles.first).to_have_attribute("data-id", STREAM)
    expect(page.locator("#order-popular-said")).to_have_text("100%")
    page.get_by_label("Leave out near-duplicates").check()
    page.wait_for_url(re.compile("fold=1"))
    page.get_by_label("Say where nothing really matches").uncheck()
    page.wait_for_url(re.compile("all=1"))
    page.get_by_role("slider", name=re.compile("^Different photos")).fill("0.3")
    page.wait_for_url(re.compile("diverse=0.3"))
    page.get_by_text("Words", exact=True).click()
    page.wait_for_url(re.compile("mode=words"))
    visit.settle()
    for part in ("popular=1", "fold=true", "cut=false", "diverse=0.3", "mode=words"):
        assert part in asked(visit), part
    assert 0 < len(visit.ids()) < 36
    shared = page.url
    again = visit.open(shared.removeprefix(visit.base))
    visit.settle()
    opener = again.get_by_role("button", name="Order")
    expect(opener).to_have_attribute("title", "Order: not the usual one")
    opener.click()
    expect(page.get_by_label("Words", exact=True)).to_be_checked()
    expect(page.get_by_label("Leave out near-duplicates")).to_be_checked()
    # A later search is put in the same order.
    visit.search("a lake")
    visit.settle()
    assert "mode=words" in asked(visit)
    page.get_by_role("button", name="Usual order").click()
    page.wait_for_url(visit.base + "/?q=a+lake")
    page.go_back()
    expect(page.get_by_label("Words", exact=True)).to_be_checked()
    visit.open("/?q=a+forest+path")
    visit.settle()
    assert visit.ids() == usual


def test_an_order_that_cannot_be_had_is_left(visit: Visit) -> None:
    visit.may_complain = re.compile("400")
    page = visit.open("/?q=width:%3E10&popular=0.5")
    expect(page.locator(".says")).to_contain_text("popular needs something to look for")
    page.get_by_role("button", name="Usual order").click()
    visit.settle()
    expect(visit.tiles).to_have_count(36)


def test_a_hit_says_why_it_is_here(visit: Visit) -> None:
    page = visit.open("/?q=boats")
    visit.settle()
    score = visit.tiles.first.locator(".score")
    expect(score).to_have_attribute("title", re.compile(r"^Picture: 0\.\d\d\nCaption: boats", re.S))
    visit.tiles.first.locator("a").click()
    photo = page.get_by_role("dialog", name="Photo")
    why = photo.locator("section", has=page.get_by_role("heading", name="Why it is here"))
    expect(why.locator("dt").first).to_have_text("Picture")
    expect(why.locator("dd").first).to_have_text(re.compile(r"^0\.\d\d$"))
    expect(why).to_contain_text("Caption")


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_that_really_matches_is_said(browser: Browser, many: Server, theme: str) -> None:
    with visiting(browser, many.web, color_scheme=theme, reduced_motion="reduce") as visit:
        page = visit.open("/?q=microscope+slide+of+bacteria")
        visit.settle()
        note = page.get_by_role("status").filter(has_text="Nothing here really matches.")
        expect(note).to_contain_text("These 12 photos come nearest.")
        expect(visit.tiles).to_have_count(12)
        page.get_by_role("button", name="Order").click()
        visit.check_access(f"nothing matches, {theme}")
        page.get_by_role("button", name="Show all the same").click()
        page.wait_for_url(re.compile("all=1"))
        expect(note).to_have_count(0)
        expect(visit.tiles).to_have_count(48)
        visit.search("boats on a lake")
        visit.settle()
        assert "all=1" not in page.url
        expect(note).to_have_count(0)
        page.set_viewport_size({"width": 390, "height": 844})
        visit.until(
            lambda: bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
        )

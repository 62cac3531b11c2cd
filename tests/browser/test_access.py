"""Every state of the page, in both themes, through axe's rules of WCAG 2.2 AA; and phones."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Browser, expect

from browser.visit import Visit, visiting
from e2e.server import Server

STREAM = "DTYoZZCM3tx"


def _home(visit: Visit) -> None:
    visit.open()
    visit.settle()


def _results(visit: Visit) -> None:
    visit.open("/?q=boats&filter=width+%3E+10")
    visit.settle()
    expect(visit.page.locator("summary").first).to_be_visible()
    visit.tiles.first.hover()


def _order(visit: Visit) -> None:
    visit.open(f"/?q=boats&popular=0.3&liked={STREAM}")
    visit.settle()
    visit.page.get_by_role("button", name="Order").click()


def _menu(visit: Visit) -> None:
    _results(visit)
    visit.page.locator("summary").first.click()


def _recent(visit: Visit) -> None:
    visit.open()
    visit.search("boats")
    visit.settle()
    visit.page.get_by_role("combobox").fill("")
    expect(visit.page.get_by_role("option")).to_have_count(1)


def _photo(visit: Visit) -> None:
    visit.open(f"/?q=forest&photo={STREAM}")
    expect(visit.page.get_by_role("dialog")).to_contain_text("About the photo")
    expect(visit.page.get_by_role("button", name="Next photo")).to_be_visible()


def _selection(visit: Visit) -> None:
    visit.open("/?q=forest")
    visit.settle()
    visit.page.get_by_role("button", name="Select", exact=True).click()
    for number in range(3):
        visit.tiles.nth(number).locator("a").click()


def _ranking(visit: Visit) -> None:
    _selection(visit)
    visit.page.get_by_role("button", name="Compare downloads").click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("Ranked by downloads")


def _sql(visit: Visit) -> None:
    visit.open(f"/?sql={quote_plus('SELECT photo_id, description, width FROM photos')}")
    expect(visit.page.locator("tbody tr")).to_have_count(36)


def _sql_refused(visit: Visit) -> None:
    visit.open(f"/?sql={quote_plus('SELECT nothing')}")
    expect(visit.page.locator("#sql-wrong")).not_to_be_empty()


def _nothing(visit: Visit) -> None:
    visit.open("/?filter=width+%3E+99999")
    expect(visit.page.get_by_role("heading", name="No photo matches")).to_be_visible()


def _error(visit: Visit) -> None:
    visit.open("/?filter=colour+%3D+3")
    expect(visit.page.get_by_role("heading", name="That did not work")).to_be_visible()


def _keys(visit: Visit) -> None:
    _home(visit)
    visit.page.get_by_role("button", name="Keyboard shortcuts").click()


def _library(visit: Visit) -> None:
    visit.open("/?page=library")
    expect(visit.page.get_by_label("Token")).to_be_visible()


STATES: dict[str, Callable[[Visit], None]] = {
    "home": _home,
    "results": _results,
    "order": _order,
    "menu": _menu,
    "recent": _recent,
    "photo": _photo,
    "selection": _selection,
    "ranking": _ranking,
    "sql": _sql,
    "sql refused": _sql_refused,
    "nothing": _nothing,
    "error": _error,
    "keys": _keys,
    "library": _library,
}
# Where the server refuses, the browser says so on its console.
REFUSED = re.compile("Failed to load resource.* 400")


@pytest.mark.parametrize("state", STATES)
def test_no_barrier(browser: Browser, server: Server, state: str) -> None:
    # Without motion, nothing is measured while it fades.
    with visiting(browser, server.web, color_scheme="light", reduced_motion="reduce") as visit:
        if state in ("sql refused", "error"):
            visit.may_complain = REFUSED
        STATES[state](visit)
        visit.check_access(f"{state}, light")
        visit.darken()
        visit.check_access(f"{state}, dark")


def test_no_barrier_on_a_phone(browser: Browser, server: Server) -> None:
    how = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with visiting(browser, server.web, reduced_motion="reduce", **how) as visit:
        for name in ("home", "results", "order", "photo", "selection", "sql"):
            STATES[name](visit)
            visit.check_access(f"{name}, phone")

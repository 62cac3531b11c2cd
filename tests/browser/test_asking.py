"""What can be typed: examples to click, and where a query cannot be read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.visit import Visit


def test_an_example_is_clicked(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("button", name="What can be typed").click()
    sheet = page.get_by_role("dialog", name="What can be typed")
    expect(sheet.get_by_role("listitem")).to_have_count(7)
    visit.check_access("examples")
    sheet.get_by_role("button", name=re.compile(r"^lake width:>1000")).click()
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("combobox")).to_have_value("lake width:>1000")
    expect(page.get_by_role("heading", name="No photo matches")).to_be_visible()
    assert page.url == visit.base + "/?q=lake+width%3A%3E1000"


def test_every_example_can_be_read(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("button", name="What can be typed").click()
    texts = page.locator(".examples code").all_inner_texts()
    for text in texts:
        answer = page.request.get(f"{visit.base}/api/v1/search", params={"q": text, "k": 1})
        assert answer.ok, text


@pytest.mark.parametrize(
    ("typed", "before", "mark", "message"),
    [
        ("red width:>wide", "red width:>", "w", "'wide' is not a number"),
        ("dog +", "dog ", "+", "something is missing behind '+'"),
    ],
)
def test_an_error_shows_its_place(
    visit: Visit, typed: str, before: str, mark: str, message: str
) -> None:
    visit.may_complain = re.compile("400")
    page = visit.open()
    visit.search(typed)
    shown = page.locator(".says .marked")
    expect(shown).to_have_text(typed)
    expect(shown.locator("mark")).to_have_text(mark)
    assert shown.evaluate("one => one.firstChild.textContent") == before
    expect(page.locator(".says")).to_contain_text(message)
    visit.check_access("a query that cannot be read")

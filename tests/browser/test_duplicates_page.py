"""The page of photos that are there more than once."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from browser.conftest import COPIED
from browser.visit import visiting
from e2e.server import Server


def test_groups_with_the_best_copy(browser: Browser, many: Server) -> None:
    with visiting(browser, many.web, reduced_motion="reduce") as visit:
        page = visit.open("/?page=duplicates")
        expect(
            page.get_by_text("Looking for duplicates is for the library's owner")
        ).to_be_visible()
        visit.open("/?" + many.said["page"].partition("?")[2])
        page.get_by_role("link", name="Library").click()
        page.get_by_role("link", name="Duplicates").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Duplicates")
        page.get_by_role("button", name="Look for duplicates").click()
        groups = page.locator(".groups > li")
        for photo_id, kind in zip(COPIED, ("The same file", "Nearly the same"), strict=True):
            group = groups.filter(has=page.locator(f'a[href*="photo={photo_id}"]'))
            expect(group.locator(".best")).to_contain_text("Best copy")
            expect(group.locator("li")).to_have_count(2)
            expect(group).to_contain_text(kind)
        smaller = groups.filter(has_text="smaller.jpg")
        expect(smaller.locator(".best")).to_contain_text(f"{COPIED[1]}.jpg")
        visit.check_access("duplicates")
        # What was found is still there when the page is opened anew.
        page.reload()
        expect(groups.first).to_be_visible()
        smaller.locator(".best a").click()
        page.wait_for_url(re.compile(f"photo={COPIED[1]}"))
        expect(page.get_by_role("dialog", name="Photo")).to_contain_text("About the photo")
        page.keyboard.press("Escape")
        expect(groups.first).to_be_visible()

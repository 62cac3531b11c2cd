"""A visit to the page: a window, what it asked for, and what it complained about."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

# Rules of WCAG 2.2, levels A and AA.
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
TIMEOUT_MS = 15_000
DARK = "rgb(18, 20, 19)"


@dataclass
class Visit:
    """One window.

    Attributes:
        base: the server's address.
        complaints: what the page wrote to the console, or did not catch.
        may_complain: texts of complaints that a test brings about on purpose.
    """

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    may_complain: re.Pattern[str] = re.compile(r"(?!)")

    def open(self, address: str = "/") -> Page:
        """Go to an address of the server."""
        self.page.goto(self.base + address)
        return self.page

    def search(self, text: str) -> None:
        """Type words and press Enter."""
        self.page.get_by_role("combobox", name="Search the photos").fill(text)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    @property
    def tiles(self) -> Any:
        """Photos of the grid."""
        return self.page.locator(".tile[data-id]")

    def ids(self) -> list[str]:
        """Ids of the photos in the grid, in order."""
        found: list[str] = self.tiles.evaluate_all("all => all.map(one => one.dataset.id)")
        return found

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what the page's own elements do not show."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not holds():
            assert time.monotonic() < deadline, "it never came to hold"
            self.page.wait_for_timeout(25)

    def settle(self) -> None:
        """Wait until photos stand in the grid and nothing is under way."""
        expect(self.tiles.first).to_be_visible()
        expect(self.page.locator("#main")).to_have_attribute("aria-busy", "false")

    def darken(self) -> None:
        """Have the system ask for dark colours."""
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        expect(self.page.locator("body")).to_have_css("background-color", DARK)

    def check_access(self, state: str) -> None:
        """Fail where axe finds a barrier, once no colour is on its way to another."""
        moving = "document.getAnimations().some(one => one instanceof CSSTransition)"
        self.until(lambda: not self.page.evaluate(moving))
        options = {"runOnly": {"type": "tag", "values": _WCAG}}
        found = Axe().run(self.page, options=options).response["violations"]
        told = [
            f"{state}: {each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]
        assert not told, "\n".join(told)


@contextlib.contextmanager
def visiting(browser: Browser, base: str, **how: Any) -> Iterator[Visit]:
    """A fresh window; at the end, the page must have asked nobody else and complained of nothing."""
    settings: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}}
    context = browser.new_context(**{**settings, **how})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    visit = Visit(page, base)

    def note(request: Request) -> None:
        visit.requests.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            visit.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    try:
        yield visit
        foreign = [url for url in visit.requests if not _is_own(url, base)]
        assert foreign == []
        unexpected = [text for text in visit.complaints if not visit.may_complain.search(text)]
        assert unexpected == []
    finally:
        context.close()


def _is_own(url: str, base: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("blob", "data") or f"{parts.scheme}://{parts.netloc}" == base

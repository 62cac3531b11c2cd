"""Make the pictures of the page, for the README and docs.

    vistazo serve --db LIBRARY --port 8000
    python tools/page_picture.py 'http://127.0.0.1:8000/?key=..' docs

The address is the owner's, as the server prints it. LIBRARY holds sample/photos with its conversions,
sample/stamps, and a smaller copy of one photograph; Chromium must be installed.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

QUALITY = 82
PHOTOGRAPHS = "filter=width+%3E%3D+500"  # the 36 photographs
BOATS, STREAM, LAKE = "6s2BvTt2EyC", "DTYoZZCM3tx", "eqHNzsc6zeg"


def nothing(page: Page) -> None:
    """The page as it is."""


def _point(page: Page) -> None:
    page.locator(f'[data-id="{BOATS}"]').hover()


def _open(page: Page) -> None:
    page.locator(f'[data-id="{STREAM}"] a').click()
    page.get_by_text("About the photo").wait_for()
    page.mouse.move(0, 0)


def _why(page: Page) -> None:
    page.locator(f'[data-id="{LAKE}"] a').click()
    page.get_by_role("heading", name="Why it is here").scroll_into_view_if_needed()
    page.mouse.move(0, 0)


def _order(page: Page) -> None:
    page.get_by_role("button", name="Order").click()


def _map(page: Page) -> None:
    page.locator(".theme").first.wait_for()
    page.locator(".theme").first.click()
    page.mouse.move(0, 0)


def _quality(page: Page) -> None:
    page.get_by_label("Path on the server's machine").fill("sample/photos/captions.tsv")
    page.get_by_role("button", name="Evaluate").click()
    page.locator("tbody tr").first.wait_for()


def _duplicates(page: Page) -> None:
    page.get_by_role("button", name="Look for duplicates").click()
    page.locator("img").first.wait_for()


@dataclass(frozen=True)
class Picture:
    """What one shows.

    Attributes:
        address: of the page, behind the server's.
        prepare: what is done there first.
    """

    address: str
    prepare: Callable[[Page], None] = nothing
    scheme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = (1280, 720)


PICTURES = {
    "page": Picture(f"?q=boats+on+a+lake+at+sunset&{PHOTOGRAPHS}", _point, size=(1600, 1000)),
    "page-photo": Picture(f"?q=a+forest+path&{PHOTOGRAPHS}", _open, "dark", (1600, 1000)),
    "query": Picture("?q=2%3Aboat+%2B+lake+-sunset"),
    "why": Picture("?q=una+barca+en+el+lago", _why, "dark"),
    "order": Picture("?q=lake&popular=0.5&diverse=0.3", _order),
    "nothing": Picture("?q=microscope+slide+of+bacteria"),
    "feedback": Picture("?q=a+bird&liked=VMY5jyXvBAx&disliked=PsAWr32cCfM"),
    "page-map": Picture("?page=map", _map, "dark", (1280, 900)),
    "duplicates": Picture("?page=duplicates", _duplicates),
    "quality": Picture("?page=quality", _quality, "dark"),
}


def main() -> None:
    """Open the page once for every picture and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("server", help="the owner's address of a running `vistazo serve`")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES))
    given = parser.parse_args()
    program = shutil.which("chromium") or parser.error("Chromium is not installed")
    base = given.server.partition("?")[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name in given.only:
            shown = PICTURES[name]
            width, height = shown.size
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme=shown.scheme,
                locale="en-US",
                reduced_motion="reduce",
            )
            page.goto(given.server)  # from here on the browser is the owner's
            # The first search loads the encoder; a picture shows one as they are from then on.
            for _ in range(2):
                page.goto(base + shown.address)
                page.wait_for_load_state("networkidle")
            shown.prepare(page)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(500)
            page.screenshot(path=given.folder / f"{name}.jpg", type="jpeg", quality=QUALITY)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()

"""Make the pictures of the page, for the README and docs/page.md.

    vistazo serve --db LIBRARY --port 8000 &
    python tools/page_picture.py http://127.0.0.1:8000 docs

LIBRARY holds sample/photos and the sample's conversions; Chromium must be installed.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SIZE = (1600, 1000)
QUALITY = 88
BOATS, STREAM = "6s2BvTt2EyC", "DTYoZZCM3tx"


def main() -> None:
    """Open the page twice and write two files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="address of a running `vistazo serve`")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    given = parser.parse_args()
    program = shutil.which("chromium") or parser.error("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        width, height = SIZE
        for scheme, name in (("light", "page.jpg"), ("dark", "page-photo.jpg")):
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="light" if scheme == "light" else "dark",
                locale="en-US",
            )
            if scheme == "light":
                _results(page, given.server)
            else:
                _photo(page, given.server)
            page.screenshot(path=given.folder / name, type="jpeg", quality=QUALITY)
        browser.close()


def _results(page: Page, server: str) -> None:
    # The first search loads the encoder; the picture shows one as they are from then on.
    for _ in range(2):
        page.goto(f"{server}/?q=boats+on+a+lake+at+sunset")
        page.wait_for_load_state("networkidle")
    page.locator(f'[data-id="{BOATS}"]').hover()
    page.wait_for_timeout(500)


def _photo(page: Page, server: str) -> None:
    page.goto(f"{server}/?q=a+forest+path")
    page.wait_for_load_state("networkidle")
    page.locator(f'[data-id="{STREAM}"] a').click()
    page.get_by_text("About the photo").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()

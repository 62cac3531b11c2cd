"""The library's page: adding photos with progress, what failed, who may; and an empty library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import vistazo
from browser.visit import Visit, visiting
from conftest import paint
from e2e.server import Server, serving


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server of an empty library, and a folder with pictures to add."""
    folder = tmp_path_factory.mktemp("fresh")
    with vistazo.open(folder / "library"):
        pass
    for number in range(30):
        paint(folder / "pictures" / f"{number}.png", f"hsl({number * 12}, 60%, 50%)")
    (folder / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    with serving("--db", "library", "--port", "0", "--no-sql", cwd=folder) as server:
        yield server, folder


def test_from_an_empty_library_to_photos(browser: Browser, fresh: tuple[Server, Path]) -> None:
    server, folder = fresh
    with visiting(browser, server.web) as visit:
        page = visit.open()
        expect(page.get_by_role("heading", name="The library is empty")).to_be_visible()
        visit.check_access("empty library")
        page.get_by_role("button", name="Add photos").click()
        expect(page.get_by_role("heading", level=1, name="Library")).to_be_visible()

        # Not the owner's window yet.
        expect(page.get_by_label("Folder, or another source")).to_have_count(0)
        visit.may_complain = re.compile("401")
        page.get_by_label("Token").fill("not the token")
        page.get_by_role("button", name="Unlock").click()
        expect(page.get_by_text("this is not the server's token")).to_be_visible()
        page.get_by_label("Token").fill(server.said["page"].partition("key=")[2])
        page.get_by_role("button", name="Unlock").click()

        page.get_by_label("Folder, or another source").fill(str(folder / "pictures"))
        page.get_by_role("button", name="Start").click()
        job = page.locator(".job")
        expect(job).to_contain_text("Done: 30 new, 0 unchanged, 1 failed.")
        expect(page.locator(".numbers")).to_contain_text("30")
        failures = page.get_by_role("region", name="Could not be taken in")
        expect(failures).to_contain_text("broken.jpg")
        visit.check_access("library")

        paint(folder / "pictures" / "broken.jpg", "red")
        page.get_by_role("button", name="Try these again").click()
        expect(page.locator(".job").first).to_contain_text("Done: 1 new, 0 unchanged, 0 failed.")
        expect(page.get_by_text("Nothing has failed.")).to_be_visible()

        page.get_by_role("link", name="vistazo, home").click()
        visit.settle()
        expect(visit.tiles).to_have_count(31)


def test_the_address_that_the_server_prints_is_the_owners(
    browser: Browser, fresh: tuple[Server, Path]
) -> None:
    server, folder = fresh
    with visiting(browser, server.web) as visit:
        page = visit.page
        page.goto(server.said["page"])
        assert page.url == visit.base + "/"
        page.get_by_role("link", name="Library").click()
        source = page.get_by_label("Folder, or another source")
        source.fill(str(folder / "nowhere"))
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".job .wrong")).to_contain_text("nowhere")


def test_a_run_can_be_cancelled(browser: Browser, fresh: tuple[Server, Path]) -> None:
    server, folder = fresh
    for number in range(400):
        paint(folder / "more" / f"{number}.jpg", f"hsl({number % 360}, 50%, 50%)", (1200, 900))
    with visiting(browser, server.web) as visit:
        page = visit.page
        page.goto(server.said["page"])
        page.get_by_role("link", name="Library").click()
        page.get_by_label("Folder, or another source").fill(str(folder / "more"))
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.locator(".job .quiet")).to_have_text(re.compile(r"[1-9]\d* of 400"))
        # Another window follows the same run.
        page.reload()
        expect(page.locator(".job .quiet")).to_have_text(re.compile(r"[1-9]\d* of 400"))
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".job")).to_contain_text("Cancelled. What was done stays")


def test_hostile_texts_stay_texts(browser: Browser, tmp_path: Path) -> None:
    """Captions and names that carry markup, turn the direction of text, or never end."""
    attacks = {
        "markup": "<img src=x onerror=alert(1)><script>alert(2)</script>",
        "turned": "\u202egnp.exe \u2067 right to left \u05d0\u05d1",
        "long": "endless" * 1500,
        "quote": "\"'><svg onload=alert(3)>",
    }
    pictures = tmp_path / "pictures"
    rows = ["photo_id\tfile\tcaption\tphotographer"]
    for name, text in attacks.items():
        paint(pictures / f"{name}.png", "teal", (400, 300))
        quoted = '"' + text.replace('"', '""') + '"'
        rows.append(f"{name}\t{name}.png\t{quoted}\t{quoted}")
    paint(pictures / "<b>bold<b> & 'quote'.png", "red", (400, 300))
    (pictures / "captions.tsv").write_text("\n".join(rows), "utf-8")
    with vistazo.open(tmp_path / "library") as library:
        library.index(pictures)
        stored = {hit.photo_id: hit.description for hit in library.random(10)}
    assert stored["markup"] == attacks["markup"]
    with (
        serving("--db", "library", "--port", "0", "--no-sql", cwd=tmp_path) as server,
        visiting(browser, server.web) as visit,
    ):
        page = visit.open("/?q=%3Cscript%3Ealert(4)%3C/script%3E&filter=width+%3E+1")
        page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        visit.settle()
        assert page.locator("main img:not(.tile img), main script").count() == 0
        for name in attacks:
            page.locator(f'[data-id="{name}"] a').click()
            heading = page.get_by_role("dialog").get_by_role("heading", level=2)
            expect(heading).to_have_attribute("dir", "auto")
            expect(heading).to_contain_text(attacks[name][:40])
            _fits(visit)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
        visit.open("/?sql=SELECT+photo_id,description,photo_image_url+FROM+photos")
        expect(page.locator("tbody tr")).to_have_count(5)
        assert page.locator("tbody img, tbody script, tbody svg").count() == 0
        _fits(visit)


def _fits(visit: Visit) -> None:
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(wide) <= 0

"""The server goes away and comes back; it refuses; it is slow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Route, expect

from browser.visit import Visit, visiting
from conftest import paint
from e2e.server import free_port, serving


def test_a_server_that_goes_and_comes_back(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import vistazo

    folder = tmp_path_factory.mktemp("goes")
    with vistazo.open(folder / "library") as library:
        paint(folder / "pictures" / "red.png", "red", (400, 300))
        library.index(folder / "pictures")
    port = str(free_port())
    arguments = ("--db", "library", "--port", port, "--no-sql")
    with visiting(browser, f"http://127.0.0.1:{port}") as visit:
        visit.may_complain = re.compile("Failed to load resource|ERR_CONNECTION")
        page = visit.page
        with serving(*arguments, cwd=folder) as server:
            visit.open()
            visit.settle()
            server.stop()
        page.get_by_role("combobox").fill("something red")
        page.keyboard.press("Enter")
        banner = page.locator("#banner")
        expect(banner).to_contain_text("The server does not answer")
        visit.check_access("server gone")
        page.get_by_role("button", name="Try again").first.click()
        expect(banner).to_be_visible()
        with serving(*arguments, cwd=folder):
            # It looks again by itself.
            expect(banner).to_be_hidden()
            visit.settle()
            expect(page.get_by_role("heading", level=1)).to_contain_text("something red")
            expect(visit.tiles).to_have_count(1)


def test_a_refusal_is_shown_and_can_be_retried(visit: Visit) -> None:
    visit.may_complain = re.compile("Failed to load resource")
    page = visit.page
    broken = {"error": {"code": "bug", "message": "the disk is on fire"}}
    page.route(re.compile("/api/v1/search"), lambda route: route.fulfill(status=500, json=broken))
    visit.open("/?q=boats")
    expect(page.locator(".says")).to_contain_text("the disk is on fire")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    visit.settle()
    expect(visit.tiles).to_have_count(36)


def test_a_wrong_filter_says_what_is_wrong(visit: Visit) -> None:
    visit.may_complain = re.compile("400")
    page = visit.open("/?filter=colour+%3D+3")
    expect(page.locator(".says")).to_contain_text("there is no field 'colour'")
    page.get_by_role("button", name=re.compile("Remove the filter")).click()
    visit.settle()


def test_a_picture_that_is_no_longer_kept(visit: Visit) -> None:
    visit.may_complain = re.compile("410")
    page = visit.open("/?image=0123456789abcdef0123456789abcdef")
    expect(page.locator(".says")).to_contain_text("That picture is no longer kept")


def test_a_slow_answer_shows_that_it_is_waited_for(visit: Visit) -> None:
    held: list[Route] = []
    page = visit.page
    page.route(re.compile(r"search\?q=boats"), lambda route: held.append(route))
    visit.open("/?q=boats")
    expect(page.locator(".tile.ghost").first).to_be_visible()
    expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("heading", level=1)).to_contain_text("boats")
    # A later search is not overtaken by the earlier one's answer.
    visit.search("mountains")
    visit.settle()
    for route in held:
        route.continue_()
    expect(page.get_by_role("heading", level=1)).to_contain_text("mountains")


def test_a_picture_that_cannot_be_made_leaves_the_thumbnail(visit: Visit) -> None:
    visit.may_complain = re.compile("Failed to load resource")
    page = visit.page
    page.route(re.compile("/images/"), lambda route: route.fulfill(status=404))
    visit.open()
    visit.settle()
    image = visit.tiles.first.locator("img")
    expect(image).to_have_js_property("naturalWidth", 320)
    visit.tiles.first.locator("a").click()
    expect(page.locator(".stage img")).to_have_js_property("naturalWidth", 320)

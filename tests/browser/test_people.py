"""The page for different people: by keyboard only, in Spanish, on a phone, in the dark."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from browser.visit import Visit, visiting
from e2e.server import Server


def test_keyboard_only(visit: Visit) -> None:
    page = visit.open()
    visit.settle()
    keys = page.keyboard
    keys.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    keys.type("a forest path")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("a forest path")
    visit.settle()
    ids = visit.ids()
    keys.press("ArrowDown")
    expect(visit.tiles.first.locator("a")).to_be_focused()
    keys.press("ArrowRight")
    expect(visit.tiles.nth(1).locator("a")).to_be_focused()
    keys.press("ArrowDown")
    below = page.evaluate("document.activeElement.closest('.tile').dataset.id")
    top = visit.tiles.nth(1).evaluate("one => one.offsetTop")
    assert page.locator(f'[data-id="{below}"]').evaluate("one => one.offsetTop") > top
    keys.press("ArrowUp")
    expect(visit.tiles.nth(1).locator("a")).to_be_focused()
    keys.press("x")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("Shift+X")
    expect(page.locator(".tile.chosen")).to_have_count(3)
    keys.press("Enter")  # with some selected, a photo is picked, not opened
    expect(page.locator(".tile.chosen")).to_have_count(2)
    keys.press("Escape")
    expect(page.locator(".tile.chosen")).to_have_count(0)
    keys.press("Home")
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Photo")
    expect(dialog).to_contain_text("People had searched for")
    for _ in range(25):  # the focus stays inside, however often Tab is pressed
        keys.press("Tab")
        assert page.evaluate(
            "!!document.activeElement.closest('#photo') || document.activeElement === document.body"
        )
    keys.press("Escape")
    expect(visit.tiles.first.locator("a")).to_be_focused()
    keys.press("m")
    expect(page.get_by_role("heading", level=1)).to_have_text("More like this photo")
    visit.settle()
    assert ids[0] not in visit.ids()


def test_the_grid_is_one_stop_of_the_tab_key(visit: Visit) -> None:
    page = visit.open()
    visit.settle()
    expect(page.locator('.tile a[tabindex="0"]')).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the photos")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(visit.tiles.first.locator("a")).to_be_focused()
    page.keyboard.press("Tab")
    expect(visit.tiles.first.get_by_role("button")).to_be_focused()


def test_single_keys_can_be_switched_off(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Single keys work as shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.locator("#main").focus()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).not_to_be_focused()


def test_spanish_by_the_browser_and_by_the_switch(browser: Browser, server: Server) -> None:
    with visiting(browser, server.web, locale="es-ES") as visit:
        page = visit.open()
        visit.settle()
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Encuentra una foto por lo que se ve en ella"
        )
        page.get_by_role("combobox", name="Buscar en las fotos").fill("a forest path")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Resultados de «a forest path»")
        visit.settle()
        # The sample has captions in both languages.
        page.locator('[data-id="DTYoZZCM3tx"] a').click()
        dialog = page.get_by_role("dialog", name="Foto")
        expect(dialog.get_by_role("heading", level=2)).to_contain_text("bosque")
        expect(dialog).to_contain_text("La gente había buscado")
        expect(dialog).to_contain_text("Estados Unidos")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Results for “a forest path”")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("button", name="Español")).to_be_visible()


def test_dark_by_the_system_and_by_the_switch(browser: Browser, server: Server) -> None:
    dark, light = re.compile(r"rgb\(18, 20, 19\)"), re.compile(r"rgb\(252, 252, 250\)")
    with visiting(browser, server.web, color_scheme="dark") as visit:
        page = visit.open()
        expect(page.locator("body")).to_have_css("background-color", dark)
        page.get_by_role("button", name="Dark or light").click()
        expect(page.locator("body")).to_have_css("background-color", light)
        page.reload()
        expect(page.locator("body")).to_have_css("background-color", light)


def test_phone(browser: Browser, server: Server) -> None:
    size = {"width": 390, "height": 844}
    with visiting(browser, server.web, viewport=size, has_touch=True, is_mobile=True) as visit:
        page = visit.open()
        visit.settle()
        _fits(visit)
        page.get_by_role("combobox").tap()
        page.get_by_role("combobox").fill("a forest path")
        page.keyboard.press("Enter")
        visit.settle()
        _fits(visit)
        page.locator("summary", has_text="Photographer").tap()
        expect(page.locator(".menu[open] .choices")).to_be_in_viewport()
        page.locator(".menu[open] .choice").first.tap()
        expect(page.locator(".chip")).to_have_count(1)
        page.locator(".chip").tap()
        expect(page.locator(".chip")).to_have_count(0)
        page.get_by_role("button", name="Select", exact=True).tap()
        visit.tiles.first.locator("a").tap()
        bar = page.get_by_role("region", name="Selected photos")
        expect(bar).to_contain_text("1 selected")
        expect(bar.get_by_role("button", name="Export as ZIP")).to_be_in_viewport()
        _fits(visit)
        page.get_by_role("button", name="Clear the selection").tap()
        visit.tiles.first.locator("a").tap()
        expect(page.get_by_role("dialog", name="Photo")).to_contain_text("People had searched for")
        _fits(visit)
        page.get_by_role("button", name="Close", exact=True).tap()
        expect(page.get_by_role("dialog")).to_be_hidden()
        small = page.evaluate(
            "[...document.querySelectorAll('a, button, summary, input')].filter(one =>"
            " one.checkVisibility({ opacityProperty: true, visibilityProperty: true })"
            " && !one.closest('.sr, .skip'))"
            ".map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])"
            ".filter(([, box]) => box.width && Math.min(box.width, box.height) < 24)"
        )
        assert small == []


def test_a_large_screen(browser: Browser, server: Server) -> None:
    with visiting(browser, server.web, viewport={"width": 2560, "height": 1300}) as visit:
        visit.open()
        visit.settle()
        _fits(visit)
        heights: list[float] = visit.tiles.evaluate_all("all => all.map(one => one.offsetHeight)")
        assert min(heights) > 220
        assert max(heights) < 480


def test_less_motion(browser: Browser, server: Server) -> None:
    with visiting(browser, server.web, reduced_motion="reduce") as visit:
        page = visit.open()
        visit.settle()
        duration = page.locator(".tile .veil").first
        expect(duration).to_have_css("transition-duration", re.compile(r"^(1e-05|0\.00001)s$"))


def _fits(visit: Visit) -> None:
    """Nothing is wider than the window."""
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(wide) <= 0

"""The map: themes, points, an outline by mouse and by finger, and what it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from browser.visit import Visit, visiting
from e2e.server import Server

PHOTOS = 98  # 36 photographs, 60 stamps, two copies
MARGIN = 22  # of the plane, in pixels
AROUND = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]


@pytest.fixture
def visit(browser: Browser, many: Server) -> Iterator[Visit]:
    with visiting(browser, many.web, reduced_motion="reduce") as opened:
        yield opened


def opened(visit: Visit, address: str = "/?page=map") -> dict[str, Any]:
    """The map as the server tells it, once it is shown."""
    visit.open(address)
    expect(visit.page.locator(".theme").first).to_be_visible()
    answer: dict[str, Any] = visit.page.request.get(f"{visit.base}/api/v1/map").json()
    return answer


def box(visit: Visit) -> dict[str, float]:
    found = visit.page.locator(".plane canvas").bounding_box()
    assert found
    return dict(found)


def spot(visit: Visit, place: dict[str, Any]) -> tuple[float, float]:
    """Where a photo is drawn on the screen."""
    at = box(visit)
    x = at["x"] + MARGIN + place["x"] * (at["width"] - 2 * MARGIN)
    return x, at["y"] + at["height"] - MARGIN - place["y"] * (at["height"] - 2 * MARGIN)


def test_a_photo_is_looked_at_and_opened(visit: Visit) -> None:
    made = opened(visit)
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Map")
    expect(page.locator(".map-said")).to_contain_text(f"{PHOTOS} photos")
    expect(page.locator(".theme")).to_have_count(len(made["themes"]))
    # One whose spot no name lies over, and no other photo near it.
    labels = [each.bounding_box() for each in page.locator(".theme").all()]

    def is_free(place: dict[str, Any]) -> bool:
        x, y = spot(visit, place)
        covered = any(
            one["x"] - 20 < x < one["x"] + one["width"] + 20
            and one["y"] - 20 < y < one["y"] + one["height"] + 20
            for one in labels
            if one
        )
        others = [spot(visit, each) for each in made["places"] if each is not place]
        return not covered and all(abs(x - a) + abs(y - b) > 20 for a, b in others)

    photo = next(filter(is_free, made["places"]))
    page.mouse.move(*spot(visit, photo))
    expect(page.locator(".preview img")).to_have_attribute(
        "src", f"/api/v1/photos/{photo['photo_id']}/thumbnail"
    )
    page.mouse.click(*spot(visit, photo))
    page.wait_for_url(re.compile(f"photo={photo['photo_id']}"))
    expect(page.get_by_role("dialog", name="Photo")).to_contain_text("About the photo")
    page.keyboard.press("Escape")
    page.wait_for_url(visit.base + "/?page=map")
    expect(page.locator(".theme").first).to_be_visible()


def test_an_outline_gives_photos_to_share_and_to_take_away(visit: Visit) -> None:
    made = opened(visit)
    page = visit.page
    at = box(visit)
    half = [place["photo_id"] for place in made["places"] if place["x"] < 0.5]
    left = (at["x"] + 12, at["x"] + at["width"] / 2)
    top, bottom = at["y"] + 12, at["y"] + at["height"] - 12
    page.mouse.move(left[0], top)
    page.mouse.down()
    for x, y in ((left[1], top), (left[1], bottom), (left[0], bottom), (left[0], top)):
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    page.wait_for_url(re.compile("lasso="))
    expect(page.get_by_role("heading", name="What you drew around")).to_be_visible()
    expect(visit.tiles).to_have_count(len(half))
    assert sorted(visit.ids()) == sorted(half)
    page.reload()
    expect(visit.tiles).to_have_count(len(half))
    assert sorted(visit.ids()) == sorted(half)
    visit.check_access("an area of the map")

    page.get_by_role("button", name="Select these").click()
    region = page.get_by_role("region", name="Selected photos")
    expect(region).to_contain_text(f"{len(half)} selected")
    with page.expect_download() as download:
        region.get_by_role("button", name="Export as CSV").click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == len(half) + 1
    page.get_by_role("button", name="Clear the selection").click()

    page.get_by_role("button", name="As a result of its own").click()
    visit.settle()
    expect(page.locator("p.count")).to_have_text(f"{len(half)} photos")
    assert "filter=photo_id+in" in page.url
    page.go_back()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url(visit.base + "/?page=map")
    expect(visit.tiles).to_have_count(0)


def test_a_theme_by_keyboard(visit: Visit) -> None:
    made = opened(visit)
    page = visit.page
    page.locator('.theme[tabindex="0"]').focus()
    seen = {page.evaluate("document.activeElement.textContent")}
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown") * 6:
        page.keyboard.press(key)
        seen.add(page.evaluate("document.activeElement.textContent"))
    assert len(seen) > 1
    assert page.locator('.theme[tabindex="0"]').count() == 1
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("theme="))
    expect(page.get_by_role("heading", level=2, name=name)).to_be_visible()
    (theme,) = (each for each in made["themes"] if ", ".join(each["words"]) == name)
    expect(page.locator(".area-head")).to_contain_text(f"{theme['photos']} photo")
    expect(page.locator('.theme[aria-pressed="true"]')).to_have_text(name)
    visit.tiles.first.locator("a").click()
    expect(page.get_by_role("button", name="Next photo")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="vistazo, home").click()
    visit.settle()
    expect(page.locator(".plane")).to_have_count(0)


def test_a_map_of_what_a_filter_keeps(visit: Visit) -> None:
    page = visit.open("/?filter=width+%3E%3D+800")
    visit.settle()
    page.get_by_role("link", name="Map of the photos").click()
    expect(page.locator(".map-said")).to_be_visible()
    assert "page=map" in page.url
    assert not page.locator(".map-said").inner_text().startswith(f"{PHOTOS} photos")
    page.get_by_role("button", name="Remove the filter width >= 800").click()
    expect(page.locator(".map-said")).to_contain_text(f"{PHOTOS} photos")
    visit.open("/?page=map&filter=width+%3E+99999")
    expect(page.get_by_role("heading", name="No photo matches")).to_be_visible()
    visit.open("/?page=map&lasso=nonsense")
    expect(page.get_by_text("The map has no such area any more.")).to_be_visible()


def test_a_map_that_is_being_made_says_how_far(visit: Visit) -> None:
    held: list[Route] = []
    page = visit.page
    page.route(re.compile(r"/api/v1/map$"), lambda route: held.append(route))
    page.route(
        re.compile(r"/api/v1/map/progress"),
        lambda route: route.fulfill(json={"done": 90, "total": 450}),
    )
    visit.open("/?page=map")
    meter = page.get_by_role("progressbar")
    expect(page.get_by_text("The map is being made.")).to_be_visible()
    expect(meter).to_have_js_property("value", 90)
    expect(meter).to_have_js_property("max", 450)
    for route in held:
        route.continue_()
    expect(page.locator(".theme").first).to_be_visible()


def test_another_ones_map_is_waited_for(visit: Visit) -> None:
    visit.may_complain = re.compile("503")
    page = visit.page
    busy = {"error": {"code": "busy", "message": "a map is being made; ask again in a moment"}}
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, json=busy)
        else:
            route.continue_()

    page.route(re.compile(r"/api/v1/map$"), answer)
    visit.open("/?page=map")
    expect(page.locator(".theme").first).to_be_visible()
    assert len(asked) == 2


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_an_outline_by_finger_on_a_phone(browser: Browser, many: Server, theme: str) -> None:
    how = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with visiting(
        browser, many.web, color_scheme=theme, reduced_motion="reduce", locale="es-ES", **how
    ) as visit:
        opened(visit)
        page = visit.page
        expect(page.get_by_role("heading", level=1)).to_have_text("Mapa")
        visit.check_access(f"the map on a phone, {theme}")
        at = box(visit)
        corners = [(at["x"] + x * at["width"], at["y"] + y * at["height"]) for x, y in AROUND]
        session = page.context.new_cdp_session(page)

        def touch(kind: str, points: list[tuple[float, float]]) -> None:
            shown = [{"x": x, "y": y} for x, y in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": shown})

        touch("touchStart", corners[:1])
        for (x, y), (a, b) in zip(corners, [*corners[1:], corners[0]], strict=True):
            for step in range(1, 9):
                touch("touchMove", [(x + (a - x) * step / 8, y + (b - y) * step / 8)])
        touch("touchEnd", [])
        page.wait_for_url(re.compile("lasso="))
        expect(page.locator(".area-head")).to_contain_text(f"{PHOTOS} fotos")
        expect(visit.tiles).to_have_count(96)
        page.get_by_role("button", name="Cargar más").click()
        expect(visit.tiles).to_have_count(PHOTOS)
        visit.until(
            lambda: bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
        )

"""Finding photos on the page: words, pictures, addresses, filters, earlier searches."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import SAMPLE
from browser.visit import Visit

BOATS = "6s2BvTt2EyC"  # rowing boats on a lake shore at sunset
PICTURE = SAMPLE / "photos" / "images" / f"{BOATS}.jpg"

# A file that comes from outside the page, as the event of its kind brings it.
_BRING = """([kind, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const brought = new DataTransfer();
  brought.items.add(new File([bytes], name, { type }));
  const say = (event) => document.querySelector("main").dispatchEvent(event);
  if (kind === "paste") {
    say(new ClipboardEvent("paste", { clipboardData: brought, bubbles: true, cancelable: true }));
  } else {
    const how = { dataTransfer: brought, bubbles: true, cancelable: true };
    for (const step of kind.split(" ")) say(new DragEvent(step, how));
  }
}"""


def bring(page: Page, kind: str, name: str = "boats.jpg", type_: str = "image/jpeg") -> None:
    data = base64.b64encode(PICTURE.read_bytes()).decode()
    page.evaluate(_BRING, [kind, name, type_, data])


def test_home_shows_all_photos_at_their_proportions(visit: Visit) -> None:
    visit.open()
    visit.settle()
    expect(visit.tiles).to_have_count(36)
    shapes: list[dict[str, float]] = visit.tiles.evaluate_all(
        "all => all.map(one => { const image = one.querySelector('img');"
        " const box = one.getBoundingClientRect();"
        " return { shown: box.width / box.height, own: "
        "image.getAttribute('width') / image.getAttribute('height') }; })"
    )
    assert all(abs(each["shown"] / each["own"] - 1) < 0.02 for each in shapes)


def test_typing_words_finds_them(visit: Visit) -> None:
    page = visit.open()
    visit.search("boats on a lake at sunset")
    visit.settle()
    assert BOATS in visit.ids()[:3]
    assert page.url.endswith("/?q=boats+on+a+lake+at+sunset")
    expect(page).to_have_title(re.compile("boats on a lake at sunset"))
    score = visit.tiles.first.locator(".veil .score")
    expect(score).to_have_css("opacity", re.compile("0.9"))
    expect(visit.tiles.nth(1).locator(".veil")).to_have_css("opacity", "0")
    visit.tiles.nth(1).hover()
    expect(visit.tiles.nth(1).locator(".veil")).to_have_css("opacity", "1")
    expect(score).to_have_text(re.compile(r"^0\.\d{3}$"))


@pytest.mark.parametrize("kind", ["paste", "dragenter dragover drop"])
def test_a_picture_that_is_brought_finds_itself(visit: Visit, kind: str) -> None:
    page = visit.open()
    visit.settle()
    bring(page, kind)
    expect(page.get_by_role("heading", level=1)).to_have_text("Like your picture")
    visit.settle()
    assert visit.ids()[0] == BOATS
    expect(page.locator("#pill img")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?image=\w"))


def test_dropping_shows_where_and_takes_only_pictures(visit: Visit) -> None:
    page = visit.open()
    visit.settle()
    bring(page, "dragenter")
    expect(page.get_by_text("Drop the picture to search with it")).to_be_visible()
    bring(page, "dragover drop", "notes.txt", "text/plain")
    expect(page.get_by_text("That is not a picture")).to_be_visible()
    expect(page.get_by_text("Drop the picture to search with it")).to_be_hidden()
    assert page.url == visit.base + "/"


def test_choosing_a_file(visit: Visit) -> None:
    page = visit.open()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search with a picture").click()
    chooser.value.set_files(PICTURE)
    visit.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text("Like your picture")
    assert visit.ids()[0] == BOATS


def test_an_address_that_the_server_does_not_fetch_is_told(visit: Visit) -> None:
    visit.may_complain = re.compile("Failed to load resource")
    page = visit.open()
    page.get_by_role("combobox").fill("http://127.0.0.1:9/picture.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(page.locator(".says")).to_contain_text("127.0.0.1")
    assert "url=http" in page.url
    page.get_by_role("button", name="See all photos").click()
    visit.settle()
    assert page.url == visit.base + "/"


def test_filters_narrow_and_are_taken_away(visit: Visit) -> None:
    page = visit.open("/?q=a+lake")
    visit.settle()
    page.locator("summary", has_text="Photographer").click()
    choice = page.locator(".menu[open] .choice").first
    name, count = choice.locator("bdi").inner_text(), choice.locator(".count").inner_text()
    choice.click()
    expect(
        page.get_by_role("button", name=f"Remove the filter Photographer: {name}")
    ).to_be_visible()
    expect(visit.tiles).to_have_count(int(count))
    assert "filter=photographer" in page.url
    page.locator("summary", has_text="More").click()
    page.get_by_label("A filter of your own").fill("width < 10")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No photo matches")).to_be_visible()
    page.get_by_role("button", name="Remove the filter width < 10").click()
    expect(visit.tiles).to_have_count(int(count))
    page.go_back()
    page.go_back()
    page.go_back()
    expect(visit.tiles).to_have_count(36)
    expect(page.locator(".chip")).to_have_count(0)


def test_recent_searches_are_offered(visit: Visit) -> None:
    page = visit.open()
    visit.search("a forest")
    visit.search("boats")
    page.get_by_role("link", name="vistazo, home").click()
    box = page.get_by_role("combobox")
    box.click()
    options = page.get_by_role("option")
    expect(options).to_have_text(["boats", "a forest"])
    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("a forest")
    page.reload()
    box.fill("")
    page.get_by_role("button", name="Forget them").click()
    expect(options).to_have_count(0)
    stored: Any = page.evaluate("localStorage.getItem('vistazo.recent')")
    assert stored == "[]"

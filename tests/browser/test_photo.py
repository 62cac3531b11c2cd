"""One photo, large; and the way back and forward through what was seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from browser.conftest import SAMPLE
from browser.visit import Visit

STREAM = "DTYoZZCM3tx"  # the sample's most downloaded photograph
FILE = SAMPLE / "photos" / "images" / f"{STREAM}.jpg"


def test_a_photo_opens_with_all_that_is_known(visit: Visit) -> None:
    page = visit.open("/?q=a+forest+path")
    visit.settle()
    page.locator(f'[data-id="{STREAM}"] a').click()
    photo = page.get_by_role("dialog", name="Photo")
    expect(photo.get_by_role("heading", level=2)).to_have_text(
        "A stream running over rocks in a forest"
    )
    expect(photo).to_contain_text("by Aitzol Berasategi")
    expect(photo.locator(".total")).to_have_text(re.compile("400.*downloads"))
    expect(photo.locator(".bars").first.locator(".row").first).to_have_text(
        re.compile("forest.*226")
    )
    expect(photo).to_contain_text("United States")
    expect(photo).to_contain_text("800 × 533 · JPEG")
    chart = photo.get_by_role(
        "img", name=re.compile("400 downloads from January 2024 to December 2024")
    )
    expect(chart.locator("rect")).to_have_count(12)
    # The large picture comes after the thumbnail, and is the file's own 800 pixels wide.
    expect(photo.locator(".stage img")).to_have_js_property("naturalWidth", 800)
    assert f"photo={STREAM}" in page.url


def test_download_and_link(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(f"/?photo={STREAM}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == FILE.name
    download.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == FILE.read_bytes()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("The link is copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_more_like_this_and_back_again(visit: Visit) -> None:
    page = visit.open()
    visit.search("a forest path")
    visit.settle()
    found = visit.ids()
    page.locator(f'[data-id="{STREAM}"] a').click()
    page.get_by_role("button", name="More like this").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("More like this photo")
    visit.settle()
    expect(page.get_by_role("dialog")).to_be_hidden()
    like = visit.ids()
    assert STREAM not in like
    assert len(like) == 35
    page.go_back()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert visit.ids() == found
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find a photo by what is in it")
    page.go_forward()
    page.go_forward()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("More like this photo")
    assert visit.ids() == like


def test_going_back_shows_the_same_place_without_asking(visit: Visit) -> None:
    page = visit.open()
    visit.search("water")
    visit.settle()
    page.evaluate("scrollTo(0, 900)")
    before: Any = page.evaluate("scrollY")
    assert before > 300
    visit.search("a bird")
    visit.settle()
    expect(page.locator(".tile").first).to_be_in_viewport()
    asked = len([url for url in visit.requests if "/search?" in url])
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("water")
    visit.until(lambda: abs(page.evaluate("scrollY") - before) < 2)
    assert len([url for url in visit.requests if "/search?" in url]) == asked


def test_a_shared_link_opens_the_same(visit: Visit) -> None:
    address = f"/?q=water&filter=width+%3E%3D+800&photo={STREAM}"
    page = visit.open(address)
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    expect(
        page.get_by_role("dialog", name="Photo").get_by_role("heading", level=2)
    ).to_contain_text("stream")
    expect(page.get_by_role("button", name="Next photo")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url == f"{visit.base}/?q=water&filter=width+%3E%3D+800"
    expect(page.get_by_role("combobox")).to_have_value("water")
    # The address that the REST interface gives with a hit.
    visit.open(f"/#photo={STREAM}")
    page.reload()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()


def test_stepping_through_photos(visit: Visit) -> None:
    page = visit.open()
    visit.settle()
    ids = visit.ids()
    visit.tiles.first.locator("a").click()
    expect(page.get_by_role("button", name="Previous photo")).to_have_count(0)
    page.get_by_role("button", name="Next photo").click()
    expect(page).to_have_url(re.compile(f"photo={re.escape(ids[1])}$"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"photo={re.escape(ids[2])}$"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(f"photo={re.escape(ids[1])}$"))
    page.keyboard.press("Escape")
    expect(page.locator(f'[data-id="{ids[1]}"] a')).to_be_focused()
    assert page.url == visit.base + "/"


def test_a_photo_that_is_not_there(visit: Visit) -> None:
    visit.may_complain = re.compile("404")
    page = visit.open("/?photo=nobody")
    expect(page.get_by_role("dialog")).to_contain_text("This photo is not in the library")
    page.get_by_role("button", name="Close").last.click()
    visit.settle()

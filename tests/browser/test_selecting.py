"""Several photos at once: picking them out, their downloads, taking them away."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from browser.visit import Visit

PICKED = ["DTYoZZCM3tx", "6s2BvTt2EyC", "3Tbo94EDg1b"]


def _csv(file: Path) -> list[str]:
    return [row["photo_id"] for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))]


def _zip(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as opened:
        (table,) = [name for name in opened.namelist() if name.endswith(".csv")]
        pictures = [Path(name).stem for name in opened.namelist() if name != table]
        assert sorted(pictures) == sorted(PICKED)
        rows = csv.DictReader(io.StringIO(opened.read(table).decode("utf-8-sig")))
        return [row["photo_id"] for row in rows]


READ: dict[str, Callable[[Path], list[str]]] = {
    "CSV": _csv,
    "Parquet": lambda file: pq.read_table(file)["photo_id"].to_pylist(),
    "ZIP": _zip,
}


def pick(visit: Visit) -> None:
    visit.open()
    visit.settle()
    for photo_id in PICKED:
        tile = visit.page.locator(f'[data-id="{photo_id}"]')
        tile.hover()
        tile.get_by_role("button", name=re.compile("^Select ")).click()
    expect(visit.page.get_by_role("region", name="Selected photos")).to_contain_text("3 selected")


@pytest.mark.parametrize("kind", READ)
def test_export(visit: Visit, tmp_path: Path, kind: str) -> None:
    pick(visit)
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name=f"Export as {kind}").click()
    saved = tmp_path / "saved"
    download.value.save_as(saved)
    assert download.value.suggested_filename == f"vistazo-photos.{kind.lower()}"
    assert sorted(READ[kind](saved)) == sorted(PICKED)


def test_downloads_of_a_selection_are_ranked(visit: Visit) -> None:
    pick(visit)
    page = visit.page
    page.get_by_role("button", name="Compare downloads").click()
    sheet = page.get_by_role("dialog", name="What people download of these")
    expect(sheet.locator(".winner .total")).to_have_text(re.compile("400"))
    expect(sheet.locator(".winner .bars .row")).to_have_text(
        [
            re.compile(word)
            for word in ("forest.*226", "stream.*90", "running.*49", "rocks", "arroyo")
        ]
    )
    counts = [int(text) for text in sheet.locator(".ranked .much > span").all_inner_texts()]
    assert len(counts) == 3
    assert counts == sorted(counts, reverse=True)
    sheet.locator(".ranked a").first.click()
    expect(page.get_by_role("dialog", name="Photo")).to_contain_text("A stream running over rocks")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Selected photos")).to_contain_text("3 selected")


def test_downloads_of_a_view(visit: Visit) -> None:
    page = visit.open("/?q=a+forest+path")
    visit.settle()
    page.get_by_role("button", name="Downloads").click()
    sheet = page.get_by_role("dialog", name="What people download of these")
    expect(sheet).to_contain_text("Of the 20 best matches")
    expect(sheet.locator(".ranked li")).to_have_count(20)
    expect(sheet.locator(".months rect")).to_have_count(12)
    sheet.get_by_role("button", name=re.compile("^stream")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("stream")
    expect(sheet).to_be_hidden()


def test_a_range_and_letting_go(visit: Visit) -> None:
    page = visit.open()
    visit.settle()
    page.get_by_role("button", name="Select", exact=True).click()
    visit.tiles.nth(1).locator("a").click()
    visit.tiles.nth(5).locator("a").click(modifiers=["Shift"])
    expect(page.locator(".tile.chosen")).to_have_count(5)
    expect(page.get_by_role("dialog")).to_have_count(0)
    visit.tiles.nth(2).locator("a").click()
    expect(page.locator(".tile.chosen")).to_have_count(4)
    # A selection outlives another search.
    visit.search("boats")
    visit.settle()
    expect(page.get_by_role("region", name="Selected photos")).to_contain_text("4 selected")
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator(".tile.chosen")).to_have_count(0)
    expect(page.get_by_role("region", name="Selected photos")).to_be_hidden()

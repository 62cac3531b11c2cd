"""The SQL panel: the view's own statement, others, refusals."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from playwright.sync_api import expect

from browser.visit import Visit


def test_the_statement_of_a_view_gives_the_view(visit: Visit) -> None:
    # No photo has these words, so that the order is the pictures', which SQL can tell.
    page = visit.open("/?q=xyzzy+plugh")
    visit.settle()
    found = visit.ids()
    page.get_by_role("button", name="SQL").click()
    text = page.get_by_label("SQL statement")
    expect(text).to_have_value(re.compile(r"^-- The pictures' part.*embed\('xyzzy plugh'\)", re.S))
    assert visit.ids() == found
    page.get_by_role("button", name="Run", exact=True).click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(36)
    assert [
        cell.split("\n")[0] for cell in rows.locator("td:first-child").all_inner_texts()
    ] == found
    expect(page.locator("#sql-said")).to_contain_text("36 rows")
    page.get_by_role("button", name="Photos").click()
    visit.settle()
    assert visit.ids() == found
    visit.tiles.first.locator("a").click()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()


def test_an_edited_statement_is_in_the_address(visit: Visit) -> None:
    page = visit.open("/?sql=")
    text = page.get_by_label("SQL statement")
    expect(text).to_have_value(re.compile("FROM photos"))
    text.fill("SELECT format, count() AS photos FROM photos GROUP BY format")
    text.press("Control+Enter")
    expect(page.locator("tbody")).to_have_text("JPEG36")
    expect(page.get_by_role("button", name="Photos")).to_have_count(0)
    page.reload()
    expect(page.locator("tbody")).to_have_text("JPEG36")
    page.get_by_role("button", name="This view again").click()
    visit.settle()
    expect(visit.tiles).to_have_count(36)
    page.get_by_role("button", name="Close the SQL panel").click()
    expect(text).to_have_count(0)


def test_it_only_reads(visit: Visit) -> None:
    visit.may_complain = re.compile("Failed to load resource")
    page = visit.open(f"/?sql={quote_plus('DROP TABLE photos')}")
    expect(
        page.get_by_role("alert").filter(has_text=re.compile("read|write", re.IGNORECASE))
    ).to_be_visible()
    expect(page.get_by_label("SQL statement")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("SQL statement").fill("SELEC 1")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#sql-wrong")).not_to_be_empty()
    page.get_by_label("SQL statement").fill("SELECT count() AS n FROM photos")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("tbody")).to_have_text("36")
    expect(page.locator("#sql-wrong")).to_be_empty()


def test_values_of_any_kind(visit: Visit) -> None:
    statement = (
        "SELECT NULL AS nothing, photo_embed, map('a', '<b>x</b>') AS pairs,"
        " 18446744073709551615 AS large, '<img src=x>' AS markup FROM photos LIMIT 1"
    )
    page = visit.open(f"/?sql={quote_plus(statement)}")
    row = page.locator("tbody tr")
    expect(row.locator("td")).to_have_text(
        ["NULL", "512 numbers", '[["a","<b>x</b>"]]', "18446744073709551615", "<img src=x>"]
    )
    expect(row.locator("img, b")).to_have_count(0)

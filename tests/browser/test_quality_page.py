"""The page that measures how well texts find their pictures."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

import vistazo
from browser.conftest import SAMPLE
from browser.visit import visiting
from e2e.server import Server
from vistazo.evaluation.report import read_evaluation

CAPTIONS = SAMPLE / "photos" / "captions.tsv"
PATH = "Path on the server's machine"


def test_a_set_is_evaluated(browser: Browser, many: Server, tmp_path: Path) -> None:
    key = many.said["page"].partition("key=")[2]
    with visiting(browser, many.web, color_scheme="light", reduced_motion="reduce") as visit:
        page = visit.open("/?page=quality")
        expect(page.get_by_text("Evaluating is for the library's owner")).to_be_visible()
        visit.open("/?page=library")
        expect(page.get_by_role("link", name="Duplicates")).to_be_visible()
        expect(page.get_by_label("Token")).to_be_visible()
        expect(page.get_by_role("link", name="Search quality")).to_have_count(0)
        visit.open(f"/?key={key}")
        page.get_by_role("link", name="Library").click()
        page.get_by_role("link", name="Search quality").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Search quality")
        expect(page.get_by_text("Nothing has been evaluated yet.")).to_be_visible()

        # What is wrong with a path is said beside it, with a column where the run is shown.
        visit.may_complain = re.compile("400")
        page.get_by_label(PATH).fill("/no/such.tsv")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("there is no /no/such.tsv")
        page.get_by_label(PATH).fill(str(CAPTIONS))
        page.get_by_label("Column").fill("no_such")
        page.keyboard.press("Enter")
        expect(page.locator(".job .wrong")).to_contain_text("has no column 'no_such'")
        expect(page.get_by_role("alert")).to_have_count(0)
        visit.check_access("an evaluation that failed")

        page.get_by_label("Column").fill("")
        page.keyboard.press("Enter")
        rows = page.get_by_role("region", name="Result").locator("tbody tr")
        expect(rows).to_have_count(12)
        expect(page.locator(".job")).to_have_count(0)
        expect(page.get_by_text("captions.tsv:caption_en")).to_be_visible()
        line = "36 texts · 36 photos of the set · offline · float32 · exact"
        expect(page.get_by_text(line)).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Save as JSON").click()
        assert download.value.suggested_filename == "evaluation.json"
        download.value.save_as(tmp_path / "evaluation.json")
        with vistazo.open(many.web, token=key) as library:
            found = library.evaluate(CAPTIONS)
        assert read_evaluation(tmp_path / "evaluation.json") == found
        for row, (name, direction, measure) in {
            0: ("Text finds pictures", "image_retrieval", "recall@1"),
            11: ("Picture finds texts", "text_retrieval", "ndcg@10"),
        }.items():
            each = found.measures[direction][measure]
            value, low, high = (f"{each[part]:.3f}" for part in ("value", "low", "high"))
            expect(rows.nth(row).locator("td")).to_have_text(
                [name, measure, value, f"{low} – {high}"]
            )
        visit.check_access("an evaluation in the light")
        visit.darken()
        visit.check_access("an evaluation in the dark")

        # The last run is still there when the page is opened anew, also in Spanish.
        page.reload()
        expect(rows).to_have_count(12)
        expect(page.get_by_label(PATH)).to_have_value(str(CAPTIONS))
        page.get_by_label("Look among all photos").check()
        page.get_by_role("button", name="Evaluate").click()
        expect(page.get_by_text("98 photos of the library")).to_be_visible()
        page.get_by_role("button", name="Español").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Calidad de la búsqueda")
        expect(page.get_by_text("98 fotos de la biblioteca")).to_be_visible()
        expect(page.get_by_role("region", name="Resultado").locator("td.n").first).to_have_text(
            re.compile(r"^0,\d{3}$")
        )

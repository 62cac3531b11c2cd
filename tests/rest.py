"""A library with captions and downloads, and clients of its REST interface."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path

import httpx

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from vistazo.config import Settings
from vistazo.web.door import ANYBODY_HERE, Entry
from web_application import served_web

OWNER = "the-owners-token"
OWNED = Entry(writers=(OWNER,))
# Captions and names that a page, a spreadsheet, a log or SQL might take for their own.
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.example","click")',
    "\u202egpj.exe",
    "'; DROP TABLE photos; --",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "a\tb\\n",
    "x" * 10_000,
]


def photographs(folder: Path) -> Path:
    """Twelve pictures of one colour each, and as many red ones as there are hostile captions."""
    rows = []
    for number, (name, colour) in enumerate(COLOURS.items()):
        paint(folder / name, colour)
        category = "warm/red" if colour in ("red", "crimson", "tomato") else "cold"
        rows.append((name, Path(name).stem, f"a {colour} picture", "Norway", category, number))
    for number, text in enumerate(HOSTILE):
        name = f"hostile{number}.png"
        paint(folder / name, (200, 10 * number, 0))
        rows.append((name, f"hostile{number}", text, text[:200], "odd", number))
    with (folder / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "photo_id", "description", "country", "category", "note"))
        writer.writerows(rows)
    return folder


def conversions(path: Path) -> Path:
    """Downloads: red 3, blue 1, and one whose keyword is hostile."""
    rows = [
        ("2020-01-03 10:00:00.000", "red", "warm", "DE"),
        ("2020-01-04 10:00:00.000", "red", "warm", "ES"),
        ("2020-03-04 10:00:00.000", "red", HOSTILE[0], "ES"),
        ("2020-03-05 10:00:00.000", "blue", "sea", "NO"),
    ]
    head = ("converted_at", "conversion_type", "keyword", "photo_id", "anonymous_user_id")
    lines = ["\t".join((*head, "conversion_country"))]
    lines += ["\t".join((at, "download", word, who, "u", where)) for at, who, word, where in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


@contextlib.contextmanager
def library_at(folder: Path) -> Iterator[vistazo.Library]:
    """An open library of `photographs` and `conversions`."""
    photos = photographs(folder / "photos")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        report = library.index(photos)
        assert (report.added, report.failed) == (len(COLOURS) + len(HOSTILE), 0)
        assert library.load_conversions(conversions(folder / "log.tsv")).rows == 4
        yield library


@contextlib.contextmanager
def client_of(
    library: vistazo.Library, entry: Entry = ANYBODY_HERE, settings: Settings | None = None
) -> Iterator[httpx.Client]:
    """A client whose addresses begin at the server's root."""
    with (
        served_web(library, entry, settings) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def refused(answer: httpx.Response, status: int) -> str:
    """The code of an error in the one shape of all errors."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"error"}
    # A query that cannot be read also says where.
    assert body["error"].keys() - {"position"} == {"code", "message"}
    assert body["error"]["message"].isprintable()
    return str(body["error"]["code"])

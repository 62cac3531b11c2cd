"""Libraries, servers and a browser for the tests of the page; one of each for all of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from browser import chromium
from browser.visit import TIMEOUT_MS, Visit, visiting
from e2e.cli import PROGRAM
from e2e.server import Server, serving

collect_ignore_glob = [] if chromium.WANTED else ["test_*.py"]
expect.set_options(timeout=TIMEOUT_MS)

SAMPLE = Path(__file__).resolve().parents[2] / "sample"
COPIED = ("DTYoZZCM3tx", "6s2BvTt2EyC")  # photographs: one is there twice, one also smaller


def vistazo(cwd: Path, *arguments: str) -> None:
    """Run a command; 3 means that some pictures were broken, as a test wants it."""
    done = subprocess.run([*PROGRAM, *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr


# Playwright runs an event loop in this thread: it must have ended before other tests run theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium.launched() as opened:
        yield opened


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The 36 photographs of the sample with their downloads, served."""
    folder = tmp_path_factory.mktemp("photographs")
    vistazo(folder, "index", str(SAMPLE / "photos"), "--db", "library")
    vistazo(folder, "conversions", "load", str(SAMPLE / "conversions.tsv000"), "--db", "library")
    with serving("--db", "library", "--port", "0", "--no-sql", cwd=folder) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A window on the photographs."""
    with visiting(browser, server.web) as opened:
        yield opened


@pytest.fixture(scope="package")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The photographs, 60 stamps, and copies of two photographs: enough to judge a search by."""
    folder = tmp_path_factory.mktemp("many")
    images = SAMPLE / "photos" / "images"
    (folder / "copies").mkdir()
    shutil.copy(images / f"{COPIED[0]}.jpg", folder / "copies" / "same.jpg")
    with Image.open(images / f"{COPIED[1]}.jpg") as whole:
        whole.reduce(2).save(folder / "copies" / "smaller.jpg", quality=85)
    vistazo(folder, "index", str(SAMPLE / "photos"), "--db", "library")
    vistazo(folder, "index", str(SAMPLE / "stamps"), "--limit", "60", "--db", "library")
    vistazo(folder, "index", "copies", "--db", "library")
    with serving("--db", "library", "--port", "0", "--no-sql", cwd=folder) as running:
        yield running

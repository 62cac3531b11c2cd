"""What many tests share: small pictures, and libraries that are closed again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

import vistazo
from fakes import ColourEncoder
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.schema import migrate

# Name -> colour; twelve small pictures in eight formats.
COLOURS = {
    "a/red.jpg": "red",
    "a/crimson.png": "crimson",
    "a/tomato.webp": "tomato",
    "a/deep/green.png": "green",
    "a/deep/lime.gif": "lime",
    "a/deep/olive.tiff": "olive",
    "b/blue.bmp": "blue",
    "b/navy.jpg": "navy",
    "b/sky.avif": "deepskyblue",
    "white.png": "white",
    "black.jpg": "black",
    "gold.heic": "gold",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write the golden files anew; review them."
    )


SKIPPED: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    # A model that this machine happens to have, or a Hub that answers, must not change a test.
    os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="vistazo-hub-")
    os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"


class Scheduling(LoadFileScheduling):
    """A file of tests to each process, and all files of the browser to one of them.

    The browser's tests share its libraries and servers, made anew whenever a process comes back.
    """

    def _split_scope(self, nodeid: str) -> str:
        browser = "tests/browser/"
        return browser if nodeid.startswith(browser) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # Called where reports come together, also when the tests run in several processes.
    if report.skipped and not hasattr(report, "wasxfail"):
        SKIPPED.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI a skipped test is a failure: nothing may hide there."""
    if os.environ.get("CI") == "true" and SKIPPED:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") == "true" and SKIPPED:
        terminalreporter.write_line(f"skipped on CI, which counts as failed: {SKIPPED}", red=True)


def paint(path: Path, colour: str, size: tuple[int, int] = (48, 32)) -> Path:
    """A picture of one colour, in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    if path.suffix == ".heic":
        import pillow_heif

        pillow_heif.from_pillow(image).save(path, quality=90)
    elif path.suffix == ".gif":
        image.quantize(16).save(path)
    else:
        image.save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve small pictures."""
    folder = tmp_path / "pictures"
    for name, colour in COLOURS.items():
        paint(folder / name, colour)
    return folder


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[vistazo.Library]:
    """An empty library."""
    with vistazo.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Migrated tables for one test module; opening the engine takes a second."""
    address = parse(tmp_path_factory.mktemp("tables") / "library")
    opened = connect(address, create=True, wait_s=0)
    migrate(opened)
    yield opened
    disconnect(address)

"""Every command and every block of Python in the documentation runs; every name is documented."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.cli import in_one_process, run
from e2e.server import serving
from vistazo import errors
from vistazo.cli.main import app
from vistazo.config import Settings
from vistazo.store.filters import FIELDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = ROOT / "docs" / "commands.md"


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of every fenced block of a language, in order."""
    found = []
    for page in PAGES:
        for text in re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            found.append((page.name, text))
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone after the README's first shell block."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "sample").symlink_to(ROOT / "sample")
    return folder


def shell_lines() -> list[tuple[str, str]]:
    return [(page, line) for page, text in blocks("sh") for line in text.splitlines() if line]


def test_the_make_commands_are_what_ci_runs() -> None:
    made = {line for _, line in shell_lines() if line.startswith("make ")}
    script = (ROOT / ".ci" / "run").read_text()
    assert made == {"make demo", "make test"}
    assert all(line in script for line in made)


def test_every_shell_command_runs(home: Path) -> None:
    lines = [(page, line) for page, line in shell_lines() if not line.startswith("make ")]
    assert len(lines) >= 12
    with in_one_process(home) as run_there:
        for number, (page, line) in enumerate(lines):
            program, *arguments = shlex.split(line)
            assert program == "vistazo", f"{page}: {line}"
            result = run_there(*arguments) if number else run(*arguments, cwd=home)
            assert result.returncode == 0, f"{page}: {line}\n{result.stderr}"
            assert result.stdout.strip(), f"{page}: {line} prints nothing"


def test_every_python_block_runs(home: Path) -> None:
    for page, text in blocks("python"):
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            cwd=home,
            capture_output=True,
            text=True,
            env=os.environ | {"MPLBACKEND": "agg"},
        )
        assert result.returncode == 0, f"{page}:\n{text}\n{result.stderr}"
    for name in ("hits.png", "keywords.png"):
        assert (home / name).read_bytes().startswith(b"\x89PNG")


def test_every_block_for_a_served_library_runs(home: Path) -> None:
    found = blocks("py")
    assert found
    with serving("--db", "my-library", "--port", "0", "--sql-port", "0", cwd=home) as server:
        for page, text in found:
            assert "8123" in text
            result = subprocess.run(
                [sys.executable, "-W", "error", "-c", text.replace("8123", str(server.sql_port))],
                cwd=home,
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, f"{page}:\n{text}\n{result.stderr}"
            assert result.stdout.strip()


def test_the_toml_example_is_valid(tmp_path: Path) -> None:
    for _, text in blocks("toml"):
        (tmp_path / "vistazo.toml").write_text(text)
        assert Settings.load(environ={}, folder=tmp_path).max_pixels == 50_000_000


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `VISTAZO_\w+` \| ([^|]+) \|", page, re.M))
    assert rows.keys() == {item.name for item in dataclasses.fields(Settings)}
    for item in dataclasses.fields(Settings):
        assert f"`VISTAZO_{item.name.upper()}`" in page
        if item.default != "":  # described in words
            default = "false" if item.default is False else item.default
            assert rows[item.name] == f"`{default}`"


def test_every_error_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, errors.VistazoError):
            assert f"| `{name}` | `{value.code}` |" in page, name


def test_every_cause_of_failure_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    codes = set(re.findall(r'code="([a-z-]+)"', source))
    codes |= set(re.findall(r'message, code = .*?, "([a-z-]+)"\n', source))
    assert len(codes) >= 10
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_every_field_of_filters_is_documented() -> None:
    page = (ROOT / "docs" / "filters.md").read_text()
    assert {name for name in FIELDS if f"`{name}`" not in page} == set()


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_pages_of_commands_are_as_the_program_says(request: pytest.FixtureRequest) -> None:
    groups = {group.name or "": group.typer_instance for group in app.registered_groups}
    names = sorted([*(command.name or "" for command in app.registered_commands), *groups])
    pages: list[list[str]] = [[]]
    for name in names:
        pages.append([name])
        for command in groups[name].registered_commands if name in groups else []:
            assert command.callback is not None
            pages.append([name, command.name or command.callback.__name__])
    text = "# Commands\n\nMade from `--help`; a test keeps it so.\n"
    with in_one_process(ROOT) as run_there:
        for page in pages:
            shown = run_there(*page, "--help").stdout.rstrip()
            text += f"\n## {' '.join(['vistazo', *page])}\n\n```text\n{shown}\n```\n"
    if request.config.getoption("--update-golden"):
        COMMANDS.write_text(text)
    assert COMMANDS.read_text() == text

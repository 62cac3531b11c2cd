"""The notebooks run from a fresh kernel, and hold what the script that writes them says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
# The kernel is another process over sockets; its libraries' warnings are not ours.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "tools" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["notebooks"] = module
    spec.loader.exec_module(module)
    return module


def texts(book: Any, kind: str) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == kind]


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_is_committed_is_what_the_script_says(script: Any, language: str) -> None:
    book = nbformat.read(ROOT / "examples" / script.NAMES[language], as_version=4)
    fresh = script.notebook(language)
    assert [cell.source for cell in book.cells] == [cell.source for cell in fresh.cells]


def test_the_twins_share_their_code_and_not_their_words(script: Any) -> None:
    english, spanish = script.notebook("en"), script.notebook("es")
    assert texts(english, "code") == texts(spanish, "code")
    assert not set(texts(english, "markdown")) & set(texts(spanish, "markdown"))


def test_it_runs_from_raw_files_to_the_keywords(script: Any, tmp_path: Path) -> None:
    done = script.execute(script.notebook("en"), tmp_path)
    printed, pictures = "", 0
    for cell in done.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            printed += output.get("text", "")
            pictures += "image/png" in output.get("data", {})
    assert "395 photos, 0 failed" in printed
    assert "[{'photos': 395, 'conversions': 8989}]" in printed
    assert "DTYoZZCM3tx: 400 downloads" in printed
    assert (
        "   226  forest\n    90  stream\n    49  running\n    18  rocks\n     7  arroyo\n"
        in printed
    )
    assert pictures == 6

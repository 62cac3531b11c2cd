"""The house has floors: arrows run downwards only, and siblings do not import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vistazo

SRC = Path(vistazo.__file__).parent
# From the bottom up; names on one floor are siblings.
FLOORS = [
    {"errors", "arrays", "downloads", "wishes"},
    {"asking"},
    {"records", "config"},
    {"encoders", "sources", "store", "display"},
    {"search", "ingest", "analytics"},
    {"datasets", "evaluation"},
    {"facade"},  # the shape of both on the next floor, by types alone
    {"vectors", "browsing"},  # parts of the library
    {"library", "remote"},
    {"opening"},  # chooses between the two, which do not know each other
    {"web", "sqlserver"},
    {"cli"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
# What `import vistazo` must not load.
HEAVY = (
    *("onnxruntime", "torch", "ray", "matplotlib", "huggingface_hub", "datasets"),
    *("fastapi", "starlette", "uvicorn"),
)
MODULES = sorted(path for path in SRC.rglob("*.py") if path != SRC / "__init__.py")


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    """Every vistazo module a file imports, also inside functions and for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names}
            found.add(module)
    return {name for name in found if name.split(".")[0] == "vistazo"}


def test_every_part_has_a_floor() -> None:
    parts = {path.relative_to(SRC).parts[0].removesuffix(".py") for path in MODULES}
    assert parts <= FLOOR.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_arrows_run_downwards(path: Path) -> None:
    own = path.relative_to(SRC).parts[0].removesuffix(".py")
    for module in imports(path):
        other = part(module)
        if other not in FLOOR or other == own:
            continue  # names of the package itself, such as __version__
        assert FLOOR[other] < FLOOR[own], f"{own} imports {module}"


def test_no_drawers() -> None:
    drawers = {"utils", "helpers", "common"}
    assert not [path for path in SRC.rglob("*") if path.stem in drawers]


def test_no_module_is_longer_than_400_lines() -> None:
    long = {str(path): len(path.read_text().splitlines()) for path in SRC.rglob("*.py")}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


# What a command that a server answers must not load either.
UNNEEDED = ("numpy", "pyarrow", "PIL", "chdb", "clickhouse_connect", "httpx", "rich")

# What indexing or loading needs, and a search from the shell would wait for.
NOT_FOR_SEARCHING = ("PIL", "pyarrow.parquet", "vistazo.ingest.pipeline", "vistazo.datasets.build")


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("vistazo", HEAVY + UNNEEDED),
        ("vistazo.library", HEAVY + NOT_FOR_SEARCHING),
        ("vistazo.opening", HEAVY + UNNEEDED),
        ("vistazo.remote.library", HEAVY + UNNEEDED),
        ("vistazo.cli.main", HEAVY + UNNEEDED),
    ],
)
def test_importing_loads_nothing_heavy(module: str, unwanted: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    names = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {name for name in names if name in unwanted or name.split(".")[0] in unwanted}

"""The text of every vector statement, one file each; `--update-golden` writes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vistazo.store.dialects.base import Dialect
from vistazo.store.dialects.chdb import Chdb

HERE = Path(__file__).parent
DIALECTS: dict[str, Dialect] = {"chdb": Chdb()}
WHERE = "(width > {w0:Float64} OR camera = {w1:String})"

STATEMENTS: dict[str, Callable[[Dialect], str | tuple[str, ...]]] = {
    "functions": lambda dialect: dialect.functions(),
    "exact_knn": lambda dialect: dialect.exact_knn(""),
    "exact_knn_where": lambda dialect: dialect.exact_knn(WHERE),
    "candidates": lambda dialect: dialect.candidates(),
    "indexed_knn": lambda dialect: with_settings(dialect, dialect.indexed_knn("")),
    "indexed_knn_where": lambda dialect: with_settings(dialect, dialect.indexed_knn(WHERE)),
    "add_index": lambda dialect: dialect.add_index(512),
    "build_index": lambda dialect: dialect.build_index(),
    "drop_index": lambda dialect: dialect.drop_index(),
    "index_status": lambda dialect: dialect.index_status(),
    "deleted_rows": lambda dialect: dialect.deleted_rows(),
}
# Methods of a dialect that are no statements.
OTHERS = {"indexed_settings"}


def with_settings(dialect: Dialect, sql: str) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in dialect.indexed_settings().items())
    return f"{sql}\nSETTINGS {given}"


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_text(dialect: str, name: str, request: pytest.FixtureRequest) -> None:
    said = STATEMENTS[name](DIALECTS[dialect])
    text = ";\n".join((said,) if isinstance(said, str) else said) + "\n"
    golden = HERE / dialect / f"{name}.sql"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing: run with --update-golden and review it"
    assert text == golden.read_text(encoding="utf-8")


def test_every_statement_of_the_dialects_is_here() -> None:
    methods = {name for name, value in vars(Dialect).items() if callable(value) and name[0] != "_"}
    golden = {name.removesuffix("_where") for name in STATEMENTS}
    assert methods - OTHERS == golden


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_golden_file_is_left_over(dialect: str) -> None:
    assert {path.stem for path in (HERE / dialect).iterdir()} == set(STATEMENTS)

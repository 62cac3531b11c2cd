"""The text of every statement that differs between engines, one file each.

`--update-golden` writes them anew. No ClickHouse cluster and no MyScale has ever run the files of
`cluster`, `myscale` and `myscale_cluster`; the engine's own parser has accepted them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from vistazo.store import lease, schema
from vistazo.store.connect import Connection
from vistazo.store.dialects.base import Dialect
from vistazo.store.dialects.chdb import Chdb
from vistazo.store.dialects.clickhouse import ClickHouse
from vistazo.store.dialects.cluster import Cluster
from vistazo.store.dialects.myscale import MyScale

HERE = Path(__file__).parent
# What a server of some years ago knows of the settings that tables are made with.
OLD = frozenset(
    {"index_granularity", "min_compress_block_size", "max_compress_block_size"}
    | {"fsync_after_insert", "fsync_part_directory"}
    | {"non_replicated_deduplication_window", "replicated_deduplication_window"}
)
CLUSTER = Cluster("many", "photos")
DIALECTS: dict[str, Dialect] = {
    "chdb": Chdb(),
    "clickhouse": ClickHouse(),
    "cluster": ClickHouse(CLUSTER),
    "myscale": MyScale(table_settings=OLD),
    "myscale_cluster": MyScale(CLUSTER, OLD),
}
WHERE = "(width > {w0:Float64} OR camera = {w1:String})"


def definitions() -> tuple[str, ...]:
    """What makes the tables: the migrations, and what is made when it is first needed."""
    made = (schema._MIGRATIONS, *itertools.chain.from_iterable(schema.MIGRATIONS))
    on_demand = (lease.TABLE, schema.KEPT_VECTORS, schema.REPLACED_ENCODERS)
    return (*map(schema._repeatable, made), *on_demand)


STATEMENTS: dict[str, Callable[[Dialect], str | tuple[str, ...]]] = {
    "ddl": lambda dialect: tuple(
        made for statement in definitions() for made in dialect.ddl(statement)
    ),
    "functions": lambda dialect: dialect.functions(),
    "alter": lambda dialect: dialect.alter(
        "photos", "ADD CONSTRAINT vector_len CHECK length(photo_embed) = 512"
    ),
    "delete": lambda dialect: dialect.delete("photos", "photo_id IN {listed:Array(String)}"),
    "truncate": lambda dialect: dialect.truncate("encoders"),
    "compact": lambda dialect: dialect.compact("photos"),
    "twin": lambda dialect: dialect.twin("photos", "photos_next"),
    "exchange": lambda dialect: dialect.exchange("photos", "photos_next"),
    "drop": lambda dialect: dialect.drop("photos_next"),
    "vector_indices": lambda dialect: dialect.vector_indices("photos_next"),
    "comment": lambda dialect: dialect.comment("photos"),
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
    "session": lambda dialect: tuple(
        f"SET {name} = {value!r}" for name, value in dialect.session().items()
    ),
}
# Methods of a dialect that are no statements.
OTHERS = {"indexed_settings"}
# MyScale's own syntax, and what stands for it when ClickHouse's parser is asked.
MYSCALES_OWN = {"ADD VECTOR INDEX": "ADD INDEX", "DROP VECTOR INDEX": "DROP INDEX"}


def statements(dialect: Dialect, name: str) -> tuple[str, ...]:
    said = STATEMENTS[name](dialect)
    return (said,) if isinstance(said, str) else said


def with_settings(dialect: Dialect, sql: str) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in dialect.indexed_settings().items())
    return f"{sql}\nSETTINGS {given}" if given else sql


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_text(dialect: str, name: str, request: pytest.FixtureRequest) -> None:
    text = ";\n".join(statements(DIALECTS[dialect], name)) + "\n"
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


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_engines_parser_accepts_it(dialect: str, name: str, connection: Connection) -> None:
    for statement in statements(DIALECTS[dialect], name):
        for own, instead in MYSCALES_OWN.items():
            statement = statement.replace(own, instead) if "myscale" in dialect else statement
        parsed = connection.value("SELECT formatQuerySingleLine({sql:String})", {"sql": statement})
        assert parsed.split()[0] == statement.split()[0]


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if "cluster" in name])
def test_on_a_cluster_changes_go_to_the_local_tables_of_every_server(dialect: str) -> None:
    for name in (
        "ddl",
        "alter",
        "delete",
        "truncate",
        "compact",
        "add_index",
        "drop_index",
        "twin",
        "exchange",
        "drop",
    ):
        for statement in statements(DIALECTS[dialect], name):
            assert "ON CLUSTER 'many'" in statement
            plain = "= Distributed(" in statement or re.match(
                r"ALTER TABLE \w+ .*ADD COLUMN|DROP TABLE", statement
            )
            assert plain or "_local" in statement
            assert "currentDatabase" not in statement


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_older_server_is_asked_for_nothing_it_lacks(dialect: str) -> None:
    ddl = "\n".join(statements(DIALECTS[dialect], "ddl"))
    assert ("enable_block_number_column" in ddl) is ("myscale" not in dialect)


def test_the_settings_of_a_session_are_the_engines(connection: Connection) -> None:
    for dialect in DIALECTS.values():
        for name in dialect.session().keys() - {"enable_brute_force_vector_search"}:
            assert connection.value(
                "SELECT count() FROM system.settings WHERE name = {name:String}", {"name": name}
            ), name

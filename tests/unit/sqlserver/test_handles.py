"""What the engine itself refuses a reader, whatever was let through before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vistazo.errors import StoreError
from vistazo.sqlserver.engine.handles import Handle


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("engine")
    first = Handle(folder, readonly=False, settings={})
    first.query("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", "Null")
    yield folder
    first.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t SELECT 1 SETTINGS readonly = 0",
        "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "DROP TABLE t",
        "ALTER TABLE t DELETE WHERE 1",
        "SET readonly = 0",
        "SET readonly = 1",
    ],
)
def test_a_reader_writes_nothing(store: Path, sql: str) -> None:
    reader = Handle(store, readonly=True, settings={})
    try:
        with pytest.raises(StoreError, match="readonly") as info:
            reader.query(sql, "Null")
        assert info.value.engine_code == 164
        with pytest.raises(StoreError):
            reader.begin_insert("INSERT INTO t", "TSV", {})
        assert reader.query("SELECT count() FROM t", "TSV").bytes() == b"0\n"
    finally:
        reader.close()


def test_handles_are_apart(store: Path) -> None:
    one = Handle(store, readonly=False, settings={"max_block_size": "7"})
    other = Handle(store, readonly=False, settings={})
    try:
        one.query("CREATE TEMPORARY TABLE mine (a UInt8)", "Null")
        assert one.query("SELECT getSetting('max_block_size')", "TSV").bytes() == b"7\n"
        assert other.query("SELECT getSetting('max_block_size')", "TSV").bytes() != b"7\n"
        with pytest.raises(StoreError) as info:
            other.query("SELECT * FROM mine", "TSV")
        assert info.value.engine_code == 60
    finally:
        one.close()
        other.close()

"""Keywords, collections and colors: loaded as conversions are, each into its own table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vistazo.analytics.load import load_conversions, load_table, load_tables, repair_loads
from vistazo.analytics.tables import COLLECTIONS, COLORS, KEYWORDS
from vistazo.errors import SourceError
from vistazo.sources.base import SideFile
from vistazo.store.connect import Connection

KEYWORD_LINES = (
    "photo_id\tkeyword\tai_service_1_confidence\tai_service_2_confidence\tsuggested_by_user\n"
    "a\tsea\t99.5\t\tf\n"
    "a\tsky\tnan\t1e2\tt\n"
    "b\tsea\t?\t7\tTRUE\n"
)


def count(connection: Connection, table: str) -> int:
    return int(connection.value(f"SELECT count() FROM {table}"))


def test_numbers_and_flags(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "keywords.tsv000"
    path.write_text(KEYWORD_LINES)
    assert load_table(connection, KEYWORDS, path).rows == 3
    assert connection.rows(
        "SELECT photo_id, keyword, ai_service_1_confidence AS one, ai_service_2_confidence AS two,"
        " suggested_by_user AS user FROM keywords ORDER BY photo_id, keyword"
    ) == [
        {"photo_id": "a", "keyword": "sea", "one": 99.5, "two": None, "user": False},
        {"photo_id": "a", "keyword": "sky", "one": None, "two": 100.0, "user": True},
        {"photo_id": "b", "keyword": "sea", "one": None, "two": 7.0, "user": True},
    ]


@pytest.mark.parametrize("value", ["256", "-1", "1.5", "red", ""])
def test_a_byte_that_is_none_is_null(connection: Connection, tmp_path: Path, value: str) -> None:
    path = tmp_path / "colors.tsv000"
    path.write_text(f"photo_id\thex\tred\tgreen\na\tFF0000\t{value}\t255\nb\t00FF00\t0\t12\n")
    assert load_table(connection, COLORS, path).rows == 2
    rows = connection.rows("SELECT red, green, blue, coverage FROM colors ORDER BY photo_id")
    assert rows == [
        {"red": None, "green": 255, "blue": None, "coverage": None},
        {"red": 0, "green": 12, "blue": None, "coverage": None},
    ]


def test_from_parquet(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "colors.parquet"
    columns = {"id": [0], "photo_id": ["a"], "hex": ["FF0000"], "red": [255], "coverage": [0.5]}
    pq.write_table(pa.table(columns), path)
    load_table(connection, COLORS, path)
    assert connection.rows("SELECT photo_id, red, coverage FROM colors") == [
        {"photo_id": "a", "red": 255, "coverage": 0.5}
    ]
    pq.write_table(pa.table({**columns, "red": [[1, 2]], "coverage": ["0.25"]}), path)
    load_table(connection, COLORS, path)
    assert connection.rows("SELECT photo_id, red, coverage FROM colors") == [
        {"photo_id": "a", "red": None, "coverage": 0.25}
    ]


def test_one_content_in_two_tables(connection: Connection, tmp_path: Path) -> None:
    """A keywords file has all that a conversions file needs."""
    path = tmp_path / "keywords.tsv000"
    path.write_text(KEYWORD_LINES)
    assert load_conversions(connection, path).state == "loaded"
    assert load_table(connection, KEYWORDS, path).state == "loaded"
    for _ in range(2):
        assert load_conversions(connection, path).state == "unchanged"
        assert load_table(connection, KEYWORDS, path).state == "unchanged"
        repair_loads(connection)
        assert (count(connection, "keywords"), count(connection, "conversions")) == (3, 3)
    path.write_text(KEYWORD_LINES + "c\tsea\t1\t1\tf\n")
    assert load_table(connection, KEYWORDS, path).replaced == 3
    assert (count(connection, "keywords"), count(connection, "conversions")) == (4, 3)


def test_a_load_that_was_killed_is_taken_out(connection: Connection) -> None:
    connection.execute("INSERT INTO keywords (photo_id, keyword, load_id) SELECT 'a', 'b', 'dead'")
    connection.execute("INSERT INTO keywords (photo_id, keyword) SELECT 'a', 'mine'")
    repair_loads(connection)
    assert connection.rows("SELECT keyword FROM keywords") == [{"keyword": "mine"}]


def test_a_bad_file_among_good_ones(connection: Connection, tmp_path: Path) -> None:
    files = {
        "collections": "photo_id\tcollection_title\na\tx\n",
        "keywords": KEYWORD_LINES,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="has no column collection_id; a collections file names"):
        load_tables(connection, {name: [SideFile(tmp_path / name)] for name in files})
    assert (count(connection, "keywords"), count(connection, "collections")) == (3, 0)
    (tmp_path / "collections").write_text("photo_id,collection_id\na,7\n")
    load_table(connection, COLLECTIONS, tmp_path / "collections")
    assert count(connection, "collections") == 1

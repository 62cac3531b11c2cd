from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vistazo.analytics.load import repair_loads
from vistazo.errors import InvalidSQL, LibraryNewer
from vistazo.records import EncoderSpec, Photo
from vistazo.store import schema
from vistazo.store.connect import Connection, connect, disconnect, parse
from vistazo.store.schema import MIGRATIONS, ON_DEMAND, OWN_TABLES, migrate
from vistazo.store.store import NewPhoto, Store

TABLES = {
    "photos": "MergeTree",
    "thumbnails": "MergeTree",
    "conversions": "MergeTree",
    "loads": "MergeTree",
    "keywords": "MergeTree",
    "collections": "MergeTree",
    "colors": "MergeTree",
    "failures": "MergeTree",
    "runs": "MergeTree",
    "encoders": "MergeTree",
    "migrations": "MergeTree",
    "vector_indices": "MergeTree",
    "changes": "SummingMergeTree",
    "photos_changed": "MaterializedView",
}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Connection]:
    """An engine without tables."""
    address = parse(tmp_path / "library")
    yield connect(address, create=True, wait_s=0)
    disconnect(address)


def tables(connection: Connection) -> dict[str, str]:
    rows = connection.rows("SELECT name, engine FROM system.tables WHERE database = 'default'")
    return {row["name"]: row["engine"] for row in rows}


def state(connection: Connection) -> list[dict[str, Any]]:
    found = connection.rows("SELECT name, create_table_query FROM system.tables"
                            " WHERE database = 'default' ORDER BY name")  # fmt: skip
    return found + connection.rows("SELECT * FROM migrations ORDER BY version")


def versions(connection: Connection) -> list[int]:
    rows = connection.rows("SELECT version FROM migrations ORDER BY version")
    return [row["version"] for row in rows]


def functions(connection: Connection) -> list[dict[str, Any]]:
    return connection.rows("SELECT name FROM system.functions WHERE origin = 'SQLUserDefined'")


def put(connection: Connection, ids: str = "abc") -> None:
    """Photos whose vectors turn away from the first one's, with 4, 3, ... downloads."""
    store = Store(connection)
    store.record_encoder(EncoderSpec("some", 2, "beef"))
    angles = [0.0, 0.5, 1.0, 2.0][: len(ids)]
    store.replace(
        [
            NewPhoto(
                Photo(key, f"https://example.org/{key}.jpg", 1, 1),
                np.array([np.cos(angle), np.sin(angle)], "f4"),
                b"",
            )
            for key, angle in zip(ids, angles, strict=True)
        ]
    )


def test_migrating_makes_every_table(fresh: Connection) -> None:
    assert tables(fresh) == {}
    migrate(fresh)
    assert tables(fresh) == TABLES
    assert versions(fresh) == list(range(1, len(MIGRATIONS) + 1))
    assert functions(fresh) == [{"name": "distance"}]


def test_migrating_again_changes_nothing(fresh: Connection) -> None:
    migrate(fresh)
    put(fresh)
    before = state(fresh)
    migrate(fresh)
    assert state(fresh) == before
    assert Store(fresh).count() == 3


def test_tables_and_functions_survive_reopening(tmp_path: Path) -> None:
    address = parse(tmp_path / "library")
    migrate(connect(address, create=True, wait_s=0))
    disconnect(address)
    again = connect(address, create=False, wait_s=0)
    assert tables(again) == TABLES
    assert functions(again) == [{"name": "distance"}]
    disconnect(address)


@pytest.mark.parametrize(
    "cut",
    [
        lambda c: c.execute("TRUNCATE TABLE migrations"),
        lambda c: c.execute("DROP TABLE migrations"),
        lambda c: (
            c.execute("TRUNCATE TABLE migrations"),
            c.execute("DROP VIEW photos_changed"),
            c.execute("DROP TABLE changes"),
        ),
        lambda c: (
            c.execute("TRUNCATE TABLE migrations"),
            c.execute("DROP FUNCTION distance"),
        ),
        lambda c: (c.execute("TRUNCATE TABLE migrations"), c.execute("DROP TABLE thumbnails")),
    ],
    ids=["no row", "no table", "half of the tables", "no function", "a table"],
)
def test_a_migration_cut_short_is_finished(
    fresh: Connection, cut: Callable[[Connection], object]
) -> None:
    migrate(fresh)
    put(fresh)
    cut(fresh)
    migrate(fresh)
    assert tables(fresh) == TABLES
    assert functions(fresh) == [{"name": "distance"}]
    assert versions(fresh) == list(range(1, len(MIGRATIONS) + 1))
    store = Store(fresh)
    assert sorted(store.get(list("abc"))) == ["a", "b", "c"]
    before = store.version()
    put(fresh, "d")
    assert store.version() == before + 1


def test_every_statement_may_be_the_last_before_the_cut(fresh: Connection) -> None:
    """Each prefix of each migration, then the whole."""

    class Cut(Exception):
        pass

    class Stopping:
        dialect = fresh.dialect

        def __init__(self, after: int) -> None:
            self.left = after

        def execute(self, *arguments: Any) -> None:
            if self.left == 0:
                raise Cut
            self.left -= 1
            fresh.execute(*arguments)

        def value(self, *arguments: Any) -> Any:
            return fresh.value(*arguments)

    for after in (0, 1):  # around the table of migrations, which is made once
        with pytest.raises(Cut):
            migrate(Stopping(after))  # type: ignore[arg-type]
    for migration in MIGRATIONS:
        statements = len(migration) + len(fresh.dialect.functions()) + 1
        for after in range(statements):
            with pytest.raises(Cut):
                migrate(Stopping(after))  # type: ignore[arg-type]
        with contextlib.suppress(Cut):  # the next migration has not begun
            migrate(Stopping(statements))  # type: ignore[arg-type]
    assert versions(fresh) == list(range(1, len(MIGRATIONS) + 1))
    assert tables(fresh) == TABLES
    migrate(fresh)


def test_a_library_of_version_1_is_brought_up_to_date(
    fresh: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("vistazo.store.schema.MIGRATIONS", MIGRATIONS[:1])
        migrate(fresh)
    assert fresh.value("SELECT max(version) FROM migrations") == 1
    assert not {"keywords", "collections", "colors"} & tables(fresh).keys()
    put(fresh)
    fresh.execute(
        "INSERT INTO conversions (id, photo_id, keyword, load_id) SELECT 1, 'a', 'bee', 'l1'"
    )
    fresh.execute(
        "INSERT INTO loads (load_id, file, digest, rows) SELECT 'l1', 'file:///x.tsv', 'd1', 1"
    )
    migrate(fresh)
    assert tables(fresh) == TABLES
    assert [row["version"] for row in fresh.rows("SELECT * FROM migrations ORDER BY version")] == [
        number + 1 for number in range(len(MIGRATIONS))
    ]
    assert Store(fresh).count() == 3
    (load,) = fresh.rows("SELECT load_id, subject, file, digest, rows FROM loads")
    assert load == {
        "load_id": "l1",
        "subject": "conversions",
        "file": "file:///x.tsv",
        "digest": "d1",
        "rows": 1,
    }
    repair_loads(fresh)
    assert fresh.rows("SELECT keyword, load_id FROM conversions") == [
        {"keyword": "bee", "load_id": "l1"}
    ]


def test_conversions_of_an_older_library_get_their_pairs(
    fresh: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
    migrate(fresh)
    rows = "SELECT 'a', ['x', 'y', ''][number % 3 + 1] FROM numbers(9)"
    fresh.execute(f"INSERT INTO conversions (photo_id, keyword) {rows}")
    monkeypatch.undo()
    migrate(fresh)
    fresh.execute("INSERT INTO conversions (photo_id, keyword) SELECT 'a', 'x'")
    found = fresh.rows(
        "SELECT keyword, uniqExact(pair) AS pairs, any(pair) = 0 AS none, count() AS n"
        " FROM conversions GROUP BY keyword ORDER BY keyword"
    )
    assert found == [
        {"keyword": "", "pairs": 1, "none": True, "n": 3},
        {"keyword": "x", "pairs": 1, "none": False, "n": 4},
        {"keyword": "y", "pairs": 1, "none": False, "n": 3},
    ]


def test_a_newer_library_is_left_alone(fresh: Connection) -> None:
    migrate(fresh)
    fresh.execute("INSERT INTO migrations (version) SELECT 999")
    before = state(fresh)
    with pytest.raises(LibraryNewer) as caught:
        migrate(fresh)
    assert str(caught.value) == (
        f"the library has format 999 and this vistazo knows up to {len(MIGRATIONS)}."
        " Run: pip install --upgrade vistazo"
    )
    assert state(fresh) == before


# What the walk-through's SQL needs


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "photos",
            {
                "id": "UInt64",
                "photo_id": "String",
                "photo_image_url": "String",
                "photo_embed": "Array(Float32)",
            },
        ),
        ("conversions", {"id": "UInt64", "photo_id": "String", "keyword": "String"}),
    ],
)
def test_the_walk_throughs_columns(fresh: Connection, table: str, columns: dict[str, str]) -> None:
    migrate(fresh)
    rows = fresh.rows(
        "SELECT name, type FROM system.columns WHERE database = 'default' AND table = {t:String}",
        {"t": table},
    )
    found = {row["name"]: row["type"] for row in rows}
    assert {name: found[name] for name in columns} == columns


def test_ids_are_numbers_of_their_own(fresh: Connection) -> None:
    migrate(fresh)
    put(fresh)
    numbers = [row["id"] for row in fresh.rows("SELECT id FROM photos")]
    assert len(set(numbers)) == 3
    put(fresh, "a")
    assert fresh.value("SELECT id FROM photos WHERE photo_id = 'a'") in numbers


def test_the_constraint_on_the_vectors_length(fresh: Connection) -> None:
    migrate(fresh)
    assert "vector_len" not in fresh.value("SHOW CREATE TABLE photos")
    for dim in (512, 2):
        Store(fresh).record_encoder(EncoderSpec("some", dim, "beef"))
        shown = fresh.value("SHOW CREATE TABLE photos")
        assert f"CONSTRAINT vector_len CHECK length(photo_embed) = {dim}\n" in shown + "\n"
    with pytest.raises(InvalidSQL, match="vector_len"):
        fresh.execute("INSERT INTO photos (photo_id, photo_embed) SELECT 'a', [1, 0, 0]")
    fresh.execute("INSERT INTO photos (photo_id, photo_embed) SELECT 'a', [1, 0]")
    assert Store(fresh).count() == 1


def test_the_walk_throughs_queries(fresh: Connection) -> None:
    migrate(fresh)
    put(fresh, "abcd")
    log = {"a": ["bee"] * 2 + ["honey"], "b": ["sea"], "c": ["bee"] * 4, "d": ["x"] * 9}
    for photo_id, keywords in log.items():
        for keyword in keywords:
            fresh.execute(
                "INSERT INTO conversions (photo_id, keyword) SELECT {p:String}, {k:String}",
                {"p": photo_id, "k": keyword},
            )
    chosen = fresh.rows("SELECT * FROM photos ORDER BY rand() LIMIT 1")[0]
    assert chosen["photo_id"] in log
    vector = "[1.0, 0.0]"
    assert fresh.rows(f"""
        SELECT photo_id, photo_image_url, distance(photo_embed, {vector}) as dist
        FROM default.photos
        WHERE photo_id != 'a'
        ORDER BY dist
        LIMIT 2
        """) == [
        {
            "photo_id": key,
            "photo_image_url": f"https://example.org/{key}.jpg",
            "dist": pytest.approx(1 - np.cos(angle), abs=1e-6),
        }
        for key, angle in (("b", 0.5), ("c", 1.0))
    ]
    counts = fresh.rows(f"""
        SELECT photo_id, count(*) as count
        FROM default.conversions
        JOIN (
            SELECT photo_id, distance(photo_embed, {vector}) as dist
            FROM default.photos
            ORDER BY dist ASC
            LIMIT 3
            ) AS target_photos
        ON default.conversions.photo_id = target_photos.photo_id
        GROUP BY photo_id
        ORDER BY count DESC
        """)
    assert counts == [
        {"photo_id": "c", "count": 4},
        {"photo_id": "a", "count": 3},
        {"photo_id": "b", "count": 1},
    ]
    assert fresh.rows("""
        SELECT keyword, count(*) as count
        FROM default.conversions
        WHERE photo_id='a'
        GROUP BY keyword
        ORDER BY count DESC
        LIMIT 5
        """) == [{"keyword": "bee", "count": 2}, {"keyword": "honey", "count": 1}]


def test_the_own_tables_are_all_there_are(fresh: Connection) -> None:
    migrate(fresh)
    assert tables(fresh).keys() == OWN_TABLES - ON_DEMAND

"""The tables, as numbered migrations; once released, a migration never changes."""

from __future__ import annotations

import re

from vistazo.errors import LibraryNewer, StoreError
from vistazo.store.connection import Connection

# Rows of photos are fetched by key, a few at a time: small granules and compression blocks make
# that 7 to 12 ms instead of 16 to 21 ms at a million rows. Inserts survive a power loss.
_BY_KEY = "min_compress_block_size = 16384, max_compress_block_size = 65536"
_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1"
# Rows can then be deleted by a small patch beside their part. Else a delete rewrites what it meets:
# two seconds instead of 0.03 at 20,000 photos with a vector index, and on a disk with less room
# than the largest part it waits for ever.
_PATCHED = "enable_block_number_column = 1, enable_block_offset_column = 1"

_FIRST = (
    f"""
    CREATE TABLE photos (
        id UInt64 DEFAULT sipHash64(photo_id),
        photo_id String,
        photo_image_url String,
        photo_embed Array(Float32) CODEC(NONE),
        file_stem String,
        content_hash String,
        size_bytes UInt64,
        width UInt32,
        height UInt32,
        format LowCardinality(String),
        taken_at Nullable(DateTime64(0, 'UTC')),
        camera LowCardinality(String),
        latitude Nullable(Float64),
        longitude Nullable(Float64),
        place String,
        photographer String,
        description String,
        attributes Map(LowCardinality(String), String),
        source LowCardinality(String),
        fingerprint String,
        added_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY photo_id
    SETTINGS index_granularity = 256, {_BY_KEY}, {_DURABLE}, {_PATCHED}
    """,
    f"""
    CREATE TABLE thumbnails (photo_id String, image String CODEC(NONE))
    ENGINE = MergeTree ORDER BY photo_id
    SETTINGS index_granularity = 32, {_BY_KEY}, {_DURABLE}, {_PATCHED}
    """,
    f"""
    CREATE TABLE conversions (
        id UInt64,
        photo_id String,
        keyword String,
        converted_at Nullable(DateTime64(3, 'UTC')),
        conversion_type LowCardinality(String),
        anonymous_user_id String,
        conversion_country LowCardinality(String),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, keyword)
    SETTINGS {_DURABLE}, {_PATCHED}
    """,
    # A file of conversions that has been loaded whole; `load_id` without a row here is a
    # load that was stopped, and is taken out before the next one.
    f"""
    CREATE TABLE loads (
        load_id String, file String, digest String, rows UInt64, rejected UInt64,
        loaded_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY load_id SETTINGS {_DURABLE}, {_PATCHED}
    """,
    f"""
    CREATE TABLE failures (
        url String, stage LowCardinality(String), code LowCardinality(String), message String,
        attempts UInt32, fingerprint String, source LowCardinality(String),
        failed_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY url SETTINGS {_DURABLE}, {_PATCHED}
    """,
    # One row when an ingest run starts and one when it ends; a start alone is a run that died.
    f"""
    CREATE TABLE runs (
        run_id String, event Enum8('started' = 1, 'ended' = 2), source String,
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY run_id SETTINGS {_DURABLE}, {_PATCHED}
    """,
    "CREATE TABLE encoders (name String, dim UInt32, checksum String)"
    " ENGINE = MergeTree ORDER BY name",
    # The version counter: the sum rises with every change of photos. The view sees inserts,
    # whoever makes them; whoever deletes adds a row.
    "CREATE TABLE changes (subject LowCardinality(String), n UInt64)"
    " ENGINE = SummingMergeTree ORDER BY subject",
    "CREATE MATERIALIZED VIEW photos_changed TO changes AS"
    " SELECT 'photos' AS subject, count() AS n FROM photos",
)

# What a data set such as Unsplash's brings beside photos and conversions.
_SECOND = (
    f"""
    CREATE TABLE keywords (
        photo_id String,
        keyword String,
        ai_service_1_confidence Nullable(Float64),
        ai_service_2_confidence Nullable(Float64),
        suggested_by_user Bool,
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, keyword) SETTINGS {_DURABLE}, {_PATCHED}
    """,
    f"""
    CREATE TABLE collections (
        photo_id String,
        collection_id String,
        collection_title String,
        photo_collected_at Nullable(DateTime64(3, 'UTC')),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, collection_id) SETTINGS {_DURABLE}, {_PATCHED}
    """,
    f"""
    CREATE TABLE colors (
        photo_id String,
        hex String,
        red Nullable(UInt8),
        green Nullable(UInt8),
        blue Nullable(UInt8),
        keyword LowCardinality(String),
        coverage Nullable(Float64),
        score Nullable(Float64),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, hex) SETTINGS {_DURABLE}, {_PATCHED}
    """,
    "ALTER TABLE loads ADD COLUMN IF NOT EXISTS"
    " subject LowCardinality(String) DEFAULT 'conversions' AFTER load_id",
)

# The pair (photo, keyword) of a conversion as one number, 0 without a keyword. The most frequent of
# two million pairs are found by it in a twentieth of the time that grouping two strings takes, for
# 7 % more time to load and 20 % more disk (bench/analytics.py). Where an older library's rows lack
# it, it is computed when it is read.
_PAIRS = (
    "ALTER TABLE conversions ADD COLUMN IF NOT EXISTS pair UInt64"
    " MATERIALIZED if(keyword = '', 0, cityHash64(photo_id, keyword))",
    "ALTER TABLE conversions MATERIALIZE COLUMN pair SETTINGS mutations_sync = 1",
)

_MIGRATIONS = (
    "CREATE TABLE migrations (version UInt32, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))"
    " ENGINE = MergeTree ORDER BY version"
)
_DENIED = 497  # ACCESS_DENIED

# What was said of a vector index in MyScale's SQL. `identity` is the name of the table's folder,
# which a rename keeps and a new table of the same name has not: whose row is stale shows by it.
_VECTOR_INDICES = (
    f"""
    CREATE TABLE vector_indices (
        identity String,
        name String,
        column String,
        type String,
        definition String,
        metric LowCardinality(String),
        dim UInt32,
        added_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY (identity, name) SETTINGS {_DURABLE}, {_PATCHED}
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _PAIRS, _VECTOR_INDICES)

# What `vistazo reembed` needs, made when it is first used: vectors of encoders that the library's
# own are not of, and which encoder was replaced when. `content` is what the vector was made of.
KEPT_VECTORS = f"""CREATE TABLE IF NOT EXISTS kept_vectors (
        photo_id String, encoder LowCardinality(String), content String,
        photo_embed Array(Float32) CODEC(NONE)
    ) ENGINE = MergeTree ORDER BY (photo_id, encoder) SETTINGS {_DURABLE}, {_PATCHED}"""
REPLACED_ENCODERS = f"""CREATE TABLE IF NOT EXISTS replaced_encoders (
        encoder String, at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY encoder SETTINGS {_DURABLE}"""
# `photos` with other vectors, until the two exchange their names.
TWIN = "photos_next"
ON_DEMAND = frozenset({"leases", "kept_vectors", "replaced_encoders", TWIN})

# Tables and views of the library's own.
OWN_TABLES = (
    frozenset(re.findall(r"CREATE (?:TABLE|MATERIALIZED VIEW) (\w+)", "".join(sum(MIGRATIONS, ()))))
    | {"migrations"}
    | ON_DEMAND
)


def migrate(connection: Connection) -> None:
    """Bring the tables to this version's state; a migration cut short is finished here.

    Raises:
        LibraryNewer: the tables were made by a newer vistazo.
    """
    dialect = connection.dialect
    # Whoever may only read can open a library that needs no migration.
    if not connection.value("EXISTS TABLE migrations"):
        for statement in dialect.ddl(_repeatable(_MIGRATIONS)):
            connection.execute(statement)
    version = connection.value("SELECT max(version) FROM migrations") or 0
    if version > len(MIGRATIONS):
        raise LibraryNewer(
            f"the library has format {version} and this vistazo knows up to {len(MIGRATIONS)}."
            " Run: pip install --upgrade vistazo"
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            for each in dialect.ddl(_repeatable(statement)):
                connection.execute(each)
        for statement in dialect.functions():
            _make_function(connection, statement)
        # Last, so that whatever was cut short before is done again.
        connection.execute(
            "INSERT INTO migrations (version) SELECT {version:UInt32}", {"version": number}
        )


def _make_function(connection: Connection, statement: str) -> None:
    try:
        connection.execute(statement)
    except StoreError as error:
        # On a server functions belong to all databases, and making one is a right of its own;
        # vistazo itself does without.
        if error.engine_code != _DENIED:
            raise


def _repeatable(statement: str) -> str:
    statement = statement.strip()
    for kind in ("CREATE TABLE", "CREATE MATERIALIZED VIEW"):
        if statement.startswith(kind + " "):
            return statement.replace(kind, kind + " IF NOT EXISTS", 1)
    return statement

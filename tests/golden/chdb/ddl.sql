CREATE TABLE IF NOT EXISTS migrations (version UInt32, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY version;
CREATE TABLE IF NOT EXISTS photos (
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
    SETTINGS index_granularity = 256, min_compress_block_size = 16384, max_compress_block_size = 65536, fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS thumbnails (photo_id String, image String CODEC(NONE))
    ENGINE = MergeTree ORDER BY photo_id
    SETTINGS index_granularity = 32, min_compress_block_size = 16384, max_compress_block_size = 65536, fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS conversions (
        id UInt64,
        photo_id String,
        keyword String,
        converted_at Nullable(DateTime64(3, 'UTC')),
        conversion_type LowCardinality(String),
        anonymous_user_id String,
        conversion_country LowCardinality(String),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, keyword)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS loads (
        load_id String, file String, digest String, rows UInt64, rejected UInt64,
        loaded_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY load_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS failures (
        url String, stage LowCardinality(String), code LowCardinality(String), message String,
        attempts UInt32, fingerprint String, source LowCardinality(String),
        failed_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY url SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS runs (
        run_id String, event Enum8('started' = 1, 'ended' = 2), source String,
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY run_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS encoders (name String, dim UInt32, checksum String) ENGINE = MergeTree ORDER BY name;
CREATE TABLE IF NOT EXISTS changes (subject LowCardinality(String), n UInt64) ENGINE = SummingMergeTree ORDER BY subject;
CREATE MATERIALIZED VIEW IF NOT EXISTS photos_changed TO changes AS SELECT 'photos' AS subject, count() AS n FROM photos;
CREATE TABLE IF NOT EXISTS keywords (
        photo_id String,
        keyword String,
        ai_service_1_confidence Nullable(Float64),
        ai_service_2_confidence Nullable(Float64),
        suggested_by_user Bool,
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, keyword) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS collections (
        photo_id String,
        collection_id String,
        collection_title String,
        photo_collected_at Nullable(DateTime64(3, 'UTC')),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, collection_id) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS colors (
        photo_id String,
        hex String,
        red Nullable(UInt8),
        green Nullable(UInt8),
        blue Nullable(UInt8),
        keyword LowCardinality(String),
        coverage Nullable(Float64),
        score Nullable(Float64),
        load_id LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (photo_id, hex) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
ALTER TABLE loads ADD COLUMN IF NOT EXISTS subject LowCardinality(String) DEFAULT 'conversions' AFTER load_id;
ALTER TABLE conversions ADD COLUMN IF NOT EXISTS pair UInt64 MATERIALIZED if(keyword = '', 0, cityHash64(photo_id, keyword));
ALTER TABLE conversions MATERIALIZE COLUMN pair SETTINGS mutations_sync = 1;
CREATE TABLE IF NOT EXISTS vector_indices (
        identity String,
        name String,
        column String,
        type String,
        definition String,
        metric LowCardinality(String),
        dim UInt32,
        added_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY (identity, name) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS leases (
        holder String, purpose String, event Enum8('held' = 1, 'released' = 2),
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY holder TTL toDateTime(at) + INTERVAL 1 DAY;
CREATE TABLE IF NOT EXISTS kept_vectors (
        photo_id String, encoder LowCardinality(String), content String,
        photo_embed Array(Float32) CODEC(NONE)
    ) ENGINE = MergeTree ORDER BY (photo_id, encoder) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, enable_block_number_column = 1, enable_block_offset_column = 1;
CREATE TABLE IF NOT EXISTS replaced_encoders (
        encoder String, at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY encoder SETTINGS fsync_after_insert = 1, fsync_part_directory = 1

CREATE TABLE IF NOT EXISTS migrations_local ON CLUSTER 'many' (version UInt32, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplicatedMergeTree ORDER BY version;
CREATE TABLE IF NOT EXISTS migrations ON CLUSTER 'many' AS photos.migrations_local ENGINE = Distributed('many', 'photos', 'migrations_local', sipHash64(version));
CREATE TABLE IF NOT EXISTS photos_local ON CLUSTER 'many' (
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
    ) ENGINE = ReplicatedMergeTree ORDER BY photo_id SETTINGS index_granularity = 256, min_compress_block_size = 16384, max_compress_block_size = 65536, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS photos ON CLUSTER 'many' AS photos.photos_local ENGINE = Distributed('many', 'photos', 'photos_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS thumbnails_local ON CLUSTER 'many' (photo_id String, image String CODEC(NONE))
    ENGINE = ReplicatedMergeTree ORDER BY photo_id SETTINGS index_granularity = 32, min_compress_block_size = 16384, max_compress_block_size = 65536, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS thumbnails ON CLUSTER 'many' AS photos.thumbnails_local ENGINE = Distributed('many', 'photos', 'thumbnails_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS conversions_local ON CLUSTER 'many' (
        id UInt64,
        photo_id String,
        keyword String,
        converted_at Nullable(DateTime64(3, 'UTC')),
        conversion_type LowCardinality(String),
        anonymous_user_id String,
        conversion_country LowCardinality(String),
        load_id LowCardinality(String)
    ) ENGINE = ReplicatedMergeTree ORDER BY (photo_id, keyword) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS conversions ON CLUSTER 'many' AS photos.conversions_local ENGINE = Distributed('many', 'photos', 'conversions_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS loads_local ON CLUSTER 'many' (
        load_id String, file String, digest String, rows UInt64, rejected UInt64,
        loaded_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY load_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS loads ON CLUSTER 'many' AS photos.loads_local ENGINE = Distributed('many', 'photos', 'loads_local', sipHash64(load_id));
CREATE TABLE IF NOT EXISTS failures_local ON CLUSTER 'many' (
        url String, stage LowCardinality(String), code LowCardinality(String), message String,
        attempts UInt32, fingerprint String, source LowCardinality(String),
        failed_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY url SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS failures ON CLUSTER 'many' AS photos.failures_local ENGINE = Distributed('many', 'photos', 'failures_local', sipHash64(url));
CREATE TABLE IF NOT EXISTS runs_local ON CLUSTER 'many' (
        run_id String, event Enum8('started' = 1, 'ended' = 2), source String,
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY run_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS runs ON CLUSTER 'many' AS photos.runs_local ENGINE = Distributed('many', 'photos', 'runs_local', sipHash64(run_id));
CREATE TABLE IF NOT EXISTS encoders_local ON CLUSTER 'many' (name String, dim UInt32, checksum String) ENGINE = ReplicatedMergeTree ORDER BY name;
CREATE TABLE IF NOT EXISTS encoders ON CLUSTER 'many' AS photos.encoders_local ENGINE = Distributed('many', 'photos', 'encoders_local', sipHash64(name));
CREATE TABLE IF NOT EXISTS changes_local ON CLUSTER 'many' (subject LowCardinality(String), n UInt64) ENGINE = ReplicatedSummingMergeTree ORDER BY subject SETTINGS replicated_deduplication_window = 0;
CREATE TABLE IF NOT EXISTS changes ON CLUSTER 'many' AS photos.changes_local ENGINE = Distributed('many', 'photos', 'changes_local', sipHash64(subject));
CREATE MATERIALIZED VIEW IF NOT EXISTS photos_changed ON CLUSTER 'many' TO changes_local AS SELECT 'photos' AS subject, count() AS n FROM photos_local;
CREATE TABLE IF NOT EXISTS keywords_local ON CLUSTER 'many' (
        photo_id String,
        keyword String,
        ai_service_1_confidence Nullable(Float64),
        ai_service_2_confidence Nullable(Float64),
        suggested_by_user Bool,
        load_id LowCardinality(String)
    ) ENGINE = ReplicatedMergeTree ORDER BY (photo_id, keyword) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS keywords ON CLUSTER 'many' AS photos.keywords_local ENGINE = Distributed('many', 'photos', 'keywords_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS collections_local ON CLUSTER 'many' (
        photo_id String,
        collection_id String,
        collection_title String,
        photo_collected_at Nullable(DateTime64(3, 'UTC')),
        load_id LowCardinality(String)
    ) ENGINE = ReplicatedMergeTree ORDER BY (photo_id, collection_id) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS collections ON CLUSTER 'many' AS photos.collections_local ENGINE = Distributed('many', 'photos', 'collections_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS colors_local ON CLUSTER 'many' (
        photo_id String,
        hex String,
        red Nullable(UInt8),
        green Nullable(UInt8),
        blue Nullable(UInt8),
        keyword LowCardinality(String),
        coverage Nullable(Float64),
        score Nullable(Float64),
        load_id LowCardinality(String)
    ) ENGINE = ReplicatedMergeTree ORDER BY (photo_id, hex) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS colors ON CLUSTER 'many' AS photos.colors_local ENGINE = Distributed('many', 'photos', 'colors_local', sipHash64(photo_id));
ALTER TABLE loads_local ON CLUSTER 'many' ADD COLUMN IF NOT EXISTS subject LowCardinality(String) DEFAULT 'conversions' AFTER load_id;
ALTER TABLE loads ON CLUSTER 'many' ADD COLUMN IF NOT EXISTS subject LowCardinality(String) DEFAULT 'conversions' AFTER load_id;
ALTER TABLE conversions_local ON CLUSTER 'many' ADD COLUMN IF NOT EXISTS pair UInt64 MATERIALIZED if(keyword = '', 0, cityHash64(photo_id, keyword));
ALTER TABLE conversions ON CLUSTER 'many' ADD COLUMN IF NOT EXISTS pair UInt64 MATERIALIZED if(keyword = '', 0, cityHash64(photo_id, keyword));
ALTER TABLE conversions_local ON CLUSTER 'many' MATERIALIZE COLUMN pair SETTINGS mutations_sync = 1;
CREATE TABLE IF NOT EXISTS vector_indices_local ON CLUSTER 'many' (
        identity String,
        name String,
        column String,
        type String,
        definition String,
        metric LowCardinality(String),
        dim UInt32,
        added_at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY (identity, name) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS vector_indices ON CLUSTER 'many' AS photos.vector_indices_local ENGINE = Distributed('many', 'photos', 'vector_indices_local', sipHash64(identity));
CREATE TABLE IF NOT EXISTS leases_local ON CLUSTER 'many' (
        holder String, purpose String, event Enum8('held' = 1, 'released' = 2),
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY holder TTL toDateTime(at) + INTERVAL 1 DAY;
CREATE TABLE IF NOT EXISTS leases ON CLUSTER 'many' AS photos.leases_local ENGINE = Distributed('many', 'photos', 'leases_local', sipHash64(holder));
CREATE TABLE IF NOT EXISTS kept_vectors_local ON CLUSTER 'many' (
        photo_id String, encoder LowCardinality(String), content String,
        photo_embed Array(Float32) CODEC(NONE)
    ) ENGINE = ReplicatedMergeTree ORDER BY (photo_id, encoder) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS kept_vectors ON CLUSTER 'many' AS photos.kept_vectors_local ENGINE = Distributed('many', 'photos', 'kept_vectors_local', sipHash64(photo_id));
CREATE TABLE IF NOT EXISTS replaced_encoders_local ON CLUSTER 'many' (
        encoder String, at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplicatedMergeTree ORDER BY encoder SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS replaced_encoders ON CLUSTER 'many' AS photos.replaced_encoders_local ENGINE = Distributed('many', 'photos', 'replaced_encoders_local', sipHash64(encoder))

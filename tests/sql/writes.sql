CREATE TABLE t (id String, v Array(Float32), CONSTRAINT c CHECK length(v) = 3) ENGINE = MergeTree ORDER BY id
---
CREATE TABLE IF NOT EXISTS default.t2 (id UInt64, at DateTime64(3) DEFAULT now64(3) CODEC(Delta, ZSTD(1)), name LowCardinality(String) COMMENT 'x', n Nested(a UInt8, b String), d Decimal(10, 2), m Map(String, UInt8), e Enum8('a' = 1, 'b' = 2), len UInt64 MATERIALIZED length(name), up String ALIAS upper(name), INDEX i (id, name) TYPE minmax GRANULARITY 1, INDEX b name TYPE bloom_filter(0.01), INDEX k name TYPE ngrambf_v1(3, 256, 2, 0), PROJECTION p (SELECT name, count() GROUP BY name)) ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(at) PRIMARY KEY id ORDER BY (id, name) TTL toDateTime(at) + INTERVAL 1 MONTH SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 0
---
CREATE TABLE t3 (id String, v Array(Float32), INDEX i v TYPE vector_similarity('hnsw', 'cosineDistance', 3)) ENGINE = MergeTree ORDER BY id
---
CREATE OR REPLACE TABLE t4 (a UInt8) ENGINE = Memory
---
CREATE TABLE t5 ENGINE = MergeTree ORDER BY photo_id AS SELECT photo_id, width FROM photos
---
CREATE TABLE t6 AS t4
---
CREATE TABLE `odd name` (`a b` String, `file` String, `select` UInt8) ENGINE = Log
---
CREATE TABLE t7 (id UUID DEFAULT generateUUIDv4(), ip IPv4, a AggregateFunction(uniq, String), s SimpleAggregateFunction(sum, UInt64), t Tuple(x UInt8, y String), f FixedString(3), v Variant(String, UInt8), j JSON) ENGINE = AggregatingMergeTree ORDER BY id
---
CREATE VIEW big AS SELECT photo_id FROM photos WHERE width > 1000
---
CREATE OR REPLACE VIEW big AS SELECT photo_id, width FROM photos
---
CREATE VIEW wider AS SELECT photo_id FROM photos WHERE width > {least:UInt32}
---
CREATE MATERIALIZED VIEW mv TO t8 AS SELECT a FROM t4
---
CREATE MATERIALIZED VIEW mv2 ENGINE = MergeTree ORDER BY a POPULATE AS SELECT a FROM t4
---
CREATE FUNCTION doubled AS (x) -> x * 2
---
CREATE OR REPLACE FUNCTION doubled AS x -> x + x
---
DROP FUNCTION IF EXISTS doubled
---
INSERT INTO t VALUES ('a', [1, 2, 3])
---
INSERT INTO t (id, v) VALUES ('a', [1.5, -2, 3e-4]), ('it''s', []), ('b\'c', NULL)
---
INSERT INTO t (id) VALUES (concat('a', 'b')), (toString(now()))
---
INSERT INTO t FORMAT JSONEachRow {"id": "a", "v": [1, 2, 3]}
---
INSERT INTO default.t (id, v) FORMAT Native
---
INSERT INTO t (id) SETTINGS async_insert = 1, wait_for_async_insert = 1 FORMAT CSV
---
INSERT INTO `t` SELECT photo_id, photo_embed FROM photos
---
INSERT INTO TABLE t SELECT photo_id, photo_embed FROM photos LIMIT 3
---
INSERT INTO t (* EXCEPT (v)) SELECT photo_id FROM photos
---
WITH 'x' AS x INSERT INTO t (id) SELECT x
---
INSERT INTO photos (photo_id, photo_embed) VALUES ('x', [1, 2])
---
INSERT INTO conversions (id, photo_id) SELECT 1, 'a'
---
INSERT INTO keywords FORMAT JSONEachRow
---
DELETE FROM t WHERE id = 'a'
---
DELETE FROM photos WHERE photo_id IN (SELECT photo_id FROM conversions)
---
ALTER TABLE t ADD COLUMN a UInt8 DEFAULT length(id) AFTER id, DROP COLUMN IF EXISTS b
---
ALTER TABLE t MODIFY COLUMN a UInt16 CODEC(ZSTD(3))
---
ALTER TABLE t RENAME COLUMN a TO b
---
ALTER TABLE t COMMENT COLUMN a 'text'
---
ALTER TABLE t ADD INDEX i (id, a) TYPE set(100) GRANULARITY 2
---
ALTER TABLE t ADD INDEX IF NOT EXISTS vi v TYPE vector_similarity('hnsw', 'L2Distance', 3, 'bf16', 32, 128)
---
ALTER TABLE t MATERIALIZE INDEX vi SETTINGS mutations_sync = 0
---
ALTER TABLE t DROP INDEX vi
---
ALTER TABLE t ADD CONSTRAINT vector_len CHECK length(v) = 3
---
ALTER TABLE t DROP CONSTRAINT vector_len
---
ALTER TABLE t ADD PROJECTION p (SELECT id ORDER BY a)
---
ALTER TABLE t UPDATE a = 1, id = upper(id) WHERE a = 2
---
ALTER TABLE t DELETE WHERE a = 2
---
ALTER TABLE t MODIFY TTL toDate(at) + INTERVAL 1 DAY
---
ALTER TABLE t MODIFY SETTING merge_with_ttl_timeout = 100
---
ALTER TABLE t RESET SETTING merge_with_ttl_timeout
---
ALTER TABLE t MODIFY COMMENT 'mine'
---
ALTER TABLE t DROP PARTITION 202001
---
ALTER TABLE t MODIFY ORDER BY (id, a)
---
UPDATE t SET a = a + 1 WHERE id = 'x'
---
TRUNCATE TABLE IF EXISTS t
---
TRUNCATE t
---
OPTIMIZE TABLE t FINAL
---
OPTIMIZE TABLE t FINAL DEDUPLICATE
---
RENAME TABLE t TO u
---
RENAME TABLE a TO b, c TO d
---
EXCHANGE TABLES a AND b
---
DROP TABLE IF EXISTS t SYNC
---
DROP TABLE a, b
---
DROP VIEW big
---
INSERT INTO t (`id`, `v`) VALUES

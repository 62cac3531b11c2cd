-- CREATE TABLE IF NOT EXISTS made (VECTOR INDEX i v TYPE FLAT, v Array(Float32), CONSTRAINT a CHECK length(v) = 4 AND v[1] > 0) ENGINE = MergeTree ORDER BY tuple()
CREATE TABLE IF NOT EXISTS made ( v Array(Float32), CONSTRAINT a CHECK length(v) = 4 AND v[1] > 0) ENGINE = MergeTree ORDER BY tuple();
-- mutations_sync = 0

-- CREATE TABLE made (id UInt64, v Array(Float32), VECTOR INDEX i v TYPE MSTG('metric_type=Cosine'), w Array(Float32), VECTOR INDEX j w TYPE FLAT, CONSTRAINT a CHECK length(v) = 4, CONSTRAINT b CHECK 8 = length(w)) ORDER BY id
CREATE TABLE made (id UInt64, v Array(Float32), INDEX `i` `v` TYPE vector_similarity('hnsw', 'cosineDistance', 4), w Array(Float32), CONSTRAINT a CHECK length(v) = 4, CONSTRAINT b CHECK 8 = length(w)) ORDER BY id;
-- mutations_sync = 0

-- ALTER TABLE plain ADD VECTOR INDEX i v TYPE HNSWFLAT('m=16','ef_c=200','ef_s=64')
ALTER TABLE `default`.`plain` ADD INDEX `i` `v` TYPE vector_similarity('hnsw', 'L2Distance', 4, 'bf16', 16, 200); -- ours
ALTER TABLE `default`.`plain` MATERIALIZE INDEX `i`; -- ours
-- mutations_sync = 0

-- ALTER TABLE plain ADD VECTOR INDEX i v TYPE MSTG
ALTER TABLE `default`.`plain` ADD INDEX `i` `v` TYPE vector_similarity('hnsw', 'L2Distance', 4); -- ours
ALTER TABLE `default`.`plain` MATERIALIZE INDEX `i`; -- ours
-- mutations_sync = 0

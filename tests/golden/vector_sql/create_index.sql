-- CREATE VECTOR INDEX i ON plain v TYPE IVFPQ('M=2', 'nprobe=3')
ALTER TABLE `default`.`plain` ADD INDEX `i` `v` TYPE vector_similarity('hnsw', 'L2Distance', 4); -- ours
ALTER TABLE `default`.`plain` MATERIALIZE INDEX `i`; -- ours
-- mutations_sync = 0

-- ALTER TABLE plain ADD COLUMN n Int8, ADD VECTOR INDEX i v TYPE SCANN, MODIFY COMMENT 'ADD VECTOR INDEX j v TYPE MSTG'
ALTER TABLE `default`.`plain` ADD COLUMN n Int8, ADD INDEX `i` `v` TYPE vector_similarity('hnsw', 'L2Distance', 4), MODIFY COMMENT 'ADD VECTOR INDEX j v TYPE MSTG';
ALTER TABLE `default`.`plain` MATERIALIZE INDEX `i`; -- ours
-- mutations_sync = 0

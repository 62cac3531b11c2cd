-- alter table default.plain
-- add vector index if not exists i v
-- type mstg
-- ('metric_type=Cosine', 'alpha=2')
ALTER TABLE `default`.`plain` ADD INDEX `i` `v` TYPE vector_similarity('hnsw', 'cosineDistance', 4); -- ours
ALTER TABLE `default`.`plain` MATERIALIZE INDEX `i`; -- ours
-- mutations_sync = 0

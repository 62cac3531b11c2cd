-- ALTER TABLE plain ADD VECTOR INDEX i v TYPE FLAT('metric_type=IP');
ALTER TABLE `default`.`plain` DROP INDEX IF EXISTS `i`; -- ours
-- mutations_sync = 0

-- ALTER TABLE squared DROP VECTOR INDEX i
KILL MUTATION WHERE database = 'default' AND table = 'squared' AND extract(command, 'MATERIALIZE INDEX `?([^`),]+)') = 'i' AND NOT is_done SYNC; -- ours
ALTER TABLE `default`.`squared` DROP INDEX IF EXISTS `i`; -- ours
-- mutations_sync = 0

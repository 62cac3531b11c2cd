-- ALTER TABLE plain DROP VECTOR INDEX IF EXISTS `i'j`
KILL MUTATION WHERE database = 'default' AND table = 'plain' AND extract(command, 'MATERIALIZE INDEX `?([^`),]+)') = 'i\'j' AND NOT is_done SYNC; -- ours
ALTER TABLE `default`.`plain` DROP INDEX IF EXISTS `i'j`; -- ours
-- mutations_sync = 0

SET materialize_skip_indexes_on_insert = 0;
SET lightweight_delete_mode = 'lightweight_update';
SET mutations_sync = 2;
SET lightweight_deletes_sync = 2;
SET alter_sync = 2;
SET replication_alter_partitions_sync = 2;
SET async_insert = 0;
SET insert_deduplicate = 0

KILL MUTATION ON CLUSTER 'many' WHERE database = 'photos' AND table = 'photos_local' AND command LIKE '%MATERIALIZE INDEX photo_embed_index%' AND NOT is_done SYNC;
ALTER TABLE photos_local ON CLUSTER 'many' DROP INDEX IF EXISTS photo_embed_index

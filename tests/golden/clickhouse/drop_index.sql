KILL MUTATION WHERE database = currentDatabase() AND table = 'photos' AND command LIKE '%MATERIALIZE INDEX photo_embed_index%' AND NOT is_done SYNC;
ALTER TABLE photos DROP INDEX IF EXISTS photo_embed_index

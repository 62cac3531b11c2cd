ALTER TABLE photos_local ON CLUSTER 'many' DROP VECTOR INDEX IF EXISTS photo_embed_index

ALTER TABLE photos_local ON CLUSTER 'many' MATERIALIZE INDEX photo_embed_index SETTINGS mutations_sync = 0

ALTER TABLE photos MATERIALIZE INDEX photo_embed_index SETTINGS mutations_sync = 0

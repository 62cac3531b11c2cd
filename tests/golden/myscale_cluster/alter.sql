ALTER TABLE photos_local ON CLUSTER 'many' ADD CONSTRAINT vector_len CHECK length(photo_embed) = 512

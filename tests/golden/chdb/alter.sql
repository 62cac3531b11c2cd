ALTER TABLE photos ADD CONSTRAINT vector_len CHECK length(photo_embed) = 512

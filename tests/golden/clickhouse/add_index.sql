ALTER TABLE photos ADD INDEX IF NOT EXISTS photo_embed_index photo_embed TYPE vector_similarity('hnsw', 'cosineDistance', 512)

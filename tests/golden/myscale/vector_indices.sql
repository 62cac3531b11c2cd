SELECT DISTINCT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'photos_next' AND startsWith(type, 'vector_similarity')

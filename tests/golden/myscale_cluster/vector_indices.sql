SELECT DISTINCT name FROM clusterAllReplicas('many', system.data_skipping_indices) WHERE database = 'photos' AND table = 'photos_next_local' AND startsWith(type, 'vector_similarity')

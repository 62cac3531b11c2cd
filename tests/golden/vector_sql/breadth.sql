-- SELECT id, distance('alpha=4')(v, [0.5, -1, 2.0, 1e-3]) AS d FROM product ORDER BY d DESC LIMIT 5
SELECT id, dotProduct(v, [0.5, -1, 2.0, 1e-3]::Array(Float32)) AS d FROM product ORDER BY d DESC LIMIT 5;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000
-- hnsw_candidate_list_size_for_search = 512

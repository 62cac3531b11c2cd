-- SELECT id, distance(v, [0.5, -1, 2.0, 1e-3]) AS d FROM plain ORDER BY d LIMIT 5
SELECT id, cosineDistance(v, [0.5, -1, 2.0, 1e-3]::Array(Float32)) AS d FROM plain ORDER BY d LIMIT 5;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

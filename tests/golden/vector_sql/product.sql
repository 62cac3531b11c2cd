-- SELECT id, distance(v, {q:Array(Float32)}) d FROM product ORDER BY d DESC LIMIT 5
SELECT id, dotProduct(v, {q:Array(Float32)}) d FROM product ORDER BY d DESC LIMIT 5;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

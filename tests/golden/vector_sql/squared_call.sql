-- SELECT id FROM squared ORDER BY distance(v, [0.5, -1, 2.0, 1e-3]) LIMIT 5 OFFSET 5
SELECT id FROM squared ORDER BY L2Distance(v, [0.5, -1, 2.0, 1e-3]::Array(Float32)) LIMIT 5 OFFSET 5;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

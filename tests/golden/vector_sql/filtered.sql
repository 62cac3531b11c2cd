-- WITH [0.5, -1, 2.0, 1e-3] AS q SELECT id, distance(v, q) AS d FROM squared PREWHERE id > 7 WHERE d < 9 ORDER BY d LIMIT 5 FORMAT JSON
WITH [0.5, -1, 2.0, 1e-3] AS q SELECT id, L2SquaredDistance(v, q) AS d FROM squared WHERE ( id > 7 ) AND ( d < 9) ORDER BY L2Distance(v, q) LIMIT 5 FORMAT JSON;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000
-- query_plan_try_use_vector_search = 0
-- faster if these count enough:
SELECT count() FROM (WITH [0.5, -1, 2.0, 1e-3] AS q SELECT id, L2SquaredDistance(v, q) AS d FROM squared WHERE ( id > 7 ) AND ( d < 9) ORDER BY L2Distance(v, q) LIMIT 5); -- 5
-- vector_search_with_rescoring = 0
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000
-- and then:
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

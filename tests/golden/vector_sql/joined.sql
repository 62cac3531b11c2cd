-- SELECT p.id, count(*) AS n FROM product AS p JOIN (SELECT id, distance(v, [0.5, -1, 2.0, 1e-3]) AS dist FROM default.squared ORDER BY dist LIMIT 3) AS k ON p.id = k.id GROUP BY p.id ORDER BY n DESC
SELECT p.id, count(*) AS n FROM product AS p JOIN (SELECT id, L2SquaredDistance(v, [0.5, -1, 2.0, 1e-3]::Array(Float32)) AS dist FROM default.squared ORDER BY L2Distance(v, [0.5, -1, 2.0, 1e-3]::Array(Float32)) LIMIT 3) AS k ON p.id = k.id GROUP BY p.id ORDER BY n DESC;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

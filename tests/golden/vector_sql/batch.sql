-- SELECT id, batch_distance(v, [[0.5, -1, 2.0, 1e-3], [0.5, -1, 2.0, 1e-3]]) AS d FROM squared ORDER BY d.1, d.2 LIMIT 5 BY d.1
SELECT id, arrayJoin(arrayMap((_n3, _q3) -> (toUInt32(_n3 - 1), toFloat32(L2SquaredDistance(v, _q3))), arrayEnumerate(CAST([[0.5, -1, 2.0, 1e-3], [0.5, -1, 2.0, 1e-3]], 'Array(Array(Float32))') AS _queries3), _queries3)) AS d FROM squared ORDER BY d.1, d.2 LIMIT 5 BY d.1;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000

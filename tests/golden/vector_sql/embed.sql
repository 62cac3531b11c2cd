-- SELECT id, distance(v, embed('a red car')) AS d FROM plain ORDER BY d LIMIT 5
SELECT id, cosineDistance(v, {_embed_0:Array(Float32)}) AS d FROM plain ORDER BY d LIMIT 5;
-- vector_search_with_rescoring = 1
-- vector_search_index_fetch_multiplier = 3
-- vector_search_filter_strategy = auto
-- max_limit_for_vector_search_queries = 10000
-- _embed_0: [1.0,0.0,0.5,-2.0]

SELECT photo_id, dotProduct(photo_embed, {q:Array(Float32)}) AS score FROM photos WHERE photo_id IN (SELECT photo_id FROM photos ORDER BY cosineDistance(photo_embed, {q:Array(Float32)}) LIMIT {candidates:UInt64}) AND ((width > {w0:Float64} OR camera = {w1:String})) ORDER BY score DESC, photo_id LIMIT {k:UInt64}
SETTINGS max_limit_for_vector_search_queries = 10000

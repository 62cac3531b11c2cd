SELECT photo_id, dotProduct(photo_embed, {q:Array(Float32)}) AS score FROM photos ORDER BY score DESC, photo_id LIMIT {k:UInt64}

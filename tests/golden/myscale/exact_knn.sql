SELECT photo_id, 1 - cosineDistance(photo_embed, {q:Array(Float32)}) AS score FROM photos ORDER BY score DESC, photo_id LIMIT {k:UInt64}

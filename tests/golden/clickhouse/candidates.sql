SELECT photo_id FROM photos ORDER BY cosineDistance(photo_embed, {q:Array(Float32)}) LIMIT {candidates:UInt64}

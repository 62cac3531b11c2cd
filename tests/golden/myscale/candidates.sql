SELECT photo_id FROM (SELECT photo_id, distance(photo_embed, {q:Array(Float32)}) AS dist FROM photos ORDER BY dist LIMIT {candidates:UInt64})

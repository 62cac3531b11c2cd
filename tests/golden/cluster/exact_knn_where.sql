SELECT photo_id, dotProduct(photo_embed, {q:Array(Float32)}) AS score FROM photos WHERE (width > {w0:Float64} OR camera = {w1:String}) ORDER BY score DESC, photo_id LIMIT {k:UInt64}

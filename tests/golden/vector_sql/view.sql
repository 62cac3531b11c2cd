-- CREATE VIEW seen AS SELECT id, distance(v, [0.5, -1, 2.0, 1e-3]) AS d FROM product ORDER BY d DESC LIMIT 5
CREATE VIEW seen AS SELECT id, identity(dotProduct(v, [0.5, -1, 2.0, 1e-3]::Array(Float32))) AS d FROM product ORDER BY d DESC LIMIT 5;

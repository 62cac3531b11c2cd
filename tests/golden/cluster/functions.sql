CREATE FUNCTION IF NOT EXISTS distance ON CLUSTER 'many' AS (a, b) -> cosineDistance(a, b)

CREATE FUNCTION IF NOT EXISTS distance AS (a, b) -> cosineDistance(a, b)

SELECT format, count(), avg(width) FROM photos GROUP BY format
---
SELECT photo_id, distance(photo_embed, [1.0, 2.0]) AS d FROM photos ORDER BY d LIMIT 3
---
SELECT keyword, count() AS n FROM conversions WHERE photo_id = {id:String} GROUP BY keyword ORDER BY n DESC LIMIT 5
---
SELECT version(), timezone()
---
SELECT name, value, readonly FROM system.settings WHERE name IN ('max_threads', 'readonly')
---
SELECT name, value, changed, description, type, readonly AS readonly FROM system.settings LIMIT 10000
---
SELECT currentDatabase()
---
SELECT 1
---
SELECT 1 FORMAT JSON
---
SELECT 1;
---
select 1 as `a b`, 'x' "c d" -- comment
---
SHOW TABLES
---
SHOW TABLES FROM system LIKE 'set%'
---
SHOW DATABASES
---
SHOW CREATE TABLE photos
---
SHOW FULL COLUMNS FROM photos
---
SHOW FUNCTIONS LIKE 'array%'
---
SHOW ENGINES
---
DESCRIBE TABLE photos
---
DESC photos
---
DESCRIBE (SELECT 1 AS a)
---
EXISTS TABLE photos
---
EXISTS photos
---
EXPLAIN SELECT * FROM photos WHERE photo_id = 'x'
---
EXPLAIN indexes = 1, json = 1 SELECT photo_id FROM photos WHERE photo_id = 'a'
---
EXPLAIN SYNTAX SELECT 1
---
EXPLAIN QUERY TREE SELECT 1
---
EXPLAIN PIPELINE SELECT count() FROM photos
---
EXPLAIN AST SELECT 1
---
EXPLAIN ESTIMATE SELECT count() FROM photos
---
USE default
---
SET max_threads = 1
---
SET output_format_json_quote_64bit_integers = 0, join_use_nulls = 1
---
SELECT database, name, engine FROM system.tables WHERE database = 'default' ORDER BY name
---
SELECT name, type, default_kind, default_expression, comment FROM system.columns WHERE database = 'default' AND table = 'photos'
---
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'default' LIMIT 3
---
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES LIMIT 3
---
SELECT name, alias_to FROM system.functions ORDER BY name LIMIT 3
---
SELECT name, case_insensitive FROM system.data_type_families LIMIT 5
---
SELECT toStartOfInterval(added_at, INTERVAL 1 hour) AS time, count() AS n FROM photos WHERE added_at >= toDateTime('2020-01-01') GROUP BY time ORDER BY time
---
SELECT toStartOfInterval(toDateTime64(added_at, 3), INTERVAL 86400 second) AS time, count(*) FROM photos WHERE (added_at >= fromUnixTimestamp64Milli(1577836800000)) AND (added_at <= fromUnixTimestamp64Milli(1900000000000)) GROUP BY time
---
SELECT "photos"."format" AS "format", COUNT(*) AS "count" FROM "default"."photos" GROUP BY "photos"."format" ORDER BY "count" DESC LIMIT 1000
---
SELECT `default`.`photos`.`format` AS `format`, count(*) AS `count` FROM `default`.`photos` GROUP BY `default`.`photos`.`format` ORDER BY `format` ASC
---
WITH t AS (SELECT photo_id, width * height AS pixels FROM photos) SELECT avg(pixels) FROM t
---
WITH 5 AS k SELECT number FROM numbers(10) WHERE number < k
---
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r
---
WITH t(a, b) AS (SELECT 1, 2) SELECT a + b FROM t
---
WITH (x -> x + 1) AS plus_one SELECT plus_one(2)
---
WITH (x, y) -> x + y AS added SELECT added(1, 2), arrayMap(added, [1], [2])
---
SELECT row_number() OVER (PARTITION BY format ORDER BY width DESC) AS n FROM photos QUALIFY n = 1
---
SELECT sum(number) OVER w FROM numbers(3) WINDOW w AS (ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
---
SELECT lagInFrame(number, 1, 0) OVER (ORDER BY number), first_value(number) OVER (), dense_rank() OVER (ORDER BY number) FROM numbers(3)
---
SELECT a FROM (SELECT [1, 2, 3] AS arr) ARRAY JOIN arr AS a
---
SELECT photo_id, k FROM photos LEFT ARRAY JOIN mapKeys(attributes) AS k
---
SELECT arrayMap(x -> x * 2, [1, 2]), arrayFilter((x, y) -> x > y, [1, 2], [2, 1]), arrayFold((a, x) -> a + x, [1, 2], 0)
---
SELECT arrayMap(toString, [1, 2, 3])
---
SELECT arraySort(x -> -x, [3, 1, 2]), arrayReduce('sum', [1, 2]), arrayZip([1], ['a'])
---
SELECT format, source, count() FROM photos GROUP BY GROUPING SETS ((format), (source), ())
---
SELECT format, count() FROM photos GROUP BY format WITH TOTALS
---
SELECT format, count() FROM photos GROUP BY ROLLUP(format)
---
SELECT format, source, count() FROM photos GROUP BY CUBE(format, source)
---
SELECT now() - INTERVAL 1 DAY, today() + INTERVAL 2 MONTH, date_trunc('month', now())
---
SELECT CASE WHEN width > height THEN 'wide' WHEN width = height THEN 'square' ELSE 'tall' END AS shape, count() FROM photos GROUP BY shape
---
SELECT CASE format WHEN 'jpeg' THEN 1 ELSE 0 END FROM photos
---
SELECT EXTRACT(YEAR FROM added_at), TRIM(BOTH ' ' FROM camera), SUBSTRING(camera FROM 1 FOR 2), POSITION('a' IN camera) FROM photos
---
SELECT * EXCEPT (photo_embed) FROM photos LIMIT 1
---
SELECT * REPLACE (upper(format) AS format) FROM photos LIMIT 1
---
SELECT COLUMNS('^size|^width') FROM photos LIMIT 1
---
SELECT * APPLY(toString) FROM (SELECT 1 AS a, 2 AS b)
---
SELECT COLUMNS('a') APPLY(x -> x + 1) FROM (SELECT 1 AS a)
---
SELECT * APPLY(quantile(0.9)) FROM (SELECT number FROM numbers(10))
---
SELECT photos.* EXCEPT photo_embed FROM photos LIMIT 1
---
SELECT format, photo_id FROM photos ORDER BY format, width DESC LIMIT 2 BY format
---
SELECT photo_id FROM photos ORDER BY width LIMIT 3 WITH TIES
---
SELECT photo_id FROM photos PREWHERE width > 100 WHERE height > 10
---
SELECT photo_id FROM photos LIMIT 5, 10
---
SELECT photo_id FROM photos ORDER BY photo_id OFFSET 3 ROWS FETCH FIRST 5 ROWS ONLY
---
SELECT DISTINCT format FROM photos
---
SELECT DISTINCT ON (format) format, photo_id FROM photos
---
SELECT quantiles(0.5, 0.9)(width), quantileExact(0.5)(height), topK(3)(format) FROM photos
---
SELECT sumIf(width, height > 10), countIf(width > 10), uniqExactIf(photo_id, 1), avgOrNull(width), groupArrayArray([width]) FROM photos
---
SELECT uniqMerge(s) FROM (SELECT uniqState(photo_id) AS s FROM photos)
---
SELECT sumMap(map('a', 1)), argMax(photo_id, width), groupUniqArray(format), any(format) FROM photos
---
SELECT count(DISTINCT format), count(*), sum(ALL width) FROM photos
---
SELECT sum(width) FILTER (WHERE height > 10) FROM photos
---
SELECT 1::UInt8, '2020-01-01'::Date, [1, 2]::Array(Float32), CAST(1 AS Decimal(10, 2)), CAST('a', 'Enum8(\'a\' = 1)')
---
SELECT (1, 'a'), tuple(1, 2).1, (1, 2).2, map('k', 1)['k'], [1, 2, 3][2]
---
SELECT attributes['camera'], mapContains(attributes, 'x') FROM photos
---
SELECT '{"a": {"b": 1}}'::JSON AS j, j.a.b, j.a.b.:Int64
---
SELECT JSONExtractString('{"a":"b"}', 'a'), JSON_VALUE('{"a":1}', '$.a')
---
SELECT dateDiff('day', toDate('2020-01-01'), today()), formatDateTime(now(), '%Y-%m'), toYYYYMM(now())
---
SELECT a.photo_id, b.keyword FROM photos AS a INNER JOIN conversions AS b ON a.photo_id = b.photo_id
---
SELECT count() FROM photos AS p LEFT JOIN conversions AS c USING (photo_id)
---
SELECT count() FROM photos p, conversions c WHERE p.photo_id = c.photo_id
---
SELECT count() FROM photos ANY LEFT JOIN conversions ON photos.photo_id = conversions.photo_id
---
SELECT * FROM (SELECT 1 AS a, 2 AS t) AS x ASOF JOIN (SELECT 1 AS a, 1 AS t) AS y ON x.a = y.a AND x.t >= y.t
---
SELECT a.n, b.n FROM (SELECT number AS n FROM numbers(3)) a CROSS JOIN (SELECT number AS n FROM numbers(2)) b
---
SELECT photo_id FROM photos WHERE photo_id IN (SELECT photo_id FROM conversions)
---
SELECT photo_id FROM photos WHERE photo_id NOT IN ('a', 'b') AND width BETWEEN 1 AND 5 OR format LIKE '%e%' AND camera ILIKE 'x'
---
SELECT photo_id FROM photos WHERE photo_id GLOBAL IN (SELECT photo_id FROM conversions)
---
SELECT 1 WHERE EXISTS (SELECT 1 FROM photos)
---
SELECT photo_id FROM photos WHERE width > (SELECT avg(width) FROM photos)
---
SELECT 1 UNION ALL SELECT 2
---
(SELECT 1 AS a) UNION DISTINCT (SELECT 2 ORDER BY a LIMIT 1)
---
SELECT 1 INTERSECT SELECT 1
---
SELECT 1 EXCEPT SELECT 2
---
FROM photos SELECT photo_id LIMIT 1
---
SELECT * FROM numbers(3)
---
SELECT * FROM generateSeries(1, 5)
---
SELECT * FROM values('a UInt8, b String', (1, 'x'), (2, 'y'))
---
SELECT * FROM VALUES('a UInt8', 1, 2)
---
SELECT * FROM zeros(2), numbers_mt(1)
---
SELECT * FROM view(SELECT 1 AS a)
---
SELECT * FROM generateRandom('a UInt8') LIMIT 2
---
SELECT photo_id, width FROM photos SETTINGS max_threads = 1, max_execution_time = 5
---
SELECT photo_id FROM photos ORDER BY width SETTINGS use_skip_indexes = 0, final = 1
---
SELECT count() FROM photos SETTINGS force_data_skipping_indices = '' FORMAT JSONCompact
---
SELECT 'file(''/etc/passwd'')' AS text, 'url(' || 's3(' AS b
---
SELECT load_id, file, subject FROM loads
---
SELECT max(file) AS file FROM loads AS l WHERE l.file != ''
---
SELECT 1 AS file, 2 AS url, 3 AS s3, 4 AS settings, 5 AS format, 6 AS executable
---
SELECT file.1, url.a FROM (SELECT (1, 2) AS file, tuple(3)::Tuple(a UInt8) AS url)
---
SELECT number AS system FROM numbers(1) ORDER BY system WITH FILL FROM 0 TO 5 STEP 1
---
SELECT number FROM numbers(3) ORDER BY number DESC NULLS LAST
---
SELECT if(1, 2, 3), 1 ? 2 : 3, multiIf(1, 2, 3), coalesce(NULL, 1), NULL IS NULL, nullIf(1, 1), assumeNotNull(1)
---
SELECT NOT (1 AND 0) OR xor(1, 1), -1, 5 % 2, 5 DIV 2, 7 MOD 2, 1 <=> 2, 'a' || 'b'
---
SELECT cosineDistance(photo_embed, {q:Array(Float32)}) AS d FROM photos ORDER BY d LIMIT 10
---
SELECT L2Distance([1, 2], [3, 4]), dotProduct([1, 2], [3, 4]), L2Norm([1, 2])
---
SELECT $tag$heredoc 'text' file('x')$tag$
---
SELECT DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00', DATE_ADD(DAY, 1, today())
---
SELECT getSetting('max_threads'), currentUser(), user(), database()
---
SELECT @@version
---
SELECT throwIf(number = 9) FROM numbers(3)
---
SELECT any(format) IGNORE NULLS, first_value(format) RESPECT NULLS FROM photos
---
SELECT toFloat64OrNull('x'), toInt32OrZero('1'), parseDateTimeBestEffort('2020-01-01'), accurateCastOrNull(300, 'UInt8')
---
SELECT splitByChar(',', 'a,b'), match('a', 'b'), replaceRegexpAll('a', 'a', 'b'), extractAll('a1', '\\d'), lower('A'), LENGTH('a'), CONCAT('a', 'b')
---
SELECT geoDistance(1, 2, 3, 4), geohashEncode(1, 2), h3ToParent(1, 1) FROM numbers(0)
---
SELECT * FROM system.numbers LIMIT 3
---
SELECT partition, sum(rows), formatReadableSize(sum(bytes_on_disk)) FROM system.parts WHERE active AND table = 'photos' GROUP BY partition
---
SELECT table, name, type_full FROM system.data_skipping_indices
---
SELECT command, is_done FROM system.mutations
---
SELECT photo_id FROM photos SAMPLE 1 / 10 FORMAT Null SETTINGS max_threads = 2
---
SELECT x FROM (SELECT 1 AS x |> SELECT x + 1 AS x)
---
SELECT number, grouping(number) FROM numbers(2) GROUP BY number WITH ROLLUP
---
SELECT * FROM numbers(10) |> WHERE number > 5 |> SELECT number
---
SELECT a, b FROM (SELECT 1 AS a) AS t1 PASTE JOIN (SELECT 2 AS b) AS t2
---
SELECT groupConcat(',')(format) FROM photos
---
SELECT simpleLinearRegression(width, height), corr(width, height), stddevPop(width), varSamp(width) FROM photos
---
SELECT arrayJoin([1, 2]) AS a, a + 1
---
SELECT a.b FROM (SELECT tuple(1)::Tuple(b UInt8) AS a)
---
SELECT format('{} {}', 'a', toString(1)), format('{}', format) FROM photos
---
SELECT * FROM values('a Enum8(\'x\' = 1), b Decimal(10, 2), c Array(Tuple(x UInt8, y String))', ('x', 1, []))
---
SELECT * FROM values((1, 'a'), (2, 'b'))
---
SELECT * FROM values(1, 2)
---
SELECT * FROM generateRandom('a UInt8, b Nullable(String)', 1, 10) LIMIT 3
---
SELECT displayName(), version(), revision(), timezone()

-- INSERT INTO squared SELECT id, v FROM plain
INSERT INTO squared SELECT id, v FROM plain;
-- materialize_skip_indexes_on_insert = 1

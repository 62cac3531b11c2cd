"""The engine takes a name that it does not know for a file of the working directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connect import Connection


@pytest.fixture
def guard(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Guard]:
    monkeypatch.chdir(tmp_path)
    for name in ("README", "data.csv", "photos", "sub/inner.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("a\n1\n")
    Path("link").symlink_to("nowhere")
    return Guard.over(connection, Limits())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM README",
        "SELECT * FROM default.README",
        "SELECT * FROM `data.csv`",
        "SELECT * FROM `*.csv`",
        "SELECT * FROM `{README,x}`",
        "SELECT * FROM `READM?`",
        "SELECT * FROM link",
        "SELECT * FROM `sub/inner.csv`",
        "SELECT * FROM photos, README",
        "SELECT * FROM README AS limit, photos",
        "SELECT 1 FROM photos JOIN numbers(1) ON limit = 1, README",
        "SELECT 1 FROM photos AS a PASTE JOIN README",
        "SELECT * FROM photos ARRAY JOIN [1] AS x CROSS JOIN README",
        "SELECT * FROM photos AS offset, README",
        "SELECT * FROM photos SAMPLE 1 / 10 OFFSET 1 / 2, README",
        "SELECT * FROM photos FINAL, `sub/*`",
        "SELECT 1 FROM photos WHERE 1 UNION ALL SELECT 1 FROM photos, README",
        "WITH README AS (SELECT 1) SELECT * FROM (SELECT 1), README",
        "SELECT 1 IN README",
        "SELECT (1, 2) IN (README)",
        "SELECT in(1, (README))",
        "SELECT notIn(1, default.README)",
        "SELECT globalNullIn(1, README)",
        "SELECT arrayExists(x -> x IN README, [1])",
        "SELECT 1 IN (SELECT 1 FROM README)",
        "DESCRIBE README",
        "EXISTS README",
        "SHOW CREATE README",
        "CREATE TABLE t AS README",
        "CREATE TABLE README (a UInt8) ENGINE = Memory",
        "CREATE VIEW v AS SELECT * FROM README",
        "INSERT INTO README VALUES (1)",
        "INSERT INTO t SELECT * FROM README",
        "DROP TABLE README",
    ],
)
def test_it_is_not_read(guard: Guard, sql: str) -> None:
    with pytest.raises(InvalidSQL, match="not allowed here") as caught:
        guard.check(sql, may_write=True, settings={})
    assert caught.value.engine_code == 497


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT photo_id FROM photos",  # vistazo's own table, whatever files there are
        "SELECT photo_id FROM default.photos AS p, conversions AS c",
        "SELECT sum(width) / count(*) AS `sum(width)/count(*)` FROM photos",
        "SELECT 1 AS README, width AS `sub/other` FROM photos",
        "SELECT width AS `a/b*`, height AS `**/**` FROM photos GROUP BY `a/b*`, `**/**` LIMIT 1 BY 1, 2",
        "SELECT README, p.README FROM (SELECT 1 AS README) AS p",
        "SELECT * FROM sub",  # a folder is no table to the engine either
        "SELECT width IN (1, 2), height IN [3] FROM photos GROUP BY width, height",
    ],
)
def test_what_only_looks_like_it_passes(guard: Guard, sql: str) -> None:
    assert guard.check(sql, may_write=False, settings={}).kind == "select"

import pytest

from vistazo.sqlserver.http.heads import insert_head, without_format


@pytest.mark.parametrize(
    ("sql", "text", "fmt", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t FORMAT CSV", "CSV", b"1,2"),
        (b"insert into t (a, b) format Native \r\n\x00\xff", None, "Native", b"\x00\xff"),
        (b"INSERT INTO t FORMAT TSV  a\tb", None, "TSV", b"a\tb"),
        (b"INSERT INTO t FORMAT JSONEachRow{}", None, "JSONEachRow", b"{}"),
        (b"INSERT INTO t FORMAT CSV;\n1", None, "CSV", b"1"),
        (b"INSERT INTO t VALUES (1)", "INSERT INTO t FORMAT Values", "Values", b" (1)"),
        (b"INSERT INTO t(a)VALUES(1)", "INSERT INTO t(a) FORMAT Values", "Values", b"(1)"),
        (b"INSERT INTO t FORMAT values (1)", None, "Values", b"(1)"),
        (b"-- x\n/* FORMAT CSV */ INSERT INTO t FORMAT TSV\n1", None, "TSV", b"1"),
        (b"INSERT INTO `FORMAT x` FORMAT TSV\n1", None, "TSV", b"1"),
        (b"INSERT INTO values VALUES (1)", "INSERT INTO values FORMAT Values", "Values", b" (1)"),
        (b"INSERT INTO d.format FORMAT TSV\n1", None, "TSV", b"1"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT X' FORMAT TSV\n1", None, "TSV", b"1"),
        (b"INSERT INTO t FORMAT TSV\nSELECT 1", None, "TSV", b"SELECT 1"),
        (b"INSERT INTO t FORMAT TSV", None, "TSV", b""),
    ],
)
def test_an_insert_ends_where_its_data_begins(
    sql: bytes, text: str | None, fmt: str, data: bytes
) -> None:
    head = insert_head(sql)
    assert head is not None
    assert head.fmt == fmt
    assert sql[head.data_at :] == data
    if text is not None:
        assert head.text == text


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 'INSERT INTO t FORMAT CSV'",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH x AS (SELECT 1) SELECT 1",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"INSERT INTO t",
        b"",
    ],
)
def test_other_statements_have_no_data(sql: bytes) -> None:
    assert insert_head(sql) is None


@pytest.mark.parametrize(
    ("text", "rest", "fmt"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1", "JSON"),
        ("SELECT 1 FORMAT `Values`", "SELECT 1", "Values"),
        ("SELECT 1 FORMAT JSON SETTINGS a = 1", "SELECT 1 SETTINGS a = 1", "JSON"),
        ("SELECT ' FORMAT JSON'", "SELECT ' FORMAT JSON'", None),
        ("SELECT ' FORMAT JSON SETTINGS a'", "SELECT ' FORMAT JSON SETTINGS a'", None),
        ("SELECT 1 AS `x FORMAT JSON`", "SELECT 1 AS `x FORMAT JSON`", None),
        ("SELECT 1", "SELECT 1", None),
    ],
)
def test_the_format_is_taken_off(text: str, rest: str, fmt: str | None) -> None:
    assert without_format(text) == (rest, fmt)

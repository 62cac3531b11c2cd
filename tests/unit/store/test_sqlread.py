from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistazo.errors import InvalidSQL, StoreError
from vistazo.records import EncoderSpec, Float32Array, Photo
from vistazo.store.connect import Connection
from vistazo.store.sqlread import check_read_only, expand_embed, is_write
from vistazo.store.sqltext import decoded, tokens
from vistazo.store.store import NewPhoto, Store

EXPECTED = "embed() takes one text in quotes, as in embed('a red car')"
INDEXED = " SETTINGS force_data_skipping_indices = 'photo_embed_index'"


def embed(text: str) -> Float32Array:
    """A unit vector in the direction that the text's first letter names."""
    vector = np.zeros(4, dtype=np.float32)
    vector["abcd".index(text[0])] = 1
    return vector


def one(axis: int) -> list[float]:
    return [float(axis == n) for n in range(4)]


READING = [
    "SELECT 1",
    "select 1;",
    " -- INSERT\n SELECT 1 ; ; /* ; */ -- ;",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "((SELECT 1))",
    "WITH 1 AS x SELECT x",
    "WITH t AS (SELECT 1 AS insert) SELECT insert FROM t",
    "FROM photos SELECT photo_id",
    "SHOW TABLES",
    "DESCRIBE photos",
    "DESC photos",
    "EXISTS photos",
    "EXPLAIN SELECT 1",
    "EXPLAIN SYNTAX INSERT INTO photos SELECT 1",
    "SELECT ';' AS `;` FROM (SELECT $$;$$)",
    "SELECT 1 AS into, 2 AS outfile, 'INTO OUTFILE' -- INTO OUTFILE",
    "SELECT * FROM file('a.csv')",
]
WRITING = {
    "ALTER TABLE photos DELETE WHERE 1": "ALTER",
    "insert into photos select 1": "INSERT",
    "/* SELECT */ DROP TABLE photos": "DROP",
    "WITH 1 AS x INSERT INTO photos SELECT x": "INSERT INTO",
    "WITH 1 AS select, NOT select AS b INSERT /* */ INTO photos SELECT b": "INSERT INTO",
    "SELECT 1 INTO OUTFILE 'a'": "INTO OUTFILE",
    "(SELECT 1) INTO/**/outfile 'a'": "INTO OUTFILE",
    "EXPLAIN SELECT 1 INTO OUTFILE 'a'": "INTO OUTFILE",
    "SHOW TABLES INTO OUTFILE $$a$$": "INTO OUTFILE",
} | {
    f"{verb} x": verb
    for verb in [
        "CREATE",
        "DELETE",
        "UPDATE",
        "OPTIMIZE",
        "TRUNCATE",
        "RENAME",
        "SYSTEM",
        "SET",
        "USE",
        "ATTACH",
        "DETACH",
        "GRANT",
        "REVOKE",
        "KILL",
        "EXCHANGE",
        "UNDROP",
        "BACKUP",
        "RESTORE",
    ]
}
SEVERAL = [
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE photos",
    ";SELECT 1",
    "SELECT 1 -- a\n; DROP TABLE photos -- b",
    "SELECT '\\'; DROP TABLE photos --'; SELECT 1",
    "SHOW TABLES PARALLEL WITH DROP TABLE photos",
    "SELECT 1;\0SELECT 2",
]


@pytest.mark.parametrize("sql", READING)
def test_reading_statements_pass(sql: str) -> None:
    check_read_only(sql)
    assert not is_write(sql)


@pytest.mark.parametrize(("sql", "what"), WRITING.items())
def test_writing_statements_are_refused_and_known_as_such(sql: str, what: str) -> None:
    with pytest.raises(InvalidSQL) as caught:
        check_read_only(sql)
    assert str(caught.value) == (
        f"this statement writes ({what}); pass write=True, or on the command line --write, to"
        " allow it"
    )
    if what in ("SET", "USE"):  # refused at all: they change later queries of the connection
        with pytest.raises(InvalidSQL, match="put SETTINGS at the end"):
            is_write(sql)
    else:
        assert is_write(sql)


@pytest.mark.parametrize("check", [check_read_only, is_write])
@pytest.mark.parametrize("sql", SEVERAL)
def test_several_statements_are_refused(sql: str, check: object) -> None:
    assert callable(check)
    with pytest.raises(InvalidSQL, match=r"^one statement at a time$"):
        check(sql)


@pytest.mark.parametrize("check", [check_read_only, is_write])
@pytest.mark.parametrize("sql", ["", "  ", ";", " -- SELECT 1", "/* */ ;"])
def test_empty_text_is_refused(sql: str, check: object) -> None:
    assert callable(check)
    with pytest.raises(InvalidSQL, match=r"^the SQL is empty$"):
        check(sql)


@pytest.mark.parametrize("sql", ["SELEC 1", "1 + 1", "'SELECT' 1", "((", "\0"])
def test_what_begins_like_nothing_known_is_refused_and_counts_as_writing(sql: str) -> None:
    with pytest.raises(InvalidSQL, match=r"^the SQL begins with .* or EXISTS$") as caught:
        check_read_only(sql)
    assert str(caught.value).isprintable()
    assert is_write(sql)


@given(
    st.lists(
        st.sampled_from(
            [
                *"();'\"` \n",
                *["WITH", "SELECT", "INSERT", "INTO", "AS", "x", "1", "--", "/*", "*/", "OUTFILE"],
            ]
        )
    ).map(" ".join)
)
def test_any_text_is_judged_or_refused(sql: str) -> None:
    try:
        writing = is_write(sql)
    except InvalidSQL:
        with pytest.raises(InvalidSQL):
            check_read_only(sql)
        return
    if writing:
        with pytest.raises(InvalidSQL):
            check_read_only(sql)
    else:
        check_read_only(sql)


# embed()


@pytest.mark.parametrize(
    ("sql", "expanded", "values"),
    [
        ("SELECT embed('a')", "SELECT {_embed_0:Array(Float32)}", {"_embed_0": one(0)}),
        (
            "SELECT EMBED ( /* red */ 'a' -- car\n ), x",
            "SELECT {_embed_0:Array(Float32)}, x",
            {"_embed_0": one(0)},
        ),
        (
            "SELECT embed('a'), embed('b'), embed($$a$$)",
            "SELECT {_embed_0:Array(Float32)}, {_embed_1:Array(Float32)},"
            " {_embed_0:Array(Float32)}",
            {"_embed_0": one(0), "_embed_1": one(1)},
        ),
        (
            "SELECT {_embed_0:UInt8}, embed('c')",
            "SELECT {_embed_0:UInt8}, {_embed_1:Array(Float32)}",
            {"_embed_1": one(2)},
        ),
        ("SELECT embed, x.embed('a'), `embed`('a')", None, {}),
        ("SELECT 'embed(1)', \"embed(1)\" -- embed(1)", None, {}),
        ("WITH embed AS (SELECT 1) SELECT 2 AS embed FROM embed", None, {}),
        ("INSERT INTO embed (a) VALUES (1)", None, {}),
        ("CREATE TABLE IF NOT EXISTS embed (a UInt8)", None, {}),
        (
            "CREATE VIEW v AS SELECT embed('a') AS q",
            "CREATE VIEW v AS SELECT CAST([1.0, 0.0, 0.0, 0.0], 'Array(Float32)') AS q",
            {},
        ),
        ("", None, {}),
    ],
)
def test_expand_embed(sql: str, expanded: str | None, values: dict[str, object]) -> None:
    assert expand_embed(sql, embed) == (sql if expanded is None else expanded, values)


def test_a_parameter_may_hold_the_text_and_unnamed_ones_are_left_out() -> None:
    given_params = {"what": "b\\'", "k": 3, "_embed_0": 1, "unused": 2}
    sql = "SELECT embed({what:String}) LIMIT { k : UInt64 }"
    assert expand_embed(sql, embed, given_params) == (
        "SELECT {_embed_1:Array(Float32)} LIMIT {k:UInt64}",
        {"k": 3, "_embed_1": one(1)},
    )


def test_escapes_in_the_text_mean_what_they_mean_in_sql() -> None:
    seen: list[str] = []

    def note(text: str) -> Float32Array:
        seen.append(text)
        return embed("a")

    expand_embed(r"SELECT embed('it''s \'a\' \\ \x41'), embed('it''s')", note)
    assert seen == ["it's 'a' \\ A", "it's"]


@pytest.mark.parametrize(
    "argument",
    ["", "1", "title", '"a"', "'a', 'b'", "'a' || 'b'", "concat('a')", "x'41'", "'a'", "[1]"],
)
def test_another_argument_is_refused(argument: str) -> None:
    closing = "" if argument == "'a'" else ")"
    with pytest.raises(InvalidSQL) as caught:
        expand_embed(f"SELECT embed({argument}{closing}", embed)
    assert str(caught.value) == EXPECTED


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("embed({a:UInt8})", {"a": 1}, EXPECTED + ", or {a:String}"),
        ("embed({a:String})", {}, "embed({a:String}) needs a text as the parameter 'a'"),
        ("embed({a:String})", {"a": 1}, "embed({a:String}) needs a text as the parameter 'a'"),
    ],
)
def test_a_wrong_parameter_is_refused(sql: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSQL) as caught:
        expand_embed(sql, embed, params)
    assert str(caught.value) == message


# On the engine


@pytest.fixture(scope="module")
def photos(connection: Connection) -> Connection:
    store = Store(connection)
    store.record_encoder(EncoderSpec("fake", 4, ""))
    store.replace(
        [NewPhoto(Photo(name, f"file:///{name}.jpg", 4, 3), embed(name), b"") for name in "abcd"]
    )
    for statement in connection.dialect.add_index(4):
        connection.execute(statement)
    connection.execute(
        "ALTER TABLE photos MATERIALIZE INDEX photo_embed_index SETTINGS mutations_sync = 1"
    )
    return connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT photo_id, distance(photo_embed, embed('c')) AS d FROM photos ORDER BY d LIMIT 1",
        "SELECT photo_id, 0 FROM photos ORDER BY cosineDistance(photo_embed, embed('c')) LIMIT 1",
        "WITH embed('c') AS q SELECT photo_id, distance(photo_embed, q) AS d FROM photos"
        " ORDER BY d LIMIT 1",
        "SELECT photo_id, distance(photo_embed, embed({t:String})) AS d FROM photos"
        " ORDER BY d LIMIT {k:UInt8}",
    ],
)
def test_the_index_answers_a_nearest_search_with_embed(photos: Connection, sql: str) -> None:
    expanded, values = expand_embed(sql + INDEXED, embed, {"t": "c", "k": 1, "unused": "%"})
    ((photo_id, distance),) = [row.values() for row in photos.rows(expanded, values)]
    assert photo_id == "c"
    assert distance == pytest.approx(0, abs=1e-3)  # the index's own, from bf16 vectors


def test_a_search_that_cannot_use_the_index_is_told_apart(photos: Connection) -> None:
    with pytest.raises(InvalidSQL) as caught:
        photos.rows("SELECT photo_id FROM photos ORDER BY photo_id LIMIT 1" + INDEXED)
    assert caught.value.engine_code == 277


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE VIEW near AS SELECT photo_id, distance(photo_embed, embed('b')) AS d FROM photos",
        "CREATE TABLE near ENGINE = Memory AS"
        " SELECT photo_id, distance(photo_embed, embed('b')) AS d FROM photos",
    ],
)
def test_embed_in_a_definition_lasts(photos: Connection, definition: str) -> None:
    photos.execute(*expand_embed(definition, embed))
    try:
        assert photos.value("SELECT photo_id FROM near ORDER BY d LIMIT 1") == "b"
    finally:
        photos.execute("DROP TABLE near")


@pytest.mark.parametrize("sql", [sql for sql in READING if "file(" not in sql])
def test_the_engine_takes_what_passes(photos: Connection, sql: str) -> None:
    photos.execute(sql)


def test_the_engine_would_run_every_statement_of_a_text(photos: Connection) -> None:
    photos.execute("SELECT 1; CREATE TABLE second (a UInt8) ENGINE = Memory")
    assert photos.value("EXISTS second") == 1
    photos.execute("DROP TABLE second")


_ALPHABET = st.sampled_from([*"'\\\"`nNxae0%/=\n\t é$", "''", "\\x41", "\\'", "\\\\"])


@settings(max_examples=60, deadline=None)
@given(st.lists(_ALPHABET, max_size=12).map("".join))
def test_a_text_means_to_the_engine_what_it_means_here(photos: Connection, inner: str) -> None:
    sql = f"SELECT base64Encode('{inner}')"
    try:
        found = tokens(sql)
        meant = decoded(found[3])
    except InvalidSQL:
        return  # \x without digits: the engine reads past them
    if [token.kind for token in found] != ["word", "word", "op", "string", "op"]:
        return
    try:
        engine = base64.b64decode(photos.value(sql)).decode()
    except StoreError as error:
        pytest.fail(f"the engine refuses {sql!r}: {error}")
    assert engine == meant

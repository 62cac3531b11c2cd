"""What is no vector SQL stays as it is, character by character."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.store.connect import Connection
from vistazo.store.sqltext import tokens

# Statements and pieces of them, none of which calls anything of MyScale's.
_CALL = "distance(v, [1.0, 2.0])"
_HIDDEN = st.sampled_from(
    [
        _CALL,
        "batch_distance(v, [[1.0]])",
        "ADD VECTOR INDEX i v TYPE MSTG",
        "system.vector_indices",
        "embed('x')",
        "TextSearch(a, b)",
    ]
)
_AROUND = st.sampled_from(
    [
        "'{}'",
        '"{}"',
        "`{}`",
        "/* {} */",
        "-- {}\n",
        "$a$ {} $a$",
        "// {}\n",
        "‘{}’",
        "/* /* */ {} */",
    ]
)
_PLAIN = st.sampled_from(
    ["SELECT", "FROM", "t", "distance", "t.distance", "AS distance", ",", "(", ")", "1", "'a'"]
    + ["WHERE", "d.distance(1)", "ORDER BY distance", "LIMIT 3", "INTO distance (a)", "vector"]
    + ["[1, 2.5, -3e5, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]", "--", "/*", "'", "embed"]
    + ["vector_indices", "UNION ALL", "WITH x AS (", "[", "]", "{q:String}", ";", "é", "$$"]
)


@pytest.fixture(scope="module")
def vectors(connection: Connection) -> VectorSQL:
    return VectorSQL(connection, lambda text: np.zeros(2, np.float32))


def _hidden(pair: tuple[str, str]) -> str:
    text, around = pair
    text = text.replace("'", "").replace("`", "") if around[0] in "'`‘" else text
    return around.format(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_HIDDEN, _AROUND).map(_hidden) | _PLAIN, max_size=12))
def test_hidden_words_stay(vectors: VectorSQL, pieces: list[str]) -> None:
    sql = " ".join(["SELECT id", *pieces])
    try:
        tokens(sql)
    except InvalidSQL:
        return  # a quote that is never closed: refused, as the engine would
    # What a quote or a comment left open hides, or shows, is another statement.
    bare = [t for t in tokens(sql) if t.kind == "word"]
    if any(
        t.text.lower() in ("distance", "embed", "batch_distance", "textsearch")
        and sql[t.end :].lstrip(" \n").startswith(("(", "/", "-"))
        for t in bare
    ) or any(t.text == "vector_indices" for t in bare):
        return
    translation = vectors.translate(sql, {})
    assert translation.statements == (sql,)
    assert translation.params == {}
    assert not translation.ours


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_PLAIN | st.text(max_size=5), max_size=12)
    .map(" ".join)
    .filter(
        lambda text: (
            not any(word in text.lower() for word in ("distance", "vector", "embed", "search"))
        )
    )
)
def test_sql_without_the_words_is_not_even_read(vectors: VectorSQL, text: str) -> None:
    sql = "SELECT " + text
    assert vectors.translate(sql, {}).statements == (sql,)


_NAMES = st.sampled_from(["v", "t.v", "`v`", '"t"."v"', "default.t.v"])
_VECTORS = st.sampled_from(["[1, 2]", "[1.5,-2e3]", "{q:Array(Float32)}", "w", "(SELECT w FROM u)"])
_NOISE = st.sampled_from(["", " ", "\n", " /* distance( */ ", " -- x'\n"])


@settings(max_examples=200, deadline=None)
@given(
    _NAMES,
    _VECTORS,
    st.lists(_NOISE, min_size=6, max_size=6),
    st.sampled_from(["distance", "DISTANCE", "Distance"]),
)
def test_only_the_call_is_changed(
    vectors: VectorSQL, name: str, vector: str, noise: list[str], word: str
) -> None:
    a, b, c, d, e, f = noise
    before = f"SELECT 'distance(v, 1)', distance{a} , "
    call = f"{word}{b}({c}{name}{d},{e}{vector}{f})"
    after = " AS distance FROM t ORDER BY distance LIMIT 3"
    (statement,) = vectors.translate(before + call + after, {}).statements
    cast = "::Array(Float32)" if vector.startswith("[") else ""
    assert statement == f"{before}cosineDistance({c}{name}{d},{e}{vector}{cast}{f}){after}"

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistazo.errors import InvalidSQL
from vistazo.store.sqltext import decoded, head, placeholder, tokens

# Text that comes near to SQL: pieces whose combinations are where a lexer goes wrong.
_PIECES = [
    "'",
    "''",
    '"',
    "`",
    "\\",
    "--",
    "#",
    "#!",
    "//",
    "/*",
    "*/",
    "/*/",
    "$",
    "$$",
    "$a$",
    "{",
    "}",
    "{a:String}",
    "(",
    ")",
    ",",
    ";",
    ".",
    ".5",
    "1.",
    "1e",
    "1e-",
    "0x",
    "0x1F",
    "1_0",
    "x'4'",
    "b'1'",
    "‘",
    "’",
    "“",
    "”",
    "−",
    "SELECT",
    "embed",
    "é",
    "�",
    "\x00",
]
SQLISH = st.lists(st.sampled_from([*_PIECES, " ", "\n", "\u200b"]) | st.text(max_size=3)).map(
    "".join
)


def shown(sql: str) -> list[str]:
    return [f"{token.kind}:{token.text}" for token in tokens(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a", ["word:SELECT", "word:a"]),
        (r"'it''s' 'a\'b' 'a\\'", ["string:'it''s'", r"string:'a\'b'", r"string:'a\\'"]),
        ('"a""b" `c\\`d`', ['quoted:"a""b"', "quoted:`c\\`d`"]),
        ("‘it's’ “a b”", ["string:‘it's’", "quoted:“a b”"]),
        ("x'4142' B'01' xx'a'", ["binary:x'4142'", "binary:B'01'", "word:xx", "string:'a'"]),
        ("$$a'b$$ $t$ $$ $t$", ["string:$$a'b$$", "string:$t$ $$ $t$"]),
        ("a$b $a$b a$$b $", ["word:a$b", "word:$a$b", "word:a$$b", "op:$"]),
        ("1 -- '\n# ; \n#! `\n// /*\n2", ["number:1", "number:2"]),
        ("1 /* a /* ' */ ; */ 2 /**/", ["number:1", "number:2"]),
        ("/* /*/ */ */ 1", ["number:1"]),
        ("1--2", ["number:1"]),
        ("5−3", ["number:5", "op:−", "number:3"]),
        ("a\u00a0b\u3000c\ufeffd\u1680", ["word:a", "word:b", "word:c", "word:d", "op:\u1680"]),
        ("#a", ["op:#", "word:a"]),
        (
            "1.5e3 0x1F 1_000 0b11 1. 5.e1 0x1.8p1",
            [f"number:{n}" for n in ["1.5e3", "0x1F", "1_000", "0b11", "1.", "5.e1", "0x1.8p1"]],
        ),
        ("1_ 1__0 0x 3a 1e", ["word:1_", "word:1__0", "word:0x", "word:3a", "word:1e"]),
        ("3.5a", ["number:3.5a"]),
        ("1e--2", ["number:1e-", "op:-", "number:2"]),  # no comment, as the engine has it
        ("+.5 f(.5)", ["op:+", "number:.5", "word:f", "op:(", "number:.5", "op:)"]),
        ("t.1.2", ["word:t", "op:.", "number:1", "op:.", "number:2"]),
        ("(a).5", ["op:(", "word:a", "op:)", "op:.", "number:5"]),
        ("x->x::a||b", ["word:x", "op:->", "word:x", "op:::", "word:a", "op:||", "word:b"]),
        ("a<=>b!=c", ["word:a", "op:<=>", "word:b", "op:!=", "word:c"]),
        ("{q:Array(Float32)}", ["param:{q:Array(Float32)}"]),
        ("{ /* } */ a : Enum8('}' = 1) }", ["param:{ /* } */ a : Enum8('}' = 1) }"]),
        ('{"a":1}', ["op:{", 'quoted:"a"', "op::", "number:1", "op:}"]),
        ("{a:String", ["op:{", "word:a", "op::", "word:String"]),
        (
            "d('alpha=3')(v);",
            ["word:d", "op:(", "string:'alpha=3'", *["op:)", "op:(", "word:v", "op:)", "op:;"]],
        ),
        ("", []),
    ],
)
def test_tokens(sql: str, expected: list[str]) -> None:
    assert shown(sql) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 'a", "the quote ' at character 8 of the SQL is never closed"),
        ("SELECT 'a''", "the quote ' at character 8 of the SQL is never closed"),
        ("SELECT 'a\\'", "the quote ' at character 8 of the SQL is never closed"),
        ('"a', 'the quote " at character 1 of the SQL is never closed'),
        ("`a", "the quote ` at character 1 of the SQL is never closed"),
        ("‘a", "the quote ‘ at character 1 of the SQL is never closed"),
        ("1 /* /* */", "the comment /* at character 3 of the SQL is never closed"),
        ("'a\udcff'", "the SQL holds a character that is not valid Unicode, at 3"),
    ],
)
def test_what_cannot_be_read(sql: str, message: str) -> None:
    with pytest.raises(InvalidSQL) as caught:
        tokens(sql)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r"'a\\b\nc\td\0'", "a\\b\nc\td\0"),
        (r"'100\% \d'", r"100\% \d"),  # the engine keeps these for LIKE and regular expressions
        (r"'\x41\xc3\xa9'", "Aé"),
        (r"'\N|\/\=\"\`'", '|/="`'),
        ("''", ""),
        ("''''", "'"),
        ("$$it's \\n$$", "it's \\n"),
        ("$x$a$$b$x$", "a$$b"),
        ("‘it's \\n’", "it's \\n"),
        ("'un coche rojo ñ 🚗'", "un coche rojo ñ 🚗"),
    ],
)
def test_decoded(written: str, meant: str) -> None:
    (token,) = tokens(written)
    assert decoded(token) == meant


def test_a_half_hexadecimal_escape_is_refused() -> None:
    with pytest.raises(InvalidSQL, match=r"^\\x needs two hexadecimal digits, at character 10$"):
        decoded(tokens("SELECT 'a\\x4g'")[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{q:Array(Float32)}", ("q", "Array(Float32)")),
        ("{ q : Array ( Float32 ) }", ("q", "Array ( Float32 )")),
        ("{/*a:b*/q:Enum8('}' = 1)}", ("q", "Enum8('}' = 1)")),
    ],
)
def test_placeholder(text: str, expected: tuple[str, str]) -> None:
    (token,) = tokens(text)
    assert placeholder(token) == expected


@given(SQLISH)
def test_any_text_is_read_or_refused_and_tokens_with_gaps_rebuild_it(sql: str) -> None:
    try:
        found = tokens(sql)
    except InvalidSQL:
        return
    rebuilt, at = "", 0
    for token in found:
        gap = sql[at : token.start]
        assert tokens(gap) == []
        rebuilt += gap + token.text
        at = token.end
    assert tokens(sql[at:]) == []
    assert rebuilt + sql[at:] == sql


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_quoted_text_is_one_token_that_decodes_to_it(text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    (token,) = tokens(quoted)
    assert decoded(token) == text


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO t (values) VALUES ('never closed", "INSERT INTO t ( values ) VALUES"),
        ("INSERT INTO t format TSV\n'", "INSERT INTO t format"),
        ("INSERT /* VALUES */ INTO `VALUES`", "INSERT INTO `VALUES`"),
        ("", ""),
    ],
)
def test_the_head_ends_at_a_word(sql: str, expected: str) -> None:
    assert " ".join(token.text for token in head(sql, "VALUES", "FORMAT")) == expected


def test_braces_without_end_are_read_in_one_pass() -> None:
    assert len(tokens("{a:b " * 20_000)) == 80_000
    assert shown("{a:{b:Int8}") == ["op:{", "word:a", "op::", "param:{b:Int8}"]
    assert shown("} {a:b") == ["op:}", "op:{", "word:a", "op::", "word:b"]

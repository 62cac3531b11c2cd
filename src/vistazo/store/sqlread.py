"""SQL that people type: whether it only reads, and `embed('a red car')` inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from vistazo.errors import InvalidSQL
from vistazo.records import Float32Array, printable
from vistazo.store.sqltext import Token, decoded, placeholder, tokens

_READS = ("SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")
# Anything else is refused too; these are known well enough to say why.
_WRITES = (
    {"ALTER", "ANALYZE", "ATTACH", "BACKUP", "BEGIN", "COMMIT", "COPY", "CREATE", "DELETE"}
    | {"DETACH", "DROP", "EXCHANGE", "EXECUTE", "GRANT", "INSERT", "KILL", "MOVE", "OPTIMIZE"}
    | {"RENAME", "REPLACE", "RESTORE", "REVOKE", "ROLLBACK", "SET", "SYSTEM", "TRUNCATE"}
    | {"UNDROP", "UPDATE", "USE"}
)
# A view keeps a placeholder as its own parameter, so definitions get the vector itself.
_DEFINITIONS = ("CREATE", "REPLACE", "ALTER")
# Words after which `embed (` is a name being declared or written to, with its columns.
_BEFORE_NAMES = ("INTO", "TABLE", "VIEW", "FUNCTION", "EXISTS", "INDEX", "DICTIONARY")
_EXPECTED = "embed() takes one text in quotes, as in embed('a red car')"


def check_read_only(sql: str) -> None:
    """Let one reading statement through.

    Table functions that read elsewhere, such as `file()`, are let through as well.

    Raises:
        InvalidSQL: the text is empty, several statements, or a statement that may write.
    """
    statement = _one_statement(sql)
    writing = _writing(statement)
    if writing is None:
        return
    if writing in _WRITES or " " in writing:
        raise InvalidSQL(
            f"this statement writes ({writing}); pass write=True, or on the command line --write,"
            " to allow it"
        )
    raise InvalidSQL(
        f"the SQL begins with {printable(writing[:40])}, and a reading statement begins with"
        f" {', '.join(_READS[:-1])} or {_READS[-1]}"
    )


def is_write(sql: str) -> bool:
    """Whether one statement may write; what is not known to read counts as writing.

    Raises:
        InvalidSQL: the text is empty, several statements, or would change later ones.
    """
    statement = _one_statement(sql)
    if statement[0].is_word("SET", "USE"):
        raise InvalidSQL(
            "SET and USE would change every later query of this library; put SETTINGS at the end"
            " of the statement instead"
        )
    return _writing(statement) is not None


def expand_embed(
    sql: str, embed: Callable[[str], Float32Array], params: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """Replace each `embed('text')` or `embed({name:String})` by the text's vector, bound.

    Texts, comments, names in quotes, and `embed` as a column, table or alias stay as they are.

    Args:
        embed: a text to its (dim,) vector; called once for each different text.
        params: values of the statement's {name:Type} placeholders.
    Returns:
        The statement, and the values it binds: those of `params` that it still names, and the
        vectors as lists. (The driver would take one that is not named for a `%` format.)
    Raises:
        InvalidSQL: a quote or comment is not closed, or embed() has another argument.
    """
    found = tokens(sql)
    given = dict(params or {})
    named = {placeholder(token)[0] for token in found if token.kind == "param"}
    names = (f"_embed_{n}" for n in range(len(found) + len(given) + 1))
    free = (name for name in names if name not in given and name not in named)
    inline = next((t for t in found if not t.is_op("(")), None)
    literal = inline is not None and inline.is_word(*_DEFINITIONS)

    pieces: list[str] = []
    values: dict[str, Any] = {}
    by_text: dict[str, str] = {}
    at = done = 0
    while at < len(found):
        token = found[at]
        if token.kind == "param":
            name, kind = placeholder(token)
            if name in given:
                values[name] = given[name]
            # The driver knows only this spelling, without spaces.
            pieces += [sql[done : token.start], f"{{{name}:{kind}}}"]
            done = token.end
        elif _is_call(found, at):
            text = _argument(found, at + 2, given)
            if text not in by_text:
                vector = embed(text).tolist()
                if literal:
                    by_text[text] = f"CAST({vector}, 'Array(Float32)')"
                else:
                    name = next(free)
                    values[name] = vector
                    by_text[text] = f"{{{name}:Array(Float32)}}"
            pieces += [sql[done : token.start], by_text[text]]
            at += 3
            done = found[at].end
        at += 1
    return "".join([*pieces, sql[done:]]), values


def _one_statement(sql: str) -> list[Token]:
    found = tokens(sql)
    while found and found[-1].is_op(";"):
        found.pop()
    if not found:
        raise InvalidSQL("the SQL is empty")
    # The engine runs every statement of a text, and `a PARALLEL WITH b` runs two.
    if any(token.is_op(";") for token in found) or _has_pair(found, "PARALLEL", "WITH"):
        raise InvalidSQL("one statement at a time")
    return found


def _writing(statement: list[Token]) -> str | None:
    """What makes a statement one that may write, None when it only reads."""
    first = next((token for token in statement if not token.is_op("(")), statement[0])
    if not first.is_word(*_READS):
        return first.text.upper() if first.kind == "word" else first.text
    if _has_pair(statement, "INTO", "OUTFILE"):  # EXPLAIN and SHOW take it, too
        return "INTO OUTFILE"
    if _has_pair(statement, "INSERT", "INTO") and not first.is_word("EXPLAIN"):
        return "INSERT INTO"  # WITH .. INSERT INTO; EXPLAIN only shows it
    return None


def _has_pair(found: list[Token], first: str, second: str) -> bool:
    return any(a.is_word(first) and b.is_word(second) for a, b in pairwise(found))


def _is_call(found: list[Token], at: int) -> bool:
    if not found[at].is_word("EMBED") or at + 1 == len(found) or not found[at + 1].is_op("("):
        return False
    return at == 0 or not (found[at - 1].is_op(".") or found[at - 1].is_word(*_BEFORE_NAMES))


def _argument(found: list[Token], at: int, given: Mapping[str, Any]) -> str:
    if at + 1 >= len(found) or not found[at + 1].is_op(")"):
        raise InvalidSQL(_EXPECTED)
    token = found[at]
    if token.kind == "string":
        return decoded(token)
    if token.kind != "param":
        raise InvalidSQL(_EXPECTED)
    name, kind = placeholder(token)
    if kind != "String":
        raise InvalidSQL(f"{_EXPECTED}, or {{{name}:String}}")
    if not isinstance(given.get(name), str):
        raise InvalidSQL(f"embed({{{name}:String}}) needs a text as the parameter '{name}'")
    return str(given[name])

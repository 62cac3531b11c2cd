"""Names of tables that the engine would take for files.

A name that is no table, the embedded engine looks for among the files of this machine, from the
working directory on: `SELECT * FROM README` reads it. So no such name may stand where a table does,
and none that is plainly a path may stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard.canonical import refused
from vistazo.sqlserver.guard.shapes import named
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import Token

_PATTERN = re.compile(r"[*?\[\]{}\\]")  # the engine takes such names for many files at once
_NAMES = ("word", "quoted")
_BEFORE_TABLES = ("FROM", "JOIN", "INTO", "TABLE", "VIEW", "DICTIONARY", "EXISTS", "UPDATE", "TO")
# What ends a list of tables, where columns may be listed. As a name, one of these stands behind an
# operator or one of the words below; then the list goes on.
_ENDS = frozenset(
    {"SELECT", "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "SETTINGS", "WINDOW"}
    | {"QUALIFY"}
)
_WANT_MORE = frozenset(
    {"AND", "AS", "BETWEEN", "BY", "DISTINCT", "FROM", "HAVING", "ILIKE", "IN", "INTO", "IS"}
    | {"JOIN", "LIKE", "LIMIT", "NOT", "OFFSET", "ON", "OR", "PREWHERE", "QUALIFY", "REGEXP"}
    | {"SELECT", "TABLE", "USING", "WHERE"}
)
_IN = re.compile(r"(global)?(not)?(null)?in(ignoreset)?", re.I)


def check_names(found: Sequence[Token]) -> None:
    """Refuse what reads a file by its name.

    Args:
        found: a canonical text.
    Raises:
        InvalidSQL: 497.
    """
    for token in found:
        if token.kind in _NAMES and _is_path(named(token)):
            raise _refused(named(token))
    for at in _places(found):
        name = named(found[at])
        if name not in OWN_TABLES and _may_be_file(name):
            raise _refused(name)


def _is_path(name: str) -> bool:
    """Whether a name is a path wherever it stands; `sum(a)/count(*)` is a column's name, too."""
    return name.startswith(("/", "./", "../", "~")) or ("/" in name and _is_file(name))


def _may_be_file(name: str) -> bool:
    return bool(_PATTERN.search(name)) or "/" in name or _is_file(name)


def _is_file(name: str) -> bool:
    try:
        found = Path(name)
        return found.is_symlink() or (found.exists() and not found.is_dir())
    except (OSError, ValueError):
        return False  # too long for a file, or not one's name


def _places(found: Sequence[Token]) -> Iterator[int]:
    """Indices of names that may be a table's."""
    lists = [False]  # for each open bracket, whether tables are listed there
    inside = [False]  # for each, whether it holds what an IN looks in
    for at, token in enumerate(found):
        before = found[at - 1] if at else None
        if token.is_op("(") or token.is_op("["):
            lists.append(False)
            inner = before is not None and (before.is_op("(") or before.is_op(","))
            inside.append(_is_in(before) or (inside[-1] and inner))
        elif token.is_op(")") or token.is_op("]"):
            if len(lists) > 1:
                lists.pop()
                inside.pop()
        elif _ends_list(found, at):
            lists[-1] = False
        elif token.is_word("ARRAY"):
            # `ARRAY JOIN a, b` lists columns, until the next JOIN.
            lists[-1] = lists[-1] and not (at + 1 < len(found) and found[at + 1].is_word("JOIN"))
        elif token.is_word("FROM", "JOIN") and not (before is not None and before.is_word("ARRAY")):
            lists[-1] = True
        if token.kind not in _NAMES or before is None:
            continue
        after = found[at + 1] if at + 1 < len(found) else None
        listed = lists[-1] and before.is_op(",")
        sought = inside[-1] and before.text in ("(", ",") and _is_last(after)
        copied = len(lists) == 1 and before.is_word("AS") and found[0].is_word("CREATE")
        if listed or sought or copied or before.is_word(*_BEFORE_TABLES):
            yield _last_part(found, at)


def _is_in(before: Token | None) -> bool:
    return before is not None and before.kind in _NAMES and bool(_IN.fullmatch(named(before)))


def _ends_list(found: Sequence[Token], at: int) -> bool:
    token, before = found[at], found[at - 1] if at else None
    if token.kind != "word" or token.text.upper() not in _ENDS or before is None:
        return False
    if before.kind == "op":
        return before.text in (")", "]", "*")
    return not (before.kind == "word" and before.text.upper() in _WANT_MORE)


def _is_last(after: Token | None) -> bool:
    return after is None or after.text in (")", ",", ".")


def _last_part(found: Sequence[Token], at: int) -> int:
    """Of `default.photos` the second name, else the only one."""
    dotted = at + 2 < len(found) and found[at + 1].is_op(".") and found[at + 2].kind in _NAMES
    return at + 2 if dotted else at


def _refused(name: str) -> InvalidSQL:
    return refused(f"the name {name}", "there it may be a file's: read the library's tables")

"""Whether a statement reads the library's tables and nothing else.

The engine takes any name of a table that it does not know for a file, and has functions that read
files and other servers. For callers who are not the owner of this machine: in doubt it is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from vistazo.errors import InvalidSQL
from vistazo.records import printable
from vistazo.store.sqlread import check_read_only
from vistazo.store.sqltext import Token, placeholder, tokens

_REFUSED = 497  # the engine's number for "not enough privileges"
_TABLE_FUNCTIONS = frozenset({"numbers", "zeros", "values", "generateseries", "generate_series"})
# Functions that read files, dictionaries, models or settings of the machine.
_CLOSED = (
    *("file", "filesystem", "dict", "ai", "joinget", "getserver", "addressto", "catboost"),
    *("python", "executable", "remote", "url", "s3", "sleep", "serveruuid", "hostname", "fqdn"),
    *("evalml", "merge", "cluster", "input", "view", "loop", "fuzz", "shardnum", "transactionid"),
)
# Functions whose names begin alike and read nothing.
_OPEN = ("urlhierarchy", "urlpathhierarchy", "urlhash")
_SYSTEM = frozenset({"one", "numbers", "tables", "columns", "functions", "data_types"})
_BEFORE_TABLES = ("FROM", "JOIN", "TABLE")
_FIRST_BEFORE_TABLES = ("DESCRIBE", "DESC", "EXISTS", "CREATE", "VIEW")  # SHOW CREATE ..
_AFTER_TABLES = (
    *("SELECT", "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION"),
    *("SETTINGS", "WINDOW", "QUALIFY", "INTERSECT", "EXCEPT", "ON", "OFFSET", "FORMAT"),
)
_FIRST = ("SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXISTS")
_SHOWN = ("TABLES", "CREATE", "COLUMNS", "FUNCTIONS")


def check_tables(sql: str, known: Collection[str]) -> None:
    """Let a statement through that reads known tables only.

    Args:
        known: names of the library's tables and views.
    Raises:
        InvalidSQL: it writes, or reads anything else.
    """
    check_read_only(sql)
    found = tokens(sql)
    while found and found[-1].is_op(";"):
        found.pop()
    first = next(token for token in found if not token.is_op("("))
    if not first.is_word(*_FIRST):
        raise _refused("EXPLAIN")
    if first.is_word("SHOW") and not (len(found) > 1 and found[1].is_word(*_SHOWN)):
        raise _refused("this SHOW")
    if any(token.kind == "param" and placeholder(token)[1] == "Identifier" for token in found):
        raise _refused("a name as a parameter")
    _check_calls(found)
    _Walk(found, {*known, *_made_here(found)}).check()


def _check_calls(found: list[Token]) -> None:
    for token, after in pairwise(found):
        if not after.is_op("(") or token.kind not in ("word", "quoted", "string"):
            continue
        name = token.text.strip("\"`“”'").lower()
        if token.kind != "word" and not name.isidentifier():
            raise _refused("a function's name in quotes")
        if name.startswith(_CLOSED) and not name.startswith(_OPEN):
            raise _refused(f"the function {token.text}")
        if name != "in" and name.replace("global", "").replace("not", "").replace("null", "") in (
            "in",
            "inignoreset",
        ):
            raise _refused(f"the function {token.text}")


def _made_here(found: list[Token]) -> set[str]:
    """Names of subqueries: `WITH name AS (`."""
    return {
        name.text
        for name, word, bracket in zip(found, found[1:], found[2:], strict=False)
        if name.kind == "word" and word.is_word("AS") and bracket.is_op("(")
    }


class _Walk:
    """Looks at every place where a table may be named."""

    def __init__(self, found: list[Token], known: Collection[str]) -> None:
        self._found = found
        self._known = known

    def check(self) -> None:
        """Raise InvalidSQL where another than a known table is named."""
        depths = [False]  # for each open bracket, whether a list of tables is being read
        for at, token in enumerate(self._found):
            if token.is_op("(") or token.is_op("["):
                depths.append(False)
            elif (token.is_op(")") or token.is_op("]")) and len(depths) > 1:
                depths.pop()
            elif token.is_word(*_AFTER_TABLES):
                depths[-1] = False
            if token.is_word("FROM", "JOIN"):
                depths[-1] = True
            opening = at < 3 and token.is_word(*_FIRST_BEFORE_TABLES)
            opening = opening or token.is_word(*_BEFORE_TABLES)
            if opening or (token.is_op(",") and depths[-1]):
                self._place(at + 1)
            elif token.is_word("IN"):
                self._after_in(at + 1)

    def _after_in(self, at: int) -> None:
        token = self._at(at)
        if not token.is_op("("):
            if token.kind in ("word", "quoted") and not token.is_word("TUPLE", "ARRAY"):
                self._place(at)
            return
        depth = 0
        for here in range(at, len(self._found)):
            token = self._found[here]
            depth += token.is_op("(") - token.is_op(")")
            named = token.kind in ("word", "quoted") and not token.is_word("NULL", "TRUE", "FALSE")
            alone = self._found[here - 1].text in ("(", ",") and self._at(here + 1).is_op(")")
            if depth == 1 and named and alone:
                self._place(here)
            if depth == 0:
                return

    def _place(self, at: int) -> None:
        token, after = self._at(at), self._at(at + 1)
        if token.is_op("(") or token.is_word("LATERAL", "VIEW", *_BEFORE_TABLES):
            return
        if token.kind not in ("word", "quoted"):
            raise _refused(f"a table called {token.text}" if token.text else "no table")
        name = token.text.strip('"`“”')
        if after.is_op("("):
            if name.lower() not in _TABLE_FUNCTIONS:
                raise _refused(f"the function {token.text}")
            return
        if after.is_op("."):
            inner = self._at(at + 2).text.strip('"`“”')
            database = name.lower()
            if database == "default" and inner in self._known:
                return
            if database == "system" and inner in _SYSTEM:
                return
            if database == "information_schema":
                return
            name = f"{name}.{inner}"
        elif name in self._known:
            return
        raise _refused(f"the table {name}")

    def _at(self, at: int) -> Token:
        return self._found[at] if at < len(self._found) else Token("op", "", 0)


def _refused(what: str) -> InvalidSQL:
    text = f"{printable(what[:80])} cannot be used here: only the library's own tables are read"
    return InvalidSQL(text, engine_code=_REFUSED)

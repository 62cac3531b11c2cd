"""What the engine itself says of SQL text and of names: the parser, and its catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vistazo.errors import InvalidSQL, StoreError
from vistazo.records import printable
from vistazo.store.connection import Connection

_SYNTAX_ERROR, _UNKNOWN_SETTING = 62, 115
# Twice, for names that are words of the language are printed bare: a text that reads otherwise the
# second time is not the one that was meant, nor one to run.
_FORMAT = """
WITH formatQuerySingleLine({q:String}) AS once
SELECT multiIf(NOT isValidUTF8(once), '?', once = formatQuerySingleLine(once), once, '')
SETTINGS max_query_size = 4000000
"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Names that the engine knows.

    Attributes:
        functions: the engine's own scalar and aggregate functions, in lower case.
        table_functions: its table functions, in lower case.
        user_function: the `CREATE FUNCTION` of a function that somebody made, by its name.
        views: names of the views, which may be called with parameters.
        settings: its settings, also those that no caller may give; empty where nobody asked.
    """

    functions: frozenset[str]
    table_functions: frozenset[str]
    user_function: Callable[[str], str | None]
    views: Callable[[], frozenset[str]]
    settings: frozenset[str] = frozenset()

    def check_setting(self, name: str) -> None:
        """Tell a setting that there is none of from one that is refused.

        Raises:
            InvalidSQL: code 115, as the server says it.
        """
        if self.settings and name not in self.settings:
            raise InvalidSQL(
                f"Setting {printable(name[:80])} is neither a builtin setting nor started with the"
                " prefix 'SQL_' registered for user-defined settings",
                engine_code=_UNKNOWN_SETTING,
            )


def canonical(connection: Connection) -> Callable[[str], str]:
    """The engine's parser: SQL text to the same statement in the engine's own spelling.

    The text is a value to it: nothing of it runs. It raises InvalidSQL (62) for what is no
    statement, for more than one, and for a text that takes too long to parse.
    """

    def parsed(sql: str) -> str:
        try:
            text = str(connection.value(_FORMAT, {"q": sql}))
        except InvalidSQL as error:
            raise InvalidSQL(str(error), engine_code=error.engine_code or _SYNTAX_ERROR) from error
        except StoreError as error:
            if not error.engine_code:
                raise
            # Nothing but parsing was asked for: too deep, too large, too slow to parse.
            text = str(error).removeprefix("the database failed: ")
            raise InvalidSQL(text, engine_code=error.engine_code) from error
        if text == "?":
            raise InvalidSQL(
                "a text of this SQL holds bytes that are not valid UTF-8; write unhex('..')",
                engine_code=_SYNTAX_ERROR,
            )
        if not text:
            raise InvalidSQL(
                "a name of this SQL reads as a word of the language; give it another name",
                engine_code=_SYNTAX_ERROR,
            )
        return text

    return parsed


def catalog(connection: Connection) -> Catalog:
    """Names of the engine behind this connection."""

    def names(sql: str) -> frozenset[str]:
        return frozenset(str(row["name"]) for row in connection.rows(sql))

    return Catalog(
        functions=names(
            "SELECT lower(name) AS name FROM system.functions WHERE origin != 'SQLUserDefined'"
        ),
        table_functions=names("SELECT lower(name) AS name FROM system.table_functions"),
        user_function=_Made(connection).get,
        views=lambda: names(
            "SELECT name FROM system.tables WHERE database = 'default' AND engine = 'View'"
        ),
        settings=names("SELECT name FROM system.settings")
        | names("SELECT name FROM system.merge_tree_settings"),
    )


class _Made:
    """Functions that people made; asking the engine takes 12 ms, so answers serve a while."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._until = 0.0
        self._found: Mapping[str, str] = {}

    def get(self, name: str) -> str | None:
        if name not in self._found or time.monotonic() > self._until:
            rows = self._connection.rows(
                "SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined'"
            )
            self._found = {str(row["name"]): str(row["create_query"]) for row in rows}
            self._until = time.monotonic() + 1
        return self._found.get(name)


def refused(what: str, remedy: str, code: int = 497) -> InvalidSQL:
    """The error of a statement that is understood and not let through."""
    return InvalidSQL(f"{printable(what[:200])} is not allowed here; {remedy}", engine_code=code)

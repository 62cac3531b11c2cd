"""What the engine itself says of SQL text and of names: the parser, and its catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vistazo.errors import InvalidSQL, StoreError
from vistazo.records import printable
from vistazo.store.connect import Connection

_SYNTAX_ERROR = 62
# Twice, for names that are words of the language are printed bare: a text that reads otherwise the
# second time is not the one that was meant, nor one to run.
_FORMAT = """
WITH formatQuerySingleLine({q:String}) AS once
SELECT if(once = formatQuerySingleLine(once), once, '')
"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Names that the engine knows.

    Attributes:
        functions: the engine's own scalar and aggregate functions, in lower case.
        table_functions: its table functions, in lower case.
        user_functions: the functions that somebody made, by name, with their `CREATE FUNCTION`.
        views: names of the views, which may be called with parameters.
    """

    functions: frozenset[str]
    table_functions: frozenset[str]
    user_functions: Callable[[], Mapping[str, str]]
    views: Callable[[], frozenset[str]]


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

    def user_functions() -> dict[str, str]:
        found = connection.rows(
            "SELECT name, create_query FROM system.functions WHERE origin = 'SQLUserDefined'"
        )
        return {str(row["name"]): str(row["create_query"]) for row in found}

    return Catalog(
        functions=names(
            "SELECT lower(name) AS name FROM system.functions WHERE origin != 'SQLUserDefined'"
        ),
        table_functions=names("SELECT lower(name) AS name FROM system.table_functions"),
        user_functions=user_functions,
        views=lambda: names(
            "SELECT name FROM system.tables WHERE database = 'default' AND engine = 'View'"
        ),
    )


def refused(what: str, remedy: str, code: int = 497) -> InvalidSQL:
    """The error of a statement that is understood and not let through."""
    return InvalidSQL(f"{printable(what[:200])} is not allowed here; {remedy}", engine_code=code)

"""Which kinds of statement there are, what they write to, and who may send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import allowed, definitions
from vistazo.sqlserver.guard.canonical import refused
from vistazo.sqlserver.guard.shapes import named
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import Token

_READONLY = 164
_EXPLAINED = frozenset({"AST", "SYNTAX", "QUERY", "TREE", "PLAN", "PIPELINE", "ESTIMATE"})
_EXPLAIN_SETTINGS = frozenset(
    {"header", "description", "indexes", "projections", "actions", "json", "sorting", "graph"}
    | {"keep_logical_steps", "distributed", "compact", "pretty", "optimize", "oneline"}
    | {"run_passes", "dump_passes", "dump_ast", "dump_tree", "passes", "run_query_tree_passes"}
    | {"query_tree_passes", "input_headers", "column_structure"}
)
_SHOWN = frozenset(
    {"TABLES", "COLUMNS", "INDEXES", "INDEX", "DATABASES", "SETTINGS", "FUNCTIONS", "ENGINES"}
)
_SELECTS = ("SELECT", "WITH")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's kind, and where it writes.

    Attributes:
        kind: `select`, `insert`, `create`, ..
        tables: what it writes to or defines, by bare name.
        declared: indices of names before a bracket that call nothing.
        definition: it names types, engines and indices.
        fills: it only adds or takes out rows.
    """

    kind: str
    tables: tuple[str, ...] = ()
    declared: frozenset[int] = frozenset()
    definition: bool = False
    fills: bool = False

    @property
    def writes(self) -> bool:
        """Whether only a writer may send it."""
        return self.kind not in ("select", "show", "describe", "explain", "exists", "set", "use")


def read(found: Sequence[Token], *, may_write: bool, internal: bool = False) -> Statement:
    """The statement of a canonical text.

    Args:
        internal: made by us, which may also end a build of an index.
    Raises:
        InvalidSQL: a kind that nobody may send (497), or not this caller (164).
    """
    # Without brackets of its own: `(SELECT 1)` is printed so where a UNION needs them.
    first = next((token for token in found if not token.is_op("(")), None)
    word = first.text.upper() if first is not None and first.kind == "word" else ""
    if word in _SELECTS:
        return Statement("select")
    if found and found[0] is not first:
        raise refused("this statement", "begin with its verb", 62)
    if word in _READS:
        return _READS[word](found)
    kinds = _WRITES | _OURS if internal else _WRITES
    if word not in kinds:
        shown = word or "this statement"
        raise refused(shown, "the tables are read with SELECT and filled with INSERT")
    if not may_write:
        raise InvalidSQL(
            f"{word} is refused, for this endpoint only reads; start it with --allow-write and"
            " connect as a writer",
            engine_code=_READONLY,
        )
    return kinds[word](found)


def check_tables(statement: Statement, fillable: frozenset[str]) -> None:
    """Keep a writer from vistazo's own tables.

    Args:
        fillable: those of them that may get and lose rows.
    Raises:
        InvalidSQL: one of them is changed.
    """
    for table in statement.tables:
        if table in OWN_TABLES and not (statement.fills and table in fillable):
            raise refused(
                f"{statement.kind.upper()} of vistazo's own table {table}",
                "make a table of your own",
            )


def _explain(found: Sequence[Token]) -> Statement:
    at = 1
    while at < len(found) and found[at].is_word(*_EXPLAINED):
        at += 1
    while at + 2 < len(found) and found[at + 1].is_op("="):
        if named(found[at]) not in _EXPLAIN_SETTINGS:
            raise refused(f"EXPLAIN with {named(found[at])}", "leave it out", 115)
        at += 3
        if at < len(found) and found[at].is_op(","):
            at += 1
    rest = [token for token in found[at:] if not token.is_op("(")]
    if not rest or not rest[0].is_word(*_SELECTS):
        raise refused("EXPLAIN of anything but a SELECT", "explain the SELECT alone")
    return Statement("explain")


def _show(found: Sequence[Token]) -> Statement:
    at = 1
    while at < len(found) and found[at].is_word("FULL", "EXTENDED", "CHANGED"):
        at += 1
    shown = found[at] if at < len(found) else None
    is_create = shown is not None and shown.is_word("CREATE")
    if is_create and at + 1 < len(found) and found[at + 1].is_word("TABLE", "VIEW"):
        return Statement("show")
    if shown is None or shown.kind != "word" or shown.text.upper() not in _SHOWN:
        what = shown.text if shown is not None else ""
        raise refused(f"SHOW {what}", "SHOW TABLES, COLUMNS and CREATE TABLE tell what there is")
    return Statement("show")


def _describe(found: Sequence[Token]) -> Statement:
    return Statement("describe")


def _exists(found: Sequence[Token]) -> Statement:
    if len(found) < 2 or not found[1].is_word("TABLE", "VIEW", "DATABASE", "DICTIONARY"):
        raise refused("this EXISTS", "write EXISTS TABLE name")
    return Statement("exists")


def _set(found: Sequence[Token]) -> Statement:
    return Statement("set")


def _use(found: Sequence[Token]) -> Statement:
    if len(found) != 2 or named(found[1]) != allowed.DATABASE:
        raise refused("USE of another database", "the library's tables are in default", 81)
    return Statement("use")


def _insert(found: Sequence[Token]) -> Statement:
    if len(found) > 2 and found[2].is_word("FUNCTION") and not found[1].is_word("FUNCTION"):
        raise refused("INSERT INTO FUNCTION", "insert into a table of the library")
    table, at = definitions.target(found, 2)
    return Statement("insert", (table,), frozenset({at - 1}), fills=True)


def _delete(found: Sequence[Token]) -> Statement:
    table, at = definitions.target(found, 2)
    if at >= len(found) or not found[at].is_word("WHERE", "IN"):
        raise refused("this DELETE", "write DELETE FROM table WHERE ..")
    return Statement("delete", (table,), fills=True)


def _update(found: Sequence[Token]) -> Statement:
    table, at = definitions.target(found, 1)
    if at >= len(found) or not found[at].is_word("SET"):
        raise refused("this UPDATE", "write UPDATE table SET .. WHERE ..")
    return Statement("update", (table,))


def _create(found: Sequence[Token]) -> Statement:
    tables, declared = definitions.create(found)
    return Statement("create", tables, declared, definition=True)


def _alter(found: Sequence[Token]) -> Statement:
    tables, declared = definitions.alter(found)
    return Statement("alter", tables, declared, definition=True)


def _drop(found: Sequence[Token]) -> Statement:
    return Statement("drop", definitions.drop(found))


def _truncate(found: Sequence[Token]) -> Statement:
    if len(found) < 3 or not found[1].is_word("TABLE"):
        raise refused("this TRUNCATE", "write TRUNCATE TABLE name")
    table, at = definitions.target(found, definitions.after_if(found, 2))
    definitions.end(found, at, "SYNC")
    return Statement("truncate", (table,))


def _optimize(found: Sequence[Token]) -> Statement:
    if len(found) < 3 or not found[1].is_word("TABLE"):
        raise refused("this OPTIMIZE", "write OPTIMIZE TABLE name FINAL")
    table, at = definitions.target(found, 2)
    if at < len(found) and found[at].is_word("ON", "DRY"):
        raise refused(f"OPTIMIZE .. {found[at].text}", "leave it out")
    return Statement("optimize", (table,))


def _rename(found: Sequence[Token]) -> Statement:
    return Statement("rename", definitions.pairs(found, "TABLE", "TO"))


def _kill(found: Sequence[Token]) -> Statement:
    if len(found) < 3 or not found[1].is_word("MUTATION"):
        raise refused("this KILL", "only the build of an index is ended")
    return Statement("kill")


def _exchange(found: Sequence[Token]) -> Statement:
    return Statement("exchange", definitions.pairs(found, "TABLES", "AND"))


_READS = {
    "EXPLAIN": _explain,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "EXISTS": _exists,
    "SET": _set,
    "USE": _use,
}
_WRITES = {
    "INSERT": _insert,
    "DELETE": _delete,
    "UPDATE": _update,
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "TRUNCATE": _truncate,
    "OPTIMIZE": _optimize,
    "RENAME": _rename,
    "EXCHANGE": _exchange,
}
_OURS = {"KILL": _kill}

"""Who may run what: a statement goes in as anybody wrote it, and comes out in the one form that runs.

The engine's own parser prints the statement anew (see `canonical.py`), that text is held against
lists of what is allowed, and only that text runs. What is not understood is refused.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import allowed, inserts, statements
from vistazo.sqlserver.guard.canonical import Catalog, canonical, catalog, refused
from vistazo.sqlserver.guard.limits import Limits
from vistazo.sqlserver.guard.shapes import body, is_format_clause, named, read
from vistazo.sqlserver.guard.walk import Walk
from vistazo.store.connection import Connection
from vistazo.store.sqltext import Token, placeholder, tokens

# Verdicts kept, and the longest text that is: a dashboard asks the same few things all day.
_KEPT = 1000
_LONGEST_KEPT = 20_000
# What our own statements read and fill besides what callers may.
_INTERNAL_SYSTEM_TABLES = frozenset({"detached_parts", "parts", "processes"})
_INTERNAL_TABLES = frozenset({"vector_indices"})


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run.

    Attributes:
        text: the only text that may run.
        kind: `select`, `show`, `describe`, `explain`, `exists`, `set`, `use`, `insert`, `delete`,
            `update`, `create`, `alter`, `drop`, `truncate`, `optimize`, `rename`, `exchange`, `kill`.
        writes: whether it changes anything.
        table: what it writes to first, as `default.name`; None when it reads, or makes a function.
        tables: everything it writes to.
        format: the one that the text names, for its answer or for the rows of an INSERT.
        data: rows that stood behind an INSERT in the same text; to be sent as its body.
        settings: what it has to run with: the limits, and the caller's settings.
        sets: what a SET sets; there is nothing to run then.
    """

    text: str
    kind: str
    writes: bool = False
    table: str | None = None
    tables: tuple[str, ...] = ()
    format: str | None = None
    data: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)


class Guard:
    """Lets statements through, or says why not. Safe to use from several threads."""

    def __init__(
        self, canonical: Callable[[str], str], limits: Limits, names: Catalog | None = None
    ) -> None:
        """Guard an engine.

        Args:
            canonical: its parser; see `canonical.canonical`.
            names: what it knows by name; without it no function or view that people made may be
                called.
        """
        self._canonical = canonical
        self._limits = limits
        self._names = names or Catalog(frozenset(), frozenset(), lambda _: None, frozenset)
        self._verdicts: OrderedDict[tuple[str, bool, bool], Checked] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def over(cls, connection: Connection, limits: Limits) -> Guard:
        """Guard the engine behind this connection; one that no caller's statement keeps busy."""
        return cls(canonical(connection), limits, catalog(connection))

    def check(
        self,
        sql: str,
        *,
        may_write: bool,
        settings: Mapping[str, str],
        internal: bool = False,
        database: str = allowed.DATABASE,
        params: Mapping[str, str] | None = None,
    ) -> Checked:
        """Judge one statement.

        Args:
            may_write: whether the caller is a writer.
            settings: the caller's, beside the statement.
            internal: the statement was made by us.
            database: where names without a database are looked for.
            params: values of {name:Type}; those of type Identifier are put into the text.
        Raises:
            InvalidSQL: not let through; `engine_code` is 497 for what nobody may, 164 for what only
                a writer may, 62 for what is no statement, and others as the engine would say.
        """
        try:
            return self._check(sql, may_write, settings, internal, database, params or {})
        except InvalidSQL as error:
            if error.engine_code:
                raise
            raise InvalidSQL(str(error), engine_code=62) from error

    def _check(
        self,
        sql: str,
        may_write: bool,
        settings: Mapping[str, str],
        internal: bool,
        database: str,
        params: Mapping[str, str],
    ) -> Checked:
        for name in settings:
            self._names.check_setting(name)
        taken = self._limits.settings(settings)
        if database not in allowed.INFORMATION_SCHEMA | {allowed.DATABASE}:
            raise refused(f"the database {database}", "the library's tables are in default", 81)
        sql = _with_identifiers(sql, params)
        key = (sql, may_write, internal)
        with self._lock:
            if (kept := self._verdicts.get(key)) is not None:
                self._verdicts.move_to_end(key)
        if kept is None:
            kept, lasting = self._judge(sql, may_write=may_write, internal=internal)
            if lasting and len(sql) <= _LONGEST_KEPT:
                with self._lock:
                    self._verdicts[key] = kept
                    while len(self._verdicts) > _KEPT:
                        self._verdicts.popitem(last=False)
        if database != allowed.DATABASE and kept.writes:
            raise refused(f"writing to the database {database}", "write to default", 81)
        return replace(kept, settings={**taken, **kept.settings})

    def _judge(self, sql: str, *, may_write: bool, internal: bool) -> tuple[Checked, bool]:
        inline = inserts.split(sql)
        head = inline.head if inline else sql
        text = self._parse(head)
        found = read(text)
        if any(token.is_op(";") for token in found):
            raise refused("several statements", "send one at a time", 62)
        statement = statements.read(found, may_write=may_write, internal=internal)
        fillable = allowed.FILLABLE | (_INTERNAL_TABLES if internal else frozenset())
        statements.check_tables(statement, fillable)
        walk = Walk(
            self._names,
            self._limits,
            self._parse,
            tables=_INTERNAL_SYSTEM_TABLES if internal else frozenset(),
            definition=statement.definition,
        )
        if statement.kind == "set":
            walk.set(found[1:])
        else:
            walk.check(body(found) if _is_function(found) else found, declared=statement.declared)
        checked = Checked(
            text,
            statement.kind,
            statement.writes,
            f"{allowed.DATABASE}.{statement.tables[0]}" if statement.tables else None,
            statement.tables,
            _format(found),
            settings=_NO_EXPRESSIONS if statement.kind == "insert" else {},
            sets=dict(walk.given) if statement.kind == "set" else {},
        )
        if inline is not None:
            checked = self._with_rows(checked, inline, walk)
        # Made functions and views can be made anew, so what hangs on them is judged each time.
        return checked, not walk.volatile

    def _with_rows(self, checked: Checked, inline: inserts.Inline, walk: Walk) -> Checked:
        if checked.kind != "insert" or checked.format is None:
            raise refused("rows behind this statement", "write INSERT INTO table VALUES (..)", 62)
        if not inline.is_values or not inline.data or inserts.is_literal(inline.data):
            return replace(checked, data=inline.data or None)
        rows = inserts.expressions(inline.data, self._parse)
        walk.check(read(f"SELECT {rows}"))
        head = re.sub(r" FORMAT `?Values`?$", "", checked.text)
        return replace(checked, text=f"{head} VALUES {rows}", settings={})

    def check_size(self, sql: str) -> None:
        """Refuse a text that is too long to be looked at.

        Raises:
            InvalidSQL: code 62.
        """
        if len(sql) > self._limits.max_query_size:
            raise InvalidSQL(
                f"the SQL is longer than {self._limits.max_query_size} characters; send rows as"
                " the body of an INSERT",
                engine_code=62,
            )

    def _parse(self, sql: str) -> str:
        self.check_size(sql)
        if "\0" in sql:
            raise InvalidSQL("the SQL holds a NUL character; write \\0 in a text", engine_code=62)
        try:
            sql.encode()
        except UnicodeEncodeError as error:
            raise InvalidSQL("the SQL is not valid Unicode", engine_code=62) from error
        return self._canonical(sql)


# Rows in the form VALUES may hold expressions, which nobody has judged.
_NO_EXPRESSIONS: Mapping[str, str] = {
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
}


def _is_function(found: Sequence[Token]) -> bool:
    return any(token.is_word("FUNCTION") for token in found[1:4]) and found[0].is_word("CREATE")


def _format(found: Sequence[Token]) -> str | None:
    for n in range(len(found) - 2, 0, -1):
        if found[n].is_op(")"):
            return None
        if is_format_clause(found, n):
            return named(found[n + 1])
    return None


def _with_identifiers(sql: str, params: Mapping[str, str]) -> str:
    """Put names given as parameters into the text: bound later, they would not be judged."""
    if re.search("identifier", sql, re.IGNORECASE) is None:
        return sql
    inline = inserts.split(sql)
    end = len(sql) if inline is None else inline.start
    pieces: list[str] = []
    done = 0
    for token in tokens(sql[:end]):
        if token.kind != "param":
            continue
        name, kind = placeholder(token)
        if kind.strip().lower() == "identifier" and name in params:
            value = params[name]
            if not value or not value.isprintable():
                raise InvalidSQL(f"the parameter {name} is no name", engine_code=457)
            quoted = value.replace("\\", "\\\\").replace("`", "\\`")
            pieces += [sql[done : token.start], f"`{quoted}`"]
            done = token.end
    return "".join([*pieces, sql[done:]])

"""Statements that add, drop and wait for vector indexes, in the engine's words.

On the library's own `photos` the index is the library's own: it can be asked for by its name, and
is not made a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.ddl import (
    Definition,
    Reader,
    closing,
    dimension,
    split,
    ticked,
)
from vistazo.sqlserver.myscale.distances import applied
from vistazo.sqlserver.myscale.indices import TableName, VectorIndex, VectorIndices, quoted
from vistazo.store.connection import Connection
from vistazo.store.dialects.base import VECTOR_INDEX
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import Token

_PHOTOS = ("default", "photos")
_SYSTEM = ("system", "information_schema", "INFORMATION_SCHEMA")
_BAD_ARGUMENTS, _ILLEGAL_COLUMN, _NOT_IMPLEMENTED, _UNKNOWN_TABLE = 36, 44, 48, 60
_DENIED = 497
_BUILT_INDEX = "MATERIALIZE INDEX `?([^`),]+)"
_NOTHING = "SELECT 1 WHERE 0"


@dataclass(slots=True)
class Plan:
    """What to run for a definition.

    Attributes:
        clauses: of the ALTER TABLE; a plain one of the caller's stands as it is.
        before, later: statements around it.
        done: bookkeeping afterwards.
    """

    clauses: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    done: list[Callable[[], None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Defined:
    """What to run for a definition.

    Attributes:
        ours: those of the statements of which no word is the caller's.
        done: what to do afterwards.
    """

    statements: tuple[str, ...]
    ours: frozenset[str]
    done: Callable[[], None]


class Definitions:
    """Translates the definitions of vector indexes."""

    def __init__(self, connection: Connection, indices: VectorIndices) -> None:
        self._connection = connection
        self._indices = indices

    def translate(self, sql: str, found: Sequence[Token], database: str) -> Defined | None:
        """What to run for a statement; None when it defines no vector index."""
        found = [token for token in found if not token.is_op(";")]
        reader = Reader(found)
        if reader.takes("ALTER", "TABLE"):
            return self._alter(sql, found, reader, database)
        if reader.takes("CREATE", "VECTOR", "INDEX"):
            careful, name = reader.takes("IF", "NOT", "EXISTS"), reader.name("a name")
            table = self._on(reader, database)
            definition = reader.described(name, careful=careful)
            plan = Plan()
            self._add(plan, table, definition)
            return self._whole(table, plan)
        if reader.takes("DROP", "VECTOR", "INDEX"):
            careful, name = reader.takes("IF", "EXISTS"), reader.name("a name")
            table = self._on(reader, database)
            plan = Plan()
            self._drop(plan, table, name, careful=careful)
            return self._whole(table, plan)
        if reader.takes("SYSTEM", "WAIT", "BUILDING", "VECTOR", "INDICES"):
            table = _table(reader.path("a table"), database)
            return Defined((_NOTHING,), frozenset(), lambda: self._indices.wait(table))
        if found and found[0].is_word("CREATE", "REPLACE"):
            return self._create(sql, found, reader, database)
        return None

    def _on(self, reader: Reader, database: str) -> TableName:
        if not reader.takes("ON"):
            raise reader.error("ON and a table expected")
        reader.takes("TABLE")
        return _table(reader.path("a table"), database)

    # ALTER TABLE

    def _alter(
        self, sql: str, found: Sequence[Token], reader: Reader, database: str
    ) -> Defined | None:
        reader.takes("IF", "EXISTS")
        table = _table(reader.path("a table"), database)
        spread = reader.takes("ON", "CLUSTER")
        if spread:
            reader.name("a cluster")
        ranges = split(found, reader.at, len(found))
        if not any(_is_vector(found, begin, end) for begin, end in ranges):
            return None
        if spread:
            raise InvalidSQL(
                "a vector index cannot be added or dropped ON CLUSTER here; leave that out",
                engine_code=_NOT_IMPLEMENTED,
            )
        plan = Plan()
        own_words = False
        for begin, end in ranges:
            clause = Reader(found[:end], begin)
            if clause.takes("ADD", "VECTOR", "INDEX"):
                self._add(plan, table, clause.definition())
            elif clause.takes("DROP", "VECTOR", "INDEX"):
                careful = clause.takes("IF", "EXISTS")
                self._drop(plan, table, clause.name("a name"), careful=careful)
            else:
                own_words = True
                plan.clauses.append(sql[found[begin].start : found[end - 1].end])
                continue
            if clause.token is not None and not clause.takes("SETTINGS"):
                raise clause.error("the end of the clause expected")
        return self._whole(table, plan, of_caller=own_words)

    def _whole(self, table: TableName, plan: Plan, *, of_caller: bool = False) -> Defined:
        alter = f"ALTER TABLE {_name(table)} {', '.join(plan.clauses)}"
        statements = [*plan.before, *([alter] if plan.clauses else []), *plan.later]

        def done() -> None:
            for each in plan.done:
                each()

        ours = frozenset([*plan.before, *plan.later, *([] if of_caller else [alter])])
        return Defined(tuple(statements), ours, done)

    def _add(self, plan: Plan, table: TableName, definition: Definition) -> None:
        _check_target(table)
        create = self._connection.value(
            "SELECT create_table_query FROM system.tables"
            " WHERE database = {d:String} AND name = {t:String}",
            {"d": table[0], "t": table[1]},
        )
        if not create:
            raise InvalidSQL(f"Table {'.'.join(table)} does not exist", engine_code=_UNKNOWN_TABLE)
        dim = dimension(".".join(table), definition, create)
        kind = definition.checked(dim)
        index = _index(table, definition, kind.metric, dim)
        if table == _PHOTOS:
            self._add_to_photos(plan, index)
            return
        for known in self._indices.of(table):
            if known.name == index.name and definition.careful:
                plan.clauses.append(_no_index(index.name))
                return
            if known.name == index.name or known.column == index.column:
                raise InvalidSQL(
                    f"Cannot add vector index {index.name}: the column '{known.column}' of"
                    f" {'.'.join(table)} has the vector index {known.name}"
                    if known.column == index.column
                    else f"Cannot add vector index {index.name}: index with this name already"
                    " exists",
                    engine_code=_ILLEGAL_COLUMN,
                )
        if kind.exact:
            plan.clauses.append(_no_index(index.name))
        else:
            name = ticked(index.name)
            plan.clauses.append(
                f"ADD INDEX {name} {ticked(index.column)} TYPE {kind.engine_type(dim)}"
            )
            plan.later.append(f"ALTER TABLE {_name(table)} MATERIALIZE INDEX {name}")
        plan.done.append(lambda: self._indices.record(index))

    def _add_to_photos(self, plan: Plan, index: VectorIndex) -> None:
        if (index.name, index.column, index.metric) != (VECTOR_INDEX, "photo_embed", "Cosine"):
            raise InvalidSQL(
                "the table photos has the library's own vector index, which is called"
                f" {VECTOR_INDEX}, is of photo_embed, and has the metric Cosine",
                engine_code=_NOT_IMPLEMENTED,
            )
        dialect = self._connection.dialect
        plan.before.extend(dialect.add_index(index.dim))
        if not any(known.name == index.name for known in self._indices.of(_PHOTOS)):
            plan.later.extend(dialect.build_index())
        plan.done.append(lambda: self._indices.record(index))

    def _drop(self, plan: Plan, table: TableName, name: str, *, careful: bool) -> None:
        _check_target(table)
        if table == _PHOTOS:
            raise InvalidSQL(
                "the library's own vector index cannot be dropped", engine_code=_DENIED
            )
        if not careful and all(known.name != name for known in self._indices.of(table)):
            raise InvalidSQL(
                f"Wrong index name. Cannot find vector index `{name}` to drop in {'.'.join(table)}",
                engine_code=_BAD_ARGUMENTS,
            )
        # A build would hold the table, and go on in vain.
        plan.before.append(
            f"KILL MUTATION WHERE database = {quoted(table[0])} AND table = {quoted(table[1])}"
            f" AND extract(command, {quoted(_BUILT_INDEX)}) = {quoted(name)} AND NOT is_done SYNC"
        )
        plan.clauses.append(_no_index(name))
        plan.done.append(lambda: self._indices.erase(table, name))

    # CREATE TABLE

    def _create(
        self, sql: str, found: Sequence[Token], reader: Reader, database: str
    ) -> Defined | None:
        reader.at = 1
        reader.takes("OR", "REPLACE")
        temporary = reader.takes("TEMPORARY")
        if not reader.takes("TABLE"):
            return None
        careful = reader.takes("IF", "NOT", "EXISTS")
        table = _table(reader.path("a table"), database)
        while reader.token is not None and not reader.token.is_op("("):
            if reader.token.is_word("AS"):
                self._check_copied(Reader(found, reader.at + 1), database)
                return None
            if reader.token.is_word("ENGINE", "SELECT"):
                return None
            reader.at += 1
        ranges = split(found, reader.at + 1, closing(found, reader.at))
        added = [at for at in ranges if _is_vector(found, *at)]
        if not added:
            return None
        _check_target(table)
        if temporary:
            raise InvalidSQL("a temporary table has no vector index", engine_code=_NOT_IMPLEMENTED)
        edits: list[tuple[int, int, str]] = []
        indices: list[VectorIndex] = []
        for n, (begin, end) in enumerate(ranges):
            if (begin, end) not in added:
                continue
            clause = Reader(found[:end], begin)
            clause.takes("VECTOR", "INDEX")
            definition = clause.definition()
            if clause.token is not None:
                raise clause.error("a comma or ) expected")
            dim = dimension(".".join(table), definition, found)
            kind = definition.checked(dim)
            if any(known.column == definition.column for known in indices):
                raise InvalidSQL(
                    f"the column '{definition.column}' has two vector indexes",
                    engine_code=_ILLEGAL_COLUMN,
                )
            indices.append(_index(table, definition, kind.metric, dim))
            place = found[begin].start, found[end - 1].end
            if kind.exact:
                # With a comma: the one before, or, of the first, the one after.
                comma = found[begin - 1] if n else found[end]
                edits.append((min(comma.start, place[0]), max(comma.end, place[1]), ""))
            else:
                column = ticked(definition.column)
                text = f"INDEX {ticked(definition.name)} {column} TYPE {kind.engine_type(dim)}"
                edits.append((*place, text))
        there = careful and self._connection.value(
            "SELECT count() FROM system.tables WHERE database = {d:String} AND name = {t:String}",
            {"d": table[0], "t": table[1]},
        )

        def done() -> None:
            for index in () if there else indices:
                self._indices.record(index)

        return Defined((applied(sql, edits),), frozenset(), done)

    def _check_copied(self, reader: Reader, database: str) -> None:
        """Refuse `CREATE TABLE .. AS` another with an index of which the engine knows nothing."""
        token = reader.token
        if token is None or token.kind not in ("word", "quoted") or token.is_word("SELECT", "WITH"):
            return
        table = _table(reader.path("a table"), database)
        for index in self._indices.of(table):
            if index.exact:
                raise InvalidSQL(
                    f"a table AS {'.'.join(table)} would be without its vector index"
                    f" '{index.name}' of the type {index.type}; write its columns and add the"
                    " index",
                    engine_code=_NOT_IMPLEMENTED,
                )


def _is_vector(found: Sequence[Token], begin: int, end: int) -> bool:
    words = [token.text.upper() for token in found[begin : min(begin + 3, end)]]
    return words[:2] == ["VECTOR", "INDEX"] or words in (
        ["ADD", "VECTOR", "INDEX"],
        ["DROP", "VECTOR", "INDEX"],
    )


def _index(table: TableName, definition: Definition, metric: str, dim: int) -> VectorIndex:
    return VectorIndex(
        *table, definition.name, definition.column, definition.type, definition.text(), metric, dim
    )


def _table(path: tuple[str, ...], database: str) -> TableName:
    return (path[-2] if len(path) > 1 else database, path[-1])


def _name(table: TableName) -> str:
    return f"{ticked(table[0])}.{ticked(table[1])}"


def _no_index(name: str) -> str:
    return f"DROP INDEX IF EXISTS {ticked(name)}"


def _check_target(table: TableName) -> None:
    own = table[0] == "default" and table[1] in OWN_TABLES and table != _PHOTOS
    if own or table[0] in _SYSTEM:
        raise InvalidSQL(
            f"the definition of {'.'.join(table)} is not yours to change", engine_code=_DENIED
        )

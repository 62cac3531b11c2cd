"""MyScale's vector SQL, put into the words of the engine, by its tokens.

`VectorSQL.translate` reads and never runs what the caller wrote, so that it may stand before the
guard. What it asks the engine itself are the engine's own tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vistazo.errors import InvalidSQL
from vistazo.records import Float32Array
from vistazo.sqlserver.myscale import index_table
from vistazo.sqlserver.myscale.columns import Catalog
from vistazo.sqlserver.myscale.ddl import Reader
from vistazo.sqlserver.myscale.definitions import Definitions
from vistazo.sqlserver.myscale.distances import Distances, Search, applied
from vistazo.sqlserver.myscale.indices import (
    TableName,
    VectorIndices,
)
from vistazo.sqlserver.myscale.scopes import Scopes
from vistazo.store.connection import Connection
from vistazo.store.sqlread import expand_embed
from vistazo.store.sqltext import Token, head, placeholder, tokens

_WORDS = ("distance", "vector", "embed", "textsearch", "hybridsearch", "full_text_search")
# Statements after which a table may be another, or rows be gone.
_CHANGES = frozenset(
    {"CREATE", "DROP", "ALTER", "RENAME", "EXCHANGE", "REPLACE", "ATTACH", "DETACH", "UNDROP"}
    | {"TRUNCATE", "DELETE", "UPDATE", "RESTORE", "MOVE", "OPTIMIZE"}
)
_FIRST_WORD = re.compile(r"[\s(;]*([A-Za-z]+)")
_EMBED = re.compile(r"\bembed\b", re.IGNORECASE)
_FLOAT = r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
# At least 16 numbers, on one line: a comment that ends within would be read otherwise.
_NUMBERS = re.compile(rf"\[[ \t]*{_FLOAT}(?:[ \t]*,[ \t]*{_FLOAT}){{15,}}[ \t]*\]")

# Distances are exact, in the right order; and the engine's index, which keeps 16 bits of a number,
# is asked for thrice as many rows. A dot product without rescoring is even of the wrong sign.
_SEARCH = {
    "vector_search_with_rescoring": "1",
    "vector_search_index_fetch_multiplier": "3",
    # The index first, then the filter; where that gives too few rows, it is asked otherwise.
    "vector_search_filter_strategy": "auto",
    "max_limit_for_vector_search_queries": "10000",
}
# Counting needs no exact distances, and is then a third of the work.
_COUNTED = {"vector_search_with_rescoring": "0"}
_BREADTH = "hnsw_candidate_list_size_for_search"
_NO_INDEX = {"query_plan_try_use_vector_search": "0"}
_ON_INSERT = {"materialize_skip_indexes_on_insert": "1"}
_PHOTOS = ("default", "photos")
_NOT_IMPLEMENTED = 48


@dataclass(frozen=True, slots=True)
class Probe:
    """A faster way that is right only if enough rows come back.

    The engine filters what its index proposes, so that a search with a WHERE, or of a table with
    deleted rows, may yield fewer rows than there are.

    Attributes:
        counts: a statement that counts rows, and how many there must be; run as the caller.
        counting: settings to count with.
        settings: to run the translation with if no count falls short.
    """

    counts: tuple[tuple[str, int], ...]
    counting: dict[str, str]
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Translation:
    """What to run instead of a statement.

    Attributes:
        statements: run in turn, each through the guard; the last one's result is the answer.
        params: to bind besides the caller's, in the HTTP interface's text form.
        settings: to run the statements with; right in any case.
        done: called after all statements succeeded.
        ours: those of the statements of which no word is the caller's; they may touch what the
            guard keeps from callers.
        probe: see `Probe`; None when there is no faster way.
    """

    statements: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    done: Callable[[], None] | None = None
    ours: frozenset[str] = frozenset()
    probe: Probe | None = None

    def settled(self, count: Callable[[str, Mapping[str, str]], int]) -> Translation:
        """The faster translation if it gives every row, else this one.

        Args:
            count: runs a counting SELECT with settings, as the caller, through the guard.
        """
        if self.probe is None:
            return self
        for sql, rows in self.probe.counts:
            try:
                if count(sql, self.probe.counting) < rows:
                    return self
            except InvalidSQL:
                return self  # it needs what stands around it, or is refused, as the rest will be
        return replace(self, settings=self.probe.settings, probe=None)


class VectorSQL:
    """Translates the statements of one library.

    Args:
        connection: an open one, with migrated tables.
        embed: a text to its (dim,) vector.
    """

    def __init__(self, connection: Connection, embed: Callable[[str], Float32Array]) -> None:
        self._connection = connection
        self._embed = embed
        self.indices = VectorIndices(connection)
        self._definitions = Definitions(connection, self.indices)
        self._views: dict[TableName, tuple[int, Scopes | None]] = {}

    def translate(
        self, sql: str, params: Mapping[str, str], database: str = "default"
    ) -> Translation:
        """Put a statement into the engine's words; one without vector SQL stays as it is.

        Args:
            params: the caller's values for {name:Type}, in the HTTP interface's text form.
            database: where tables without a database are.
        Raises:
            InvalidSQL: it cannot be expressed, or is wrong.
        """
        match = _FIRST_WORD.match(sql)
        first = match[1].upper() if match else ""
        lower = sql.lower()
        said = any(word in lower for word in _WORDS)
        if not said and match and first not in _CHANGES and first != "INSERT":
            return Translation((sql,))
        if not match or first == "INSERT":
            found = head(sql, "VALUES", "FORMAT", "SELECT", "WITH")
            inner = [token for token in found if token.kind == "word"]
            first = inner[0].text.upper() if inner else ""
            if first == "INSERT":
                return self._insert(sql, found, params, database, said=said)
        # CREATE TABLE .. AS a table with an index that the engine knows nothing of.
        said = said or (first == "CREATE" and any(index.exact for index in self.indices.all()))
        done = self._connection.note_change if first in _CHANGES else None
        if not said:
            return Translation((sql,), done=done)
        return self._words(sql, params, database, done)

    def _insert(
        self,
        sql: str,
        found: list[Token],
        params: Mapping[str, str],
        database: str,
        *,
        said: bool,
    ) -> Translation:
        reader = Reader(found, 1)
        reader.takes("INTO")
        reader.takes("TABLE")
        settings: dict[str, str] = {}
        token = reader.token
        if token is not None and token.kind in ("word", "quoted") and not token.is_word("FUNCTION"):
            path = reader.path("a table")
            table = (path[-2] if len(path) > 1 else database, path[-1])
            # The library builds its own index in bulk. Any other is built as rows come, so that
            # it covers them; also behind a materialized view, of which nothing is known here.
            if table != _PHOTOS and any(not index.exact for index in self.indices.all()):
                settings = dict(_ON_INSERT)
        # Data may be long, may be no SQL, and knows no function of vectors but embed().
        queries = found[-1].is_word("SELECT", "WITH")
        texts = found[-1].is_word("VALUES") and _EMBED.search(sql)
        if not said or not (queries or texts):
            return Translation((sql,), settings=settings)
        translated = self._words(sql, params, database, None)
        return replace(translated, settings={**settings, **translated.settings})

    def _words(
        self,
        sql: str,
        params: Mapping[str, str],
        database: str,
        done: Callable[[], None] | None,
    ) -> Translation:
        short, numbers = _without_numbers(sql)
        bound: dict[str, str] = {}
        if _EMBED.search(short):
            short, values = expand_embed(short, self._embed, params)
            bound = {
                name: f"[{','.join(map(str, np.asarray(value, np.float32)))}]"
                for name, value in values.items()
                if name not in params
            }
        found = tokens(short)
        if defined := self._definitions.translate(short, found, database):
            return Translation(
                tuple(numbers.back(text) for text in defined.statements),
                bound,
                {"mutations_sync": "0"},
                self._after(defined.done),
                defined.ours,
            )
        edits = index_table.edits(found, database, self.indices.status)
        distances = Distances(
            short,
            found,
            Catalog(self.indices.of, self._view, database),
        )
        edits = sorted([*edits, *distances.edits()])
        text = applied(short, edits)
        settings: dict[str, str] = {}
        probe = None
        if distances.calls and not distances.defines:
            settings = dict(_SEARCH)
            if distances.breadth:
                settings[_BREADTH] = str(distances.breadth)
            risky = [
                s
                for s in distances.searches
                if s.filtered or any(map(self.indices.has_deleted_rows, s.tables))
            ]
            if risky:
                counts = [_count(short, found, edits, search, params) for search in risky]
                known = [(numbers.back(each[0]), each[1]) for each in counts if each]
                if len(known) == len(risky):
                    probe = Probe(tuple(known), {**settings, **_COUNTED}, settings)
                settings = {**settings, **_NO_INDEX}
        return Translation((numbers.back(text),), bound, settings, done, probe=probe)

    def _after(self, bookkeeping: Callable[[], None]) -> Callable[[], None]:
        def done() -> None:
            self._connection.note_change()
            bookkeeping()

        return done

    # What the engine knows

    def _view(self, table: TableName) -> Scopes | None:
        if all(index.metric == "Cosine" for index in self.indices.all()):
            return None  # whatever it reads, it is cosine
        changes = self._connection.changes
        age, view = self._views.get(table, (-1, None))
        if age != changes:
            text = self._connection.value(
                "SELECT as_select FROM system.tables"
                " WHERE database = {d:String} AND name = {t:String}",
                {"d": table[0], "t": table[1]},
            )
            view = Scopes(tokens(text)) if text else None
            self._views[table] = (changes, view)
        return view


@dataclass(frozen=True, slots=True)
class _Numbers:
    by_name: dict[str, str]

    def back(self, text: str) -> str:
        if not self.by_name:
            return text
        return re.sub(r"_numbers_\w+_\d+_", lambda name: self.by_name.get(name[0], name[0]), text)


def _without_numbers(sql: str) -> tuple[str, _Numbers]:
    """The text with a short name in place of each long list of numbers: a tenth of the tokens."""
    if "_numbers_" in sql:
        return sql, _Numbers({})
    taken: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        short = f"_numbers_v_{len(taken)}_"
        taken[short] = match[0]
        return short

    return _NUMBERS.sub(name, sql), _Numbers(taken)


def _count(
    sql: str,
    found: list[Token],
    edits: list[tuple[int, int, str]],
    search: Search,
    params: Mapping[str, str],
) -> tuple[str, int] | None:
    """A statement that counts the rows of a search, and how many it is asked for."""
    if search.limit is None:
        return None
    token = found[search.limit]
    number = params.get(placeholder(token)[0], "") if token.kind == "param" else token.text
    scope = search.scope
    if not number.isdigit() or "SELECT" not in scope.clauses:
        return None
    ends = [scope.clauses[word] for word in ("SETTINGS", "FORMAT", "INTO") if word in scope.clauses]
    begin = min(scope.clauses[word] for word in ("WITH", "SELECT", "FROM") if word in scope.clauses)
    last = min(ends, default=scope.end) - 1
    while found[last].is_op(";"):
        last -= 1
    start, end = found[begin].start, found[last].end
    inner = [(a - start, b - start, t) for a, b, t in edits if start <= a and b <= end]
    return f"SELECT count() FROM ({applied(sql[start:end], inner)})", int(number)

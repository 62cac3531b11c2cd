"""One statement's way from a client's text to the texts that may run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard import inserts
from vistazo.sqlserver.guard.checks import Checked, Guard
from vistazo.sqlserver.myscale.translate import VectorSQL

SYNTAX_ERROR = 62
# Statements whose answer the engine can write anywhere, in any format; those of SHOW it cannot.
_READS = frozenset({"select", "describe", "explain", "exists"})

# Runs a SELECT that counts, with these parameters and settings.
Count = Callable[[str, Mapping[str, str], Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What may run: all but the last for their effect, the last for its answer.

    Attributes:
        params: for {name:Type} placeholders, in the interface's text form.
        settings: of the engine, for these statements only.
        database: of names without one.
        done: to be called once all have succeeded.
    """

    statements: tuple[Checked, ...]
    params: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    done: Callable[[], None] | None = None

    @property
    def last(self) -> Checked:
        """The statement whose answer is the client's."""
        return self.statements[-1]

    @property
    def reads(self) -> bool:
        """Whether the last statement's answer can be streamed."""
        return self.last.kind in _READS

    @property
    def runs(self) -> bool:
        """Whether the engine has anything to do; it has not for SET and USE."""
        return self.last.kind not in ("set", "use")


class Pipeline:
    """Translation and guard, one after the other.

    Args:
        vectors: MyScale's vector SQL to the engine's.
        guard: its text is the only one that runs.
        changed: told of every statement that wrote, after it did.
    """

    def __init__(
        self, vectors: VectorSQL, guard: Guard, changed: Callable[[Checked], None]
    ) -> None:
        self._vectors = vectors
        self._guard = guard
        self.changed = changed

    def plan(
        self,
        sql: str,
        params: Mapping[str, str],
        settings: Mapping[str, str],
        database: str,
        *,
        may_write: bool,
        count: Count,
    ) -> Plan:
        """Translate and check one statement.

        Raises:
            InvalidSQL: it cannot or may not run.
        """
        self._guard.check_size(sql)
        found = self._vectors.translate(sql, params, database)
        bound = {**params, **found.params}

        def check(text: str, *, may_write: bool) -> Checked:
            return self._guard.check(
                text,
                may_write=may_write,
                settings=settings,
                internal=text in found.ours,
                database=database,
                params=bound,
            )

        def counted(text: str, needed: Mapping[str, str]) -> int:
            checked = check(text, may_write=False)
            return count(checked.text, bound, {**checked.settings, **needed})

        found = found.settled(counted)
        statements = tuple(check(text, may_write=may_write) for text in found.statements)
        if not statements:
            raise InvalidSQL("the statement is empty", engine_code=SYNTAX_ERROR)
        given = {**statements[-1].settings, **found.settings}
        return Plan(statements, bound, given, database, found.done)

    @staticmethod
    def are_literals(rows: bytes) -> bool:
        """Whether the data of `INSERT .. VALUES` holds nothing that the engine would evaluate."""
        return inserts.is_literal(rows.decode("utf-8", "replace"))

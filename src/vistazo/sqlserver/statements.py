"""One statement's way from a client's text to the texts that may run.

The translation and the guard are given: this module only knows what both must look like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from vistazo.errors import InvalidSQL

SYNTAX_ERROR = 62
# Statements that answer with rows, whatever they are asked.
_READS = frozenset(
    {"select", "with", "from", "show", "describe", "desc", "explain", "exists", "check"}
)
# Literals only: then no expression of the data is ever evaluated. Atomic groups, so that an
# unclosed text is not read as a shorter closed one.
_LITERALS = re.compile(
    rb"(?>(?:'(?>(?:[^'\\]+|\\.|'')*)'|[-+]?\d[\d.]*(?:[eE][-+]?\d+)?|[\s(),;\[\]{}:]+"
    rb"|\b(?i:null|true|false|default|[-+]?inf|nan)\b)*)",
    re.DOTALL,
)


class TranslationLike(Protocol):
    """What `VectorSQL.translate` gives."""

    @property
    def statements(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def params(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def settings(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def done(self) -> Callable[[], None] | None: ...  # noqa: D102
    @property
    def internal(self) -> bool: ...  # noqa: D102


class CheckedLike(Protocol):
    """What `Guard.check` gives."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def writes(self) -> bool: ...  # noqa: D102
    @property
    def table(self) -> str | None: ...  # noqa: D102


class Translate(Protocol):
    """`VectorSQL.translate`."""

    def __call__(  # noqa: D102
        self, sql: str, params: Mapping[str, str], database: str = "default"
    ) -> TranslationLike: ...


class Check(Protocol):
    """`Guard.check`."""

    def __call__(  # noqa: D102
        self, sql: str, *, may_write: bool, settings: Mapping[str, str], internal: bool = False
    ) -> CheckedLike: ...


def _unnoticed(_checked: CheckedLike) -> None:
    """Nobody keeps caches that a write makes stale."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may run: all but the last for their effect, the last for its answer.

    Attributes:
        params: for {name:Type} placeholders, in the interface's text form.
        settings: of the engine, for these statements only.
        done: to be called once all have succeeded.
    """

    statements: tuple[CheckedLike, ...]
    params: Mapping[str, str]
    settings: Mapping[str, str]
    done: Callable[[], None] | None = None

    @property
    def reads(self) -> bool:
        """Whether the last statement answers with rows and changes nothing."""
        last = self.statements[-1]
        return not last.writes and last.kind.lower() in _READS


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Translation and guard, one after the other.

    Attributes:
        translate: MyScale's vector SQL to the engine's.
        check: refuses what may not run; its text is the only one that runs.
        changed: told of every statement that wrote, after it did.
    """

    translate: Translate
    check: Check
    changed: Callable[[CheckedLike], None] = _unnoticed

    def plan(
        self,
        sql: str,
        params: Mapping[str, str],
        settings: Mapping[str, str],
        database: str,
        *,
        may_write: bool,
    ) -> Plan:
        """Translate and check one statement.

        Raises:
            InvalidSQL: it cannot or may not run.
        """
        found = self.translate(sql, params, database)
        settings = {**settings, **found.settings}
        checked = tuple(
            self.check(text, may_write=may_write, settings=settings, internal=found.internal)
            for text in found.statements
        )
        if not checked:
            raise InvalidSQL("the statement is empty", engine_code=SYNTAX_ERROR)
        return Plan(checked, {**params, **found.params}, settings, found.done)

    def check_values(self, data: bytes, settings: Mapping[str, str]) -> None:
        """Refuse data of `INSERT .. VALUES` whose expressions may not run.

        The engine evaluates expressions there, `file('/etc/passwd')` among them, whatever
        `input_format_values_interpret_expressions` says.

        Raises:
            InvalidSQL: an expression is not allowed.
        """
        literals = _LITERALS.match(data)
        if literals is not None and literals.end() == len(data):
            return
        rows = data.decode("utf-8", "replace").strip().rstrip(";")
        if rows:
            self.check(f"SELECT {rows}", may_write=False, settings=settings)

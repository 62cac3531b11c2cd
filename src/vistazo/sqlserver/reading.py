"""The guard of the SQL port for statements that come another way: those of the page's SQL panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.embedded import engine_at

if TYPE_CHECKING:
    from vistazo.library import Library


class ReadingGuard:
    """Lets one reading statement through in the only form that may run.

    Args:
        library: whose tables may be read.
    """

    def __init__(self, library: Library) -> None:
        # On a connection of its own: a long statement of somebody else must not hold it up.
        self._asking = None if library.folder is None else engine_at(library.path / "store")
        self._guard = Guard.over(self._asking or library.connection, Limits())

    def __call__(self, sql: str, params: Mapping[str, Any]) -> str:
        """The text to run.

        Raises:
            InvalidSQL: it may not run.
        """
        self._guard.check_size(sql)
        values = {name: str(value) for name, value in params.items()}
        checked = self._guard.check(sql, may_write=False, settings={}, params=values)
        if checked.kind in ("set", "use"):
            raise InvalidSQL(
                f"{checked.kind.upper()} has no effect here: write SELECT .. SETTINGS .."
            )
        if checked.format is not None:
            raise InvalidSQL("the answer is a table: leave FORMAT out")
        return checked.text

    def close(self) -> None:
        """Give the connection back; again, do nothing."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None

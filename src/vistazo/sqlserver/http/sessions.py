"""Sessions of the HTTP interface: settings that outlast a request."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vistazo.errors import StoreError
from vistazo.sqlserver.access import Role

_NOT_FOUND, _LOCKED = 372, 373


@dataclass(slots=True)
class Session:
    """One session, used by one request at a time.

    Attributes:
        settings: what its SET statements have set.
    """

    timeout_s: float
    expires: float = 0.0
    busy: bool = True
    settings: dict[str, str] = field(default_factory=dict)


class Sessions:
    """Every session of one endpoint; only for its event loop.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[tuple[Role, str], Session] = {}

    def take(self, role: Role, session_id: str, timeout_s: float, *, must_exist: bool) -> Session:
        """Lock a session for one request; make it where there is none.

        Raises:
            StoreError: another request uses it, or it does not exist and must.
        """
        self._expire()
        key = (role, session_id)
        found = self._kept.pop(key, None)
        if found is None:
            if must_exist:
                raise StoreError(f"Session {session_id} not found", engine_code=_NOT_FOUND)
            found = Session(timeout_s)
        elif found.busy:
            self._kept[key] = found
            raise StoreError(
                f"Session {session_id} is locked by a concurrent client", engine_code=_LOCKED
            )
        self._kept[key] = found  # the last of the order: the longest unused is the first
        found.busy = True
        found.timeout_s = timeout_s
        return found

    def give_back(self, session: Session) -> None:
        """Unlock it; its time runs from now."""
        session.busy = False
        session.expires = time.monotonic() + session.timeout_s

    def _expire(self) -> None:
        now = time.monotonic()
        idle = [key for key, session in self._kept.items() if not session.busy]
        stale = [key for key in idle if self._kept[key].expires < now]
        crowded = len(self._kept) - len(stale) - self._most + 1
        fresh = [key for key in idle if self._kept[key].expires >= now]
        for key in stale + fresh[: max(0, crowded)]:
            del self._kept[key]

"""One writer at a time on a server, as well as that can be had without locks.

ClickHouse has neither locks nor transactions. Whoever is about to index or load writes a row to
`leases`, looks who else has a fresh one, and gives way to an older one; then it writes a row every
15 seconds. So two processes that heed this do not write at the same time, unless

- the clocks of a cluster's servers differ by more than the moment between writing and looking,
- or a process stands still between two writes for a minute and wakes up (it stops at its next
  write, yet not in the middle of one).

A process that dies holds up the others for a minute at most. SQL that people type heeds nothing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vistazo.errors import LibraryBusy, VistazoError
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.store.connection import Connection

RENEW_S = 15.0
EXPIRES_S = 60.0
_RETRY_S = 0.5

TABLE = """CREATE TABLE IF NOT EXISTS leases (
        holder String, purpose String, event Enum8('held' = 1, 'released' = 2),
        at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY holder TTL toDateTime(at) + INTERVAL 1 DAY"""

_ALIVE = (
    "SELECT holder, any(purpose) AS purpose, min(at) AS since FROM leases GROUP BY holder"
    f" HAVING countIf(event = 'released') = 0 AND max(at) > now64(3) - {EXPIRES_S:.0f}"
    " ORDER BY since, holder"
)


class Lease:
    """What a process holds while it indexes or loads; nested uses share it.

    Args:
        wait_s: how long to wait for another process to finish.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._guard = threading.Lock()
        self._users = 0
        self._holder = ""
        self._purpose = ""
        self._renewed_at = 0.0
        self._done = threading.Event()

    @contextlib.contextmanager
    def held(self, connection: Connection, purpose: str, *, wait: bool = True) -> Iterator[None]:
        """Hold the lease inside the block.

        Args:
            purpose: what other processes are told.
            wait: for another process to finish, as long as was said.
        Raises:
            LibraryBusy: another process holds it.
        """
        with self._guard:
            if self._users == 0:
                self._acquire(connection, purpose, self._wait_s if wait else 0.0)
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1
                if self._users == 0:
                    self._release(connection)

    def check(self) -> None:
        """Refuse to go on after a standstill in which another process may have taken over.

        Raises:
            LibraryBusy: so it is.
        """
        if self._users and self._expired():
            raise LibraryBusy(
                "this process could not renew its lease on the library for a minute, and another"
                " one may be writing: run the same command again"
            )

    def _expired(self) -> bool:
        # Wall-clock time: the other one does not count while a machine sleeps.
        return time.time() - self._renewed_at > EXPIRES_S

    def _acquire(self, connection: Connection, purpose: str, wait_s: float) -> None:
        if not connection.value("EXISTS TABLE leases"):
            for statement in connection.dialect.ddl(TABLE):
                connection.execute(statement)
        self._purpose = printable(f"{purpose} ({platform.node()}, process {os.getpid()})")
        deadline = time.monotonic() + wait_s
        while True:
            self._holder = uuid.uuid4().hex
            self._note(connection, "held")
            alive = connection.rows(_ALIVE)
            if alive and alive[0]["holder"] == self._holder:
                break
            self._note(connection, "released")
            if time.monotonic() >= deadline:
                other = alive[0]["purpose"] if alive else "another process"
                raise LibraryBusy(
                    f"the library is being written by another process: {other}; wait until it has"
                    f" finished (one that died is out of the way after {EXPIRES_S:.0f} seconds)"
                )
            time.sleep(_RETRY_S)
        self._done = threading.Event()
        threading.Thread(
            target=self._keep, args=(connection, self._done), name="lease", daemon=True
        ).start()

    def _keep(self, connection: Connection, done: threading.Event) -> None:
        while not done.wait(RENEW_S):
            if self._expired():
                return
            with contextlib.suppress(VistazoError):  # the next time, perhaps
                self._note(connection, "held")

    def _release(self, connection: Connection) -> None:
        self._done.set()
        with contextlib.suppress(VistazoError):  # it ends by itself, too
            self._note(connection, "released")

    def _note(self, connection: Connection, event: str) -> None:
        written_at = time.time()
        connection.execute(
            "INSERT INTO leases (holder, purpose, event)"
            " SELECT {holder:String}, {purpose:String}, {event:String}",
            {"holder": self._holder, "purpose": self._purpose, "event": event},
        )
        if event == "held":
            self._renewed_at = written_at

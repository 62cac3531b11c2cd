"""What a run leaves for the next one: failed items, and whether a run came to its end."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa

from vistazo.records import Failure, printable
from vistazo.store.connection import Connection

_COLUMNS = "url, stage, code, message, attempts, fingerprint, source"


class Journal:
    """The tables `failures` and `runs`.

    Args:
        connection: an open one, with migrated tables.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, source: str) -> str:
        """Note that a run starts; its id, for `end`."""
        run_id = uuid.uuid4().hex
        self._note(run_id, "started", source)
        return run_id

    def end(self, run_id: str, source: str) -> None:
        """Note that a run came to its end, or stopped in an orderly way."""
        self._note(run_id, "ended", source)

    def unfinished(self) -> bool:
        """Whether some run died; what it may have left must be repaired."""
        return bool(
            self._connection.value(
                "SELECT count() FROM runs WHERE event = 'started'"
                " AND run_id NOT IN (SELECT run_id FROM runs WHERE event = 'ended')"
            )
        )

    def close_unfinished(self) -> None:
        """Forget the runs that died, after the repair of what they left."""
        self._forget_earlier()
        self._connection.execute(
            "INSERT INTO runs (run_id, event, source)"
            " SELECT run_id, 'ended', source FROM runs WHERE event = 'started'"
            " AND run_id NOT IN (SELECT run_id FROM runs WHERE event = 'ended')"
        )

    def failures(self, source: str | None = None) -> list[Failure]:
        """All failures that stand, or those of one source and its parts, by URL."""
        where = ""
        if source is not None:
            where = (
                " WHERE source = {source:String}"
                " OR startsWith(source, concat({source:String}, '/'))"
            )
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM failures{where} ORDER BY url, stage", {"source": source or ""}
        )
        return [Failure(**row) for row in rows]

    def record(self, failures: Sequence[Failure]) -> None:
        """Write failures, in place of earlier ones of the same items."""
        if not failures:
            return
        again = self._connection.value(
            "SELECT count() FROM failures WHERE url IN {urls:Array(String)}",
            {"urls": [failure.url for failure in failures]},
        )
        names = [name.strip() for name in _COLUMNS.split(",")]
        columns = {name: [getattr(failure, name) for failure in failures] for name in names}
        columns["message"] = [printable(text) for text in columns["message"]]
        # Killed in between, an item stands twice until the repair: were the earlier row taken out
        # first, `--retry-failed` would never come back to the item.
        self._connection.insert("failures", pa.table(columns))
        if again:
            self._forget_earlier()

    def clear(self, urls: Iterable[str]) -> None:
        """Forget the failures of these items."""
        doomed: Collection[str] = list(urls)
        if doomed:
            self._connection.delete_listed("failures", "url", list(doomed))

    def _forget_earlier(self) -> None:
        """Of several failures of one item keep the last."""
        self._connection.delete_matching(
            "failures",
            "(url, toString(failed_at))",
            "(url, failed_at) NOT IN (SELECT url, max(failed_at) FROM failures GROUP BY url)",
        )

    def _note(self, run_id: str, event: str, source: str) -> None:
        self._connection.insert(
            "runs", pa.table({"run_id": [run_id], "event": [event], "source": [source]})
        )

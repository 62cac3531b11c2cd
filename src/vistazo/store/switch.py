"""From one encoder's vectors to another's, at once.

`photos_next` is filled beside `photos` and then the two exchange their names: whoever searches
reads either the old vectors or the new ones, never both. The comment of the new table names its
encoder. So a process that dies between the exchange and the record of the encoder leaves behind
what tells the next one how to finish.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pyarrow as pa

from vistazo.errors import LibraryBusy, StoreError
from vistazo.records import EncoderSpec
from vistazo.store.connection import Connection
from vistazo.store.kept_vectors import CONTENT, KeptVectors, key_of, spec_of
from vistazo.store.schema import TWIN
from vistazo.store.store import Store

# Rows joined with their vectors in memory at once: 40 MB of 512 numbers.
_SLICE = 20_000


def build_twin(
    connection: Connection, store: Store, old: EncoderSpec, spec: EncoderSpec, *, indexed: bool
) -> bool:
    """Fill a table like `photos` with this encoder's kept vectors, and keep the old ones.

    Args:
        old: the encoder of the vectors in `photos`.
        indexed: build the vector index, too; returns when that is done.
    Returns:
        False when photos were changed meanwhile, by SQL of somebody's own, or lack a vector.
    """
    dialect = connection.dialect
    before = store.state()
    # Here and not later: it takes time, in which photos could change unnoticed.
    KeptVectors(connection).keep_present(old)
    for statement in (
        *dialect.drop(TWIN),
        *dialect.twin("photos", TWIN),
        *dialect.drop_index(TWIN),
    ):
        connection.execute(statement)
    for row in connection.rows(dialect.vector_indices(TWIN)):
        name = row["name"].replace("`", "\\`")
        connection.execute(dialect.alter(TWIN, f"DROP INDEX IF EXISTS `{name}`"))
    for change in (
        "DROP CONSTRAINT IF EXISTS vector_len",
        f"ADD CONSTRAINT vector_len CHECK length(photo_embed) = {spec.dim}",
        f"MODIFY COMMENT {_quoted(key_of(spec))}",
    ):
        connection.execute(dialect.alter(TWIN, change))
    _fill(connection, spec)
    if connection.value(f"SELECT count() FROM {TWIN}") != before.photos:
        return False
    if indexed:
        store.keep_indexed(spec.dim, TWIN)
        store.wait_indexed(float("inf"), TWIN)
    return store.state() == before


def exchange(
    connection: Connection,
    store: Store,
    new: EncoderSpec,
    on_exchanged: Callable[[], None],
) -> None:
    """Put the filled table in the place of `photos`.

    Searches in this process wait for the moment that it takes.

    Args:
        on_exchanged: called in that moment, when the tables are the new encoder's.
    """
    with connection.switching():
        store.note_change()
        connection.execute(connection.dialect.exchange("photos", TWIN))
        _record(connection, new)
        # Once more: who read the vectors after the first must not keep them under its number.
        store.note_change()
        on_exchanged()
    _drop_twin(connection)
    KeptVectors(connection).forget(new)


def finish_exchange(connection: Connection) -> None:
    """Finish what a process was doing when it died; `Library` calls this when it opens.

    Costs a millisecond when there is nothing to do. Leaves everything alone while vectors are made
    anew in this process, or, on a server, in another one.
    """
    if not connection.value(f"EXISTS TABLE {TWIN}"):
        return
    if not connection.writing.acquire(blocking=False):
        return
    try:
        # On a server this user may only read, or another process is at work: then it is not ours.
        with contextlib.ExitStack() as stack:
            if connection.shared:
                stack.enter_context(contextlib.suppress(LibraryBusy, StoreError))
            stack.enter_context(connection.sole_writer("finishing an exchange", wait=False))
            _finish(connection)
    finally:
        connection.writing.release()


def _finish(connection: Connection) -> None:
    noted = connection.value(connection.dialect.comment("photos")) or ""
    with contextlib.suppress(ValueError):
        new = spec_of(noted)
        recorded = connection.rows("SELECT name, dim, checksum FROM encoders")
        if [EncoderSpec(**row) for row in recorded] != [new]:
            with connection.switching():
                _record(connection, new)
                connection.insert("changes", pa.table({"subject": ["photos"], "n": [1]}))
    _drop_twin(connection)


def _fill(connection: Connection, spec: EncoderSpec) -> None:
    columns = [
        _name(row["name"])
        for row in connection.rows("DESCRIBE TABLE photos")
        if row["default_type"] not in ("MATERIALIZED", "ALIAS", "EPHEMERAL")
        and row["name"] != "photo_embed"
    ]
    listed = ", ".join(columns)
    between = "photo_id > {after:String} AND photo_id <= {last:String}"
    for after, last in KeptVectors(connection).slices(_SLICE):
        connection.execute(
            f"INSERT INTO {TWIN} ({listed}, photo_embed)"
            f" SELECT {', '.join(f'p.{column}' for column in columns)}, v.photo_embed FROM"
            f" (SELECT {listed}, {CONTENT} AS made_of FROM photos WHERE {between}) AS p"
            " ANY INNER JOIN (SELECT photo_id, content, photo_embed FROM kept_vectors"
            f" WHERE encoder = {{encoder:String}} AND {between}) AS v"
            " ON p.photo_id = v.photo_id AND p.made_of = v.content",
            {"encoder": key_of(spec), "after": after, "last": last},
        )


def _record(connection: Connection, spec: EncoderSpec) -> None:
    connection.execute(connection.dialect.truncate("encoders"))
    connection.insert(
        "encoders", pa.table({"name": [spec.name], "dim": [spec.dim], "checksum": [spec.checksum]})
    )


def _drop_twin(connection: Connection) -> None:
    for statement in connection.dialect.drop(TWIN):
        connection.execute(statement)


def _name(column: str) -> str:
    return "`" + column.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

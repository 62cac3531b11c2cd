"""Libraries on ClickHouse and MyScale servers, over HTTP; shared within a process."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

from vistazo.errors import LibraryInvalid, LibraryNotFound, StoreError, VistazoError
from vistazo.store.connection import Connection
from vistazo.store.dialects.clickhouse import ClickHouse
from vistazo.store.dialects.cluster import Cluster
from vistazo.store.dialects.myscale import MyScale
from vistazo.store.dsn import Server
from vistazo.store.engine_errors import mapped, network_failure
from vistazo.store.lease import Lease

_CONNECT_S = 10
# Between two signs of life; servers send some while they work.
_SILENCE_S = 300
# UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
_NOT_LET_IN = frozenset({192, 193, 194, 516})
_DENIED = 497  # ACCESS_DENIED
_MYSCALES_OWN = "enable_brute_force_vector_search"

_open: dict[Server, _Shared] = {}
_open_guard = threading.Lock()


@dataclass
class _Shared:
    connection: Connection
    users: int = 1


def open_server(address: Server, *, create: bool, wait_s: float) -> Connection:
    """Connect to the server, or share the connection this process has.

    Raises:
        LibraryNotFound: the database, or the tables in it, are not there and `create` is False.
        LibraryInvalid: the server or the tables are of another kind than the DSN says.
        StoreError: the server cannot be reached, or lets nobody in.
    """
    with _open_guard:
        for other in [key for key, shared in _open.items() if shared.connection.inherited]:
            del _open[other]  # its sockets are the parent's
        if shared := _open.get(address):
            shared.users += 1
            return shared.connection
        connection = _connected(address, create=create, wait_s=wait_s)
        _open[address] = _Shared(connection)
        return connection


def close_server(address: Server) -> None:
    """Give back a connection; the last one out closes it."""
    with _open_guard:
        shared = _open.get(address)
        if shared is None:
            return  # forgotten after a fork
        shared.users -= 1
        if shared.users == 0:
            del _open[address]
            shared.connection.close()


def _connected(address: Server, *, create: bool, wait_s: float) -> Connection:
    client = _client(address)
    try:
        myscale = _MYSCALES_OWN in client.server_settings
        if address.kind == "myscale" and not myscale:
            raise LibraryInvalid(
                f"the server at {address.place} is no MyScale: write clickhouse:// instead of"
                " myscale://"
            )
        cluster = Cluster(address.cluster, address.database) if address.cluster else None
        dialect = (MyScale if myscale else ClickHouse)(cluster, _table_settings(client))
        connection = Connection(client, dialect, Lease(wait_s))
        _enter_database(connection, client, address, create=create)
        for name, value in dialect.session().items():
            known = client.server_settings.get(name)
            if known is not None and not known.readonly:
                client.set_client_setting(name, value)
    except BaseException:
        client.close()
        raise
    return connection


def _client(address: Server) -> Any:
    import clickhouse_connect

    # The driver's warnings repeat what its exceptions say.
    logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
    try:
        return clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            verify=address.verify,
            ca_cert=address.ca_cert or None,
            connect_timeout=_CONNECT_S,
            send_receive_timeout=_SILENCE_S,
            client_name="vistazo",
            # A session takes one statement at a time, and threads share this client.
            autogenerate_session_id=False,
            show_clickhouse_errors="scrub",
            dedicated_pool=True,
        )
    except Exception as error:
        raise _refused(error, address) from error


def _refused(error: Exception, address: Server) -> VistazoError:
    code = int(getattr(error, "code", 0) or 0)
    text = str(error)
    if code in _NOT_LET_IN or (not code and "HTTP status 401" in text):
        return StoreError(
            f"the server at {address.place} does not let {address.user!r} in: check the user in"
            " the DSN (or VISTAZO_DB_USER) and the password (or VISTAZO_DB_PASSWORD)",
            engine_code=code,
        )
    if "clickhouse-client program" in text:
        return StoreError(
            f"{address.place} is for ClickHouse's own protocol: give the port for HTTP, usually"
            " 8123, with secure=true 8443"
        )
    if why := network_failure(error):
        return StoreError(f"the server at {address.place} cannot be used: {why}")
    if not code:
        return StoreError(
            f"what answers at {address.place} is no ClickHouse server: check host and port, with"
            " secure=true where it wants TLS"
        )
    return mapped(error)


def _table_settings(client: Any) -> frozenset[str] | None:
    from clickhouse_connect.driver.exceptions import Error

    try:
        rows = client.query("SELECT name FROM system.merge_tree_settings").result_rows
    except Error:
        return None  # they may be hidden from this user, who then makes no tables
    return frozenset(row[0] for row in rows)


def _enter_database(connection: Connection, client: Any, address: Server, *, create: bool) -> None:
    name = address.database
    found = connection.value(
        "SELECT count() FROM system.databases WHERE name = {name:String}", {"name": name}
    )
    if not found and not create:
        raise _not_found(address)
    if not found:
        on = connection.dialect.cluster.on if connection.dialect.cluster else ""
        try:
            connection.execute(f"CREATE DATABASE IF NOT EXISTS `{name}`{on}")
        except StoreError as error:
            if error.engine_code == _DENIED:
                raise StoreError(
                    f"the database {name} is not on {address.place}, and {address.user!r} may not"
                    f" make it: have it made, or run: GRANT CREATE DATABASE ON {name}.*",
                    engine_code=_DENIED,
                ) from error
            raise
    client.database = name
    engines = connection.rows(
        "SELECT engine FROM system.tables WHERE database = {name:String} AND name = 'migrations'",
        {"name": name},
    )
    if not engines:
        if not create:
            raise _not_found(address)
        return
    spread = engines[0]["engine"] == "Distributed"
    if spread and not address.cluster:
        raise LibraryInvalid(
            f"the library in {name} on {address.place} is spread over a cluster: add"
            " ?cluster=NAME to the DSN"
        )
    if address.cluster and not spread:
        raise LibraryInvalid(
            f"the library in {name} on {address.place} is not spread over a cluster: leave"
            " ?cluster= out, or give another database"
        )


def _not_found(address: Server) -> LibraryNotFound:
    return LibraryNotFound(
        f"there is no library in the database {address.database} on {address.place}."
        " Run: vistazo index FOLDER"
    )

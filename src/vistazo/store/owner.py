"""The file by which other processes find the server of a library: its address and the owner's token.

It stands in the library's folder, readable by the owner alone. A process that is killed leaves it
behind; so it counts only while somebody holds the library's lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from vistazo.store.lock import OWNER_FILE

SERVER_FILE = "server.json"
_MOST_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that holds a library.

    Attributes:
        url: of the REST interface, without a path, such as `http://127.0.0.1:8000`.
        token: the owner's; it may read and write.
        pid: the server's process.
        sql_url: of the ClickHouse interface; empty where there is none.
    """

    url: str
    token: str
    pid: int
    sql_url: str = ""


def announce(folder: Path, serving: Serving) -> None:
    """Write the file, whole or not at all."""
    part = folder / f"{SERVER_FILE}.{secrets.token_hex(4)}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(serving), file)
        part.replace(folder / SERVER_FILE)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def withdraw(folder: Path, serving: Serving) -> None:
    """Take the file away, if it is still this server's."""
    with contextlib.suppress(OSError):
        if _read(folder) == serving:
            (folder / SERVER_FILE).unlink()


def server_of(folder: Path) -> Serving | None:
    """The server that holds the library in a folder; None when there is none.

    A file that another user wrote is not believed: its token would be sent to whom it names.
    """
    serving = _read(folder)
    return serving if serving is not None and _is_held(folder) else None


def _read(folder: Path) -> Serving | None:
    try:
        descriptor = os.open(folder / SERVER_FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (os.getuid(), 0) or status.st_mode & 0o077:
            return None
        fields = json.loads(os.read(descriptor, _MOST_BYTES))
        found = Serving(
            url=fields["url"], token=fields["token"], pid=fields["pid"], sql_url=fields["sql_url"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    finally:
        os.close(descriptor)
    texts = (found.url, found.token, found.sql_url)
    return found if all(isinstance(each, str) for each in texts) else None


def _is_held(folder: Path) -> bool:
    """Whether a process owns the library."""
    try:
        descriptor = os.open(folder / OWNER_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False

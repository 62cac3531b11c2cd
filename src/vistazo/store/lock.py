"""Who owns an embedded library: one process, known by name to the others."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from vistazo.errors import LibraryBusy, LibraryInvalid
from vistazo.records import printable

OWNER_FILE = "owner.lock"


@dataclass(frozen=True, slots=True)
class OwnerLock:
    """A held lock; the system lets go of it when the process ends, however it ends."""

    descriptor: int
    pid: int

    def release(self) -> None:
        """Let the next process in; a forked child only closes its copy."""
        # Closing alone would leave the lock with children that have inherited the descriptor.
        if os.getpid() == self.pid:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        os.close(self.descriptor)


def acquire(folder: Path, wait_s: float) -> OwnerLock:
    """Become the owner of the library in `folder`, waiting up to `wait_s` seconds.

    Raises:
        LibraryBusy: another process holds it still; the message says which.
        LibraryInvalid: the lock file cannot be written.
    """
    path = folder / OWNER_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LibraryInvalid(
            f"the library {printable(str(folder))} cannot be written: {error.strerror};"
            " check its owner and permissions"
        ) from error
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                owner = _describe(descriptor)
                os.close(descriptor)
                raise LibraryBusy(
                    f"the library {printable(str(folder))} is held by {owner};"
                    " wait until it has finished; to share a library run: vistazo serve"
                ) from None
            time.sleep(0.1)
    _sign(descriptor)
    return OwnerLock(descriptor, os.getpid())


def owner_pid(folder: Path) -> int | None:
    """The process that became the owner last; None when the file does not say."""
    try:
        pid = json.loads((folder / OWNER_FILE).read_bytes())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) else None


def _sign(descriptor: int) -> None:
    command = shlex.join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])[:200]
    text = json.dumps({"pid": os.getpid(), "command": printable(command)}).encode()
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
    except OSError:
        # A full disk: the lock holds all the same, only its holder stays unnamed.
        return


def _describe(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {owner['pid']} ({owner['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

"""Several ASGI applications in one process and one event loop, until a signal stops them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn

from vistazo.errors import ServeError, UsageError
from vistazo.records import printable

_GRACE_S = 2  # for answers that are under way when the servers are stopped
_PATIENCE_S = 10.0  # for everything, before the process ends without waiting on
_KEEP_ALIVE_S = 30
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Place:
    """A port that has been taken and is not answered on yet.

    Attributes:
        loopback: only this machine can reach it.
    """

    socket: socket.socket
    url: str
    loopback: bool

    @property
    def own_url(self) -> str:
        """Its address for programs of this machine, also where it listens on every address."""
        return self.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def take(host: str, port: int, option: str) -> Place:
    """Take a port; 0 takes a free one.

    Args:
        option: how the user gave the port.
    Raises:
        ServeError: it is taken, or not ours to take.
        UsageError: the host is no address of this machine.
    """
    shown = printable(host)
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {shown} is no address of this machine") from error
    family, kind, protocol, _, address = sorted(found, key=lambda each: each[0] != socket.AF_INET)[
        0
    ]
    taken = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere the option lets two programs have one port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is in use; give another {option}, or 0 for a free one"
        elif error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"--host {shown} is no address of this machine") from error
        else:
            message = f"port {port} of {shown} cannot be used: {error.strerror}"
        raise ServeError(message) from error
    own = taken.getsockname()
    name = f"[{own[0]}]" if family == socket.AF_INET6 else own[0]
    loopback = ipaddress.ip_address(own[0].partition("%")[0]).is_loopback
    return Place(taken, f"http://{name}:{own[1]}", loopback)


def serve(apps: Sequence[tuple[Any, Place]], on_ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C or SIGTERM.

    Answers that are under way get a moment and are then cancelled; a second signal ends the
    process at once.

    Args:
        apps: ASGI applications with the port of each.
        on_ready: called when all of them answer.
    """
    servers = [_Server(_config(app)) for app, _ in apps]
    with asyncio.Runner(loop_factory=servers[0].config.get_loop_factory()) as runner:
        runner.run(_serve(servers, [place.socket for _, place in apps], on_ready))


class _Server(uvicorn.Server):
    """One that leaves signals to us: they stop all servers, not the one that was started last."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


async def _serve(
    servers: Sequence[_Server], sockets: Sequence[socket.socket], on_ready: Callable[[], None]
) -> None:
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + number)
        stopping = True
        # What is cancelled now would be logged as failed.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        watchdog = threading.Timer(_PATIENCE_S, _give_up)
        watchdog.daemon = True
        watchdog.start()
        for server in servers:
            server.should_exit = True

    # They stay to the end of the process: whatever it still waits for, a second signal ends it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    running = [
        asyncio.create_task(server.serve(sockets=[each]))
        for server, each in zip(servers, sockets, strict=True)
    ]
    while not all(server.started for server in servers):
        if any(task.done() for task in running):
            break
        await asyncio.sleep(0.01)
    else:
        on_ready()
    await asyncio.gather(*running)


def _give_up() -> None:
    print("error: something would not stop; the process ends without it", file=sys.stderr)
    os._exit(1)

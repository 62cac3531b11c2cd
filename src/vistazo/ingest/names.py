"""Looking up hosts: what their names' addresses are, without a thread that anybody waits for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

from vistazo.ingest.retries import Fault
from vistazo.records import printable

_REMEMBERED_S = 60.0
_REMEMBERED = 10_000


class Names:
    """Looks up hosts, each once a minute, in threads that nobody waits for at the end.

    The event loop's own look-ups run in a pool that a program joins when it ends, and a name
    server that does not answer would hold it up for half a minute.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, asyncio.Future[list[str] | OSError]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The numeric addresses of a host, best first.

        Raises:
            Fault: `dns`.
        """
        until, answer = self._known.get(host, (0.0, None))
        if answer is None or (answer.done() and time.monotonic() > until):
            answer = self._look_up(host)
        found = await asyncio.shield(answer)
        if isinstance(found, list):
            return found
        if self._known.get(host, (0.0, None))[1] is answer:
            del self._known[host]
        passing = isinstance(found, socket.gaierror) and found.errno == socket.EAI_AGAIN
        reason = printable(found.strerror or str(found))
        raise Fault(f"looking up {printable(host)} failed: {reason}", code="dns", again=passing)

    def _look_up(self, host: str) -> asyncio.Future[list[str] | OSError]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str] | OSError] = loop.create_future()
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known[host] = (time.monotonic() + _REMEMBERED_S, answer)

        def settle(found: list[str] | OSError) -> None:
            if not answer.done():
                answer.set_result(found)

        def work() -> None:
            found = _addresses(host)
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=work, name="vistazo-dns", daemon=True).start()
        return answer


def _addresses(host: str) -> list[str] | OSError:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except ValueError as error:  # a label that is empty or too long
        return OSError(str(error))
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

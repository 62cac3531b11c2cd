"""An ASGI application answering on a free port of this machine, from a thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from vistazo.cli.serving import take


@contextlib.contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The application's address, for as long as it answers; `options` are uvicorn's."""
    place = take("127.0.0.1", 0, "--port")
    config = uvicorn.Config(
        app, log_config=None, ws="none", loop="asyncio", timeout_graceful_shutdown=2, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield place.url
    finally:
        server.should_exit = True
        thread.join()

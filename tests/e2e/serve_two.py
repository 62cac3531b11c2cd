"""Two applications in one process, for test_serve.py: what they do when they are stopped."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from vistazo.cli import serving


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Sends lines until it is cancelled."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"line\n", "more_body": True})
            await asyncio.sleep(0.01)
    finally:
        print("endless: cancelled", flush=True)


async def stubborn(scope: Any, receive: Any, send: Any) -> None:
    """At /wait blocks a thread for longer than any test; elsewhere says what it is."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("stubborn: shut down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/wait":
        print("stubborn: waiting", flush=True)
        await asyncio.to_thread(time.sleep, 3600)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"stubborn"})


def main() -> None:
    places = [serving.take("127.0.0.1", 0, "--port") for _ in range(2)]
    apps = list(zip((endless, stubborn), places, strict=True))
    serving.serve(apps, lambda: print(*(place.url for place in places), flush=True))
    print("served", flush=True)


if __name__ == "__main__":
    sys.exit(main())

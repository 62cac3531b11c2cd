"""Embed a library anew with the fake encoder, and die at a stage; `tests/e2e/test_reembed.py` runs it.

Run: python tests/reembed_slowly.py LIBRARY [embed|fill|exchange|record] [--rollback]
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from fakes import ColourEncoder, WideEncoder
from vistazo.config import Settings
from vistazo.ingest import reembed
from vistazo.opening import open_here
from vistazo.records import Float32Array, UInt8Array
from vistazo.store import switch

reembed.FLUSH_ROWS = 8


class SlowEncoder(WideEncoder):
    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        time.sleep(0.01 * len(pixels))
        if "embed" in sys.argv and self.embedded >= 40:
            die()
        return super().encode_pixels(pixels)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(name: str) -> None:
    real = getattr(switch, name)

    def then_die(*given: Any) -> Any:
        real(*given)
        die()

    setattr(switch, name, then_die)


if __name__ == "__main__":
    if "fill" in sys.argv:
        dying_after("_fill")
    if "exchange" in sys.argv:
        switch._record = lambda *given: die()
    if "record" in sys.argv:
        dying_after("_record")
    back = "--rollback" in sys.argv
    with open_here(sys.argv[1], settings=Settings(batch_size=4)) as library:
        print(library.reembed(ColourEncoder() if back else SlowEncoder(), rollback=back))

"""Index a folder with the fake encoder, slowly and in small writes; `tests/e2e/test_kill.py` kills it.

Run: python tests/index_slowly.py LIBRARY FOLDER [--prune]
"""

from __future__ import annotations

import sys
import time

import vistazo
from fakes import ColourEncoder
from vistazo.ingest import writer
from vistazo.records import Float32Array, UInt8Array

writer.FLUSH_ROWS = 24


class SlowEncoder(ColourEncoder):
    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        time.sleep(0.003 * len(pixels))
        return super().encode_pixels(pixels)


if __name__ == "__main__":
    with vistazo.open(sys.argv[1]) as library:
        report = library.index(sys.argv[2], encoder=SlowEncoder(), prune="--prune" in sys.argv)
    print(report)

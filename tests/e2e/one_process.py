"""Runs commands one after the other in this process, as the program would run each in its own.

Most of what a command takes is importing. Reads lists of arguments from its input, one as JSON a line,
and answers each with a line: the exit code, and what was printed as results and as notes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence

from vistazo.cli.main import main


def captured(arguments: Sequence[str]) -> tuple[int, str, str]:
    """A command's exit code, output and errors, whoever printed them: Python or a library in C."""
    kept = [os.dup(number) for number in (1, 2)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        os.dup2(output.fileno(), 1)
        os.dup2(errors.fileno(), 2)
        try:
            code = main(arguments)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode("utf-8"))
    return code, texts[0], texts[1]


def serve() -> None:
    """Answer until the input ends, which no command gets to see."""
    asked, answered = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for line in asked:
        print(json.dumps(captured(json.loads(line))), file=answered, flush=True)


if __name__ == "__main__":
    serve()

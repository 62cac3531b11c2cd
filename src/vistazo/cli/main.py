"""`vistazo`: the commands together, and the one place where errors become exit codes.

0 done, 1 error, 2 usage, 3 finished with failures, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any

import typer

import vistazo
from vistazo.cli import (
    bench,
    conversions,
    dataset,
    demo,
    doctor,
    duplicates,
    eval,
    failures,
    index,
    map,
    models,
    random,
    reembed,
    search,
    serve,
    similar,
    sql,
    stats,
)
from vistazo.errors import InvalidQuery, UsageError, VistazoError
from vistazo.records import printable

# Newer versions of typer carry their own copy of click: take its classes from what typer exports.
_ParsingError: Any = typer.BadParameter.__base__
_CommandError: Any = _ParsingError.__base__

DONE, ERROR, USAGE, WITH_FAILURES, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="vistazo",
    help="Image search whose photo library is also a SQL database.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  vistazo index ~/Pictures\n  vistazo search 'a dog on a beach'",
)
for module in (
    index,
    reembed,
    search,
    similar,
    random,
    sql,
    failures,
    stats,
    duplicates,
    map,
    eval,
    serve,
    demo,
    doctor,
):
    module.register(app)
app.add_typer(conversions.app, name="conversions")
app.add_typer(dataset.app, name="dataset")
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"vistazo {vistazo.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_version, help="Show the version and end."
    ),
) -> None:
    pass


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the program; ends the process."""
    signal.signal(signal.SIGTERM, _stop)
    code = main(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_gone()
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            list(arguments) or ["--help"], prog_name="vistazo", standalone_mode=False
        )
    except VistazoError as error:
        if isinstance(error, InvalidQuery) and error.text and error.position is not None:
            _point(error.text, error.position)
        return _say(str(error), USAGE if isinstance(error, UsageError) else ERROR)
    except _ParsingError as error:
        text = error.format_message().rstrip(".")
        end = " " if text.endswith("?") else ". "
        return _say(f"{text}{end}Run: {error.ctx.command_path} --help", USAGE)
    except _CommandError as error:
        return _say(error.format_message(), ERROR)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        traceback.print_exc()
        return _say(f"this is a bug in vistazo, please report it: {error!r}", ERROR)
    return result if isinstance(result, int) else DONE


def _say(message: str, code: int) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return code


def _point(text: str, position: int) -> None:
    """Show a query, and under it where it fails."""
    before, after = printable(text[:position]), printable(text[position:])
    begin = max(0, len(before) - 60)
    print(f"  {(before + after)[begin : begin + 76]}", file=sys.stderr)
    print(f"  {' ' * (len(before) - begin)}^", file=sys.stderr)


def _reader_gone() -> int:
    # `vistazo search .. | head`: nobody reads on, and Python must not complain about it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()

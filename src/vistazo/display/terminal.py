"""Thumbnails inside a terminal: what it can show, and the escape sequences that show it.

Three protocols are known. All results become one contact sheet, so that each protocol only ever
places a single picture and no cursor arithmetic is needed.
"""

from __future__ import annotations

import base64
import enum
import io
import os
import re
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistazo.display.sheet import compose
from vistazo.errors import InvalidSetting
from vistazo.records import UInt8Array

SETTING = "VISTAZO_GRAPHICS"
ROW_HEIGHT_CELLS = 7
# What a terminal that does not tell its size in pixels is taken for: width, height.
CELL_PX = (10, 20)
ANSWER_TIMEOUT_S = 0.1
# Over ssh the answer travels; given up too early, it would appear as typed text at the prompt.
REMOTE_ANSWER_TIMEOUT_S = 1.0
_KITTY_CHUNK = 4096
_COLOURS = 255
_ASK = b"\x1b[c"
_ANSWER = re.compile(rb"\x1b\[\?([0-9;]*)c")


class Graphics(enum.Enum):
    """A protocol for pictures in a terminal."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"


_BY_PROGRAM = {
    "ghostty": Graphics.KITTY,
    "iTerm.app": Graphics.ITERM2,
    "WezTerm": Graphics.ITERM2,
}
_BY_TERM = {
    "xterm-kitty": Graphics.KITTY,
    "xterm-ghostty": Graphics.KITTY,
    "foot": Graphics.SIXEL,
    "foot-extra": Graphics.SIXEL,
    "mlterm": Graphics.SIXEL,
    "yaft-256color": Graphics.SIXEL,
}


def detect(
    environ: Mapping[str, str],
    stream: TextIO,
    *,
    ask: Callable[[float], bool] | None = None,
) -> Graphics | None:
    """The protocol of the terminal behind `stream`; None for a pipe, a file, a plain terminal.

    Args:
        environ: `VISTAZO_GRAPHICS` (none, kitty, iterm2, sixel) decides for any terminal.
        ask: whether the terminal says that it draws sixels, within that many seconds; called
            only without cheaper evidence. Default: the controlling terminal is asked.
    Raises:
        InvalidSetting: `VISTAZO_GRAPHICS` has another value.
    """
    wished = environ.get(SETTING, "").strip().lower()
    names = ["none", *(graphics.value for graphics in Graphics)]
    if wished and wished not in names:
        raise InvalidSetting(f"{SETTING} must be one of {', '.join(names)}, not {wished!r}")
    if not stream.isatty() or wished == "none":
        return None
    if wished:
        return Graphics(wished)
    term = environ.get("TERM", "")
    if term == "dumb":
        return None
    # A multiplexer swallows what it does not know, and inherits the variables of the terminal
    # it was started in: only its own answer counts.
    multiplexed = any(environ.get(name) for name in ("TMUX", "STY", "ZELLIJ"))
    if not multiplexed and not term.startswith(("tmux", "screen")):
        evident = _evident(environ, term)
        if evident:
            return evident
    remote = environ.get("SSH_TTY") or environ.get("SSH_CONNECTION")
    timeout_s = REMOTE_ANSWER_TIMEOUT_S if remote else ANSWER_TIMEOUT_S
    return Graphics.SIXEL if (ask or _terminal_draws_sixels)(timeout_s) else None


def _evident(environ: Mapping[str, str], term: str) -> Graphics | None:
    program = environ.get("TERM_PROGRAM", "")
    if term in _BY_TERM:
        return _BY_TERM[term]
    if program in _BY_PROGRAM:
        return _BY_PROGRAM[program]
    # An editor started from kitty inherits its window id, but names its own terminal.
    if environ.get("KITTY_WINDOW_ID") and not program:
        return Graphics.KITTY
    if environ.get("LC_TERMINAL") == "iTerm2":  # unlike TERM_PROGRAM it survives ssh
        return Graphics.ITERM2
    return None


def _terminal_draws_sixels(timeout_s: float) -> bool:
    """Ask the controlling terminal, unless that could disturb anybody."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        device = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        # Touching the terminal's mode from the background would stop this process.
        if os.tcgetpgrp(device) != os.getpgrp():
            return False
        return 4 in device_attributes(device, timeout_s=timeout_s)
    except OSError:
        return False
    finally:
        os.close(device)


def device_attributes(device: int, *, timeout_s: float) -> frozenset[int]:
    """Ask the terminal on a file descriptor for its primary device attributes (DA1).

    The terminal's mode is restored whatever happens.

    Returns:
        The attribute numbers, 4 meaning sixel; empty without an answer in time, or when
        somebody has typed ahead (the answer could not be told from the keys).
    """
    try:
        import termios
        import tty
    except ImportError:  # not a POSIX system
        return frozenset()
    try:
        before = termios.tcgetattr(device)
    except termios.error:
        return frozenset()
    try:
        tty.setraw(device, termios.TCSANOW)
        # Not `select`, which knows no device from number 1024 on: the engine opens that many.
        reader = select.poll()
        reader.register(device, select.POLLIN)
        if reader.poll(0):
            return frozenset()
        os.write(device, _ASK)
        answer = b""
        deadline = time.monotonic() + timeout_s
        while not (found := _ANSWER.search(answer)):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not reader.poll(left_s * 1000):
                return frozenset()
            answer += os.read(device, 256)
    finally:
        termios.tcsetattr(device, termios.TCSANOW, before)
    # The first number is the class of the terminal, not an attribute.
    return frozenset(int(number) for number in found[1].split(b";")[1:] if number)


def cell_size_px(stream: TextIO) -> tuple[int, int]:
    """Width and height of one character cell, as the terminal reports them or `CELL_PX`."""
    try:
        import fcntl
        import struct
        import termios

        reply = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (ImportError, OSError, ValueError):
        return CELL_PX
    rows, columns, width_px, height_px = struct.unpack("HHHH", reply)
    if not (rows and columns and width_px and height_px):
        return CELL_PX
    cell = width_px // columns, height_px // rows
    return cell if 4 <= cell[0] <= 64 and 8 <= cell[1] <= 128 else CELL_PX


def row_of_images(
    images: Sequence[Image.Image],
    graphics: Graphics,
    *,
    columns_available: int,
    cell_px: tuple[int, int] = CELL_PX,
) -> str:
    """The numbered pictures side by side, in as many rows as they need, as one text to print.

    Args:
        columns_available: width of the terminal in cells.
        cell_px: width and height of a cell; see `cell_size_px`.
    Returns:
        ASCII that ends with a newline; empty for no images.
    """
    if not images:
        return ""
    # The last column stays free: a picture that touches it makes some terminals wrap.
    columns = max(columns_available - 1, 8)
    sheet = compose(
        images,
        width_px=columns * cell_px[0],
        row_height_px=ROW_HEIGHT_CELLS * cell_px[1],
        gap_px=max(cell_px[0] // 2, 4),
        numbers=True,
    )
    return encode(sheet, graphics, columns=-(-sheet.width // cell_px[0])) + "\n"


def encode(image: Image.Image, graphics: Graphics, *, columns: int = 0) -> str:
    """The escape sequence that draws `image` at the cursor.

    Args:
        columns: width on the screen in cells, the height follows; 0 lets a pixel be a pixel.
            Sixels are always drawn pixel by pixel.
    Source:
        kitty graphics protocol; iTerm2 inline images protocol; DEC STD 070 for sixels.
    """
    if graphics is Graphics.SIXEL:
        return _sixel(image)
    png = io.BytesIO()
    image.save(png, "PNG")
    payload = base64.b64encode(png.getvalue()).decode("ascii")
    if graphics is Graphics.ITERM2:
        size = f"size={png.tell()};width={columns or 'auto'};height=auto;preserveAspectRatio=1"
        return f"\x1b]1337;File=inline=1;{size}:{payload}\x07"
    # q=2: the terminal must not answer, the answer would land in the shell's input.
    control = "a=T,f=100,q=2" + (f",c={columns}" if columns else "")
    parts = []
    for start in range(0, len(payload), _KITTY_CHUNK):
        more = int(start + _KITTY_CHUNK < len(payload))
        chunk = payload[start : start + _KITTY_CHUNK]
        parts.append(f"\x1b_G{control},m={more};{chunk}\x1b\\")
        control = "q=2"
    return "".join(parts)


def _sixel(image: Image.Image) -> str:
    layer = image.convert("RGBA")
    seen = np.asarray(layer)[:, :, 3] >= 128
    paletted = layer.convert("RGB").quantize(_COLOURS, Image.Quantize.MEDIANCUT)
    palette = np.asarray(paletted.getpalette(), dtype=np.int64).reshape(-1, 3)
    pixels = np.asarray(paletted)
    height, width = pixels.shape
    percent = (palette * 100 + 127) // 255
    used = np.unique(pixels[seen])
    colours = "".join("#{};2;{};{};{}".format(n, *percent[n]) for n in used.tolist())
    bands = [
        _band(pixels[top : top + 6], seen[top : top + 6], width) for top in range(0, height, 6)
    ]
    # P2 = 1: pixels that are not set keep the terminal's background.
    return f'\x1bP0;1;0q"1;1;{width};{height}{colours}{"-".join(bands)}\x1b\\'


def _band(pixels: UInt8Array, seen: NDArray[np.bool_], width: int) -> str:
    """Six pixel rows: for each colour one line of sixels, bit n standing for row n."""
    sixels = np.zeros((256, width), dtype=np.uint8)
    columns = np.arange(width)
    for number, (line, shown) in enumerate(zip(pixels, seen, strict=True)):
        at = columns[shown]
        sixels[line[at], at] |= 1 << number
    drawn = np.flatnonzero(sixels.any(axis=1))
    return "$".join(f"#{colour}{_runs(sixels[colour])}" for colour in drawn.tolist())


def _runs(sixels: UInt8Array) -> str:
    starts = np.flatnonzero(np.diff(sixels, prepend=sixels[0] + 1))
    lengths = np.diff(starts, append=len(sixels)).tolist()
    parts = []
    for value, length in zip(sixels[starts].tolist(), lengths, strict=True):
        letter = chr(63 + value)
        parts.append(f"!{length}{letter}" if length > 3 else letter * length)
    if sixels[starts[-1]] == 0:
        parts.pop()  # nothing to draw up to the right edge
    return "".join(parts)

import base64
import contextlib
import fcntl
import io
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
import threading
import time

import numpy as np
import pytest
from PIL import Image

from vistazo.display.terminal import (
    CELL_PX,
    Graphics,
    cell_size_px,
    detect,
    device_attributes,
    encode,
    row_of_images,
)
from vistazo.errors import InvalidSetting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def never(timeout_s: float) -> bool:
    raise AssertionError("the terminal was asked although the evidence was there")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-kitty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Graphics.KITTY),
        ({"TERM": "xterm-ghostty"}, Graphics.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, Graphics.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, Graphics.ITERM2),
        ({"TERM_PROGRAM": "WezTerm"}, Graphics.ITERM2),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, Graphics.ITERM2),
        ({"TERM": "foot"}, Graphics.SIXEL),
        ({"TERM": "mlterm"}, Graphics.SIXEL),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "VISTAZO_GRAPHICS": "none"}, None),
        ({"TERM": "dumb", "VISTAZO_GRAPHICS": "Sixel "}, Graphics.SIXEL),
        ({"TMUX": "/tmp/x", "VISTAZO_GRAPHICS": "kitty"}, Graphics.KITTY),
    ],
)
def test_cheap_evidence_decides_without_asking(environ, expected):
    assert detect(environ, Terminal(), ask=never) is expected


@pytest.mark.parametrize(
    "environ",
    [
        {"TERM": "xterm-256color"},
        {"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0", "KITTY_WINDOW_ID": "1"},
        {"TERM": "screen", "STY": "1.x", "LC_TERMINAL": "iTerm2"},
        {"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "KITTY_WINDOW_ID": "1"},
        {"TERM": "xterm-256color", "KONSOLE_VERSION": "230805"},
    ],
)
def test_otherwise_the_terminal_is_asked(environ):
    assert detect(environ, Terminal(), ask=lambda timeout_s: True) is Graphics.SIXEL
    assert detect(environ, Terminal(), ask=lambda timeout_s: False) is None


def test_a_remote_terminal_gets_more_time():
    asked: list[float] = []
    for environ in ({"TERM": "xterm"}, {"TERM": "xterm", "SSH_TTY": "/dev/pts/1"}):
        detect(environ, Terminal(), ask=lambda timeout_s: bool(asked.append(timeout_s)))
    assert asked == [0.1, 1.0]


def test_a_pipe_gets_no_pictures_even_when_wished():
    for environ in ({"TERM": "xterm-kitty"}, {"VISTAZO_GRAPHICS": "kitty"}, {"TERM": "xterm"}):
        assert detect(environ, io.StringIO(), ask=never) is None


def test_an_unknown_wish_is_refused():
    message = "VISTAZO_GRAPHICS must be one of none, kitty, iterm2, sixel, not 'ascii'"
    with pytest.raises(InvalidSetting, match=message):
        detect({"VISTAZO_GRAPHICS": "ascii"}, io.StringIO())


@pytest.fixture
def terminal():
    """(terminal's end, program's end) of a pseudo-terminal."""
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


@contextlib.contextmanager
def answering(master: int, *parts: bytes):
    """A terminal that waits for the question and answers in the given parts."""
    received: list[bytes] = []

    def answer() -> None:
        received.append(os.read(master, 3))
        for part in parts:
            os.write(master, part)
            time.sleep(0.01)

    thread = threading.Thread(target=answer)
    thread.start()
    yield received
    thread.join()


@pytest.mark.parametrize(
    ("parts", "attributes"),
    [
        ((b"\x1b[?62;4;22c",), {4, 22}),
        ((b"\x1b[?6", b"3;1;2;4", b";6;9c"), {1, 2, 4, 6, 9}),
        ((b"\x1b[?4;6c",), {6}),  # 4 as the terminal's class is no sixel
        ((b"\x1b[?6c",), set()),
    ],
)
def test_device_attributes_are_read_from_the_answer(terminal, parts, attributes):
    master, slave = terminal
    before = termios.tcgetattr(slave)
    with answering(master, *parts) as received:
        assert device_attributes(slave, timeout_s=5.0) == attributes
    assert received == [b"\x1b[c"]
    assert termios.tcgetattr(slave) == before


def test_a_silent_terminal_costs_the_timeout_and_keeps_its_mode(terminal):
    _, slave = terminal
    before = termios.tcgetattr(slave)
    started = time.monotonic()
    assert device_attributes(slave, timeout_s=0.1) == frozenset()
    assert 0.09 <= time.monotonic() - started < 2.0
    assert termios.tcgetattr(slave) == before


def test_a_device_beyond_what_select_knows(terminal):
    _, slave = terminal
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    high = fcntl.fcntl(slave, fcntl.F_DUPFD, 1100)
    try:
        assert device_attributes(high, timeout_s=0.01) == frozenset()
    finally:
        os.close(high)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_keys_typed_ahead_are_left_for_their_reader(terminal):
    master, slave = terminal
    os.write(master, b"ls\n")
    assert device_attributes(slave, timeout_s=1.0) == frozenset()
    assert os.read(slave, 10) == b"ls\n"


def test_something_that_is_no_terminal_has_no_attributes(tmp_path):
    with (tmp_path / "file").open("w+") as file:
        assert device_attributes(file.fileno(), timeout_s=1.0) == frozenset()
        assert cell_size_px(file) == CELL_PX


@pytest.mark.parametrize(
    ("answer", "expected"), [(b"\x1b[?62;4c", "SIXEL"), (b"\x1b[?62c", "None")]
)
def test_a_process_asks_its_own_terminal(terminal, answer, expected):
    master, slave = terminal
    code = (
        "import fcntl, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from vistazo.display.terminal import detect\n"
        "found = detect({'TERM': 'xterm', 'SSH_TTY': 'x'}, sys.stdout)\n"
        "print(found.name if found else found, file=sys.stderr)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    with answering(master, answer):
        _, said = child.communicate(timeout=60)
    assert said == f"{expected}\n"


def test_cell_size_comes_from_the_terminal(terminal):
    _, slave = terminal
    with os.fdopen(os.dup(slave), "w") as stream:
        assert cell_size_px(stream) == CELL_PX
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 1200, 1250))
        assert cell_size_px(stream) == (12, 25)


def photo(width: int = 90, height: int = 61) -> Image.Image:
    """A smooth picture whose height is no multiple of six."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def kitty_picture(text: str) -> tuple[list[str], Image.Image]:
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{control};{data}\x1b\\" for control, data in chunks) == text
    assert all(len(data) <= 4096 for _, data in chunks)
    assert all(len(data) % 4 == 0 for _, data in chunks)
    png = base64.b64decode("".join(data for _, data in chunks), validate=True)
    return [control for control, _ in chunks], Image.open(io.BytesIO(png))


def test_kitty_sends_a_png_in_chunks():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8))
    controls, picture = kitty_picture(encode(noise, Graphics.KITTY, columns=8))
    assert controls[0] == "a=T,f=100,q=2,c=8,m=1"
    assert len(controls) > 3
    assert set(controls[1:-1]) == {"q=2,m=1"}
    assert controls[-1] == "q=2,m=0"
    assert np.array_equal(np.asarray(picture), np.asarray(noise))


def test_kitty_sends_a_small_picture_at_once():
    controls, picture = kitty_picture(encode(Image.new("RGB", (2, 2), "red"), Graphics.KITTY))
    assert controls == ["a=T,f=100,q=2,m=0"]
    assert picture.getpixel((1, 1)) == (255, 0, 0)


@pytest.mark.parametrize(("columns", "width"), [(12, "12"), (0, "auto")])
def test_iterm2_sends_a_png_with_its_size(columns, width):
    text = encode(photo(), Graphics.ITERM2, columns=columns)
    found = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+);width=(\w+);height=auto;preserveAspectRatio=1:(.*)\x07",
        text,
    )
    png = base64.b64decode(found[3], validate=True)
    assert (int(found[1]), found[2]) == (len(png), width)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), np.asarray(photo()))


def unsixel(text: str) -> np.ndarray:
    """Decode sixels to (height, width, 4), alpha 0 where nothing was drawn."""
    found = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', text)
    width, height, body = int(found[1]), int(found[2]), found[3]
    pixels = np.zeros((-(-height // 6) * 6, width, 4), dtype=np.uint8)
    palette: dict[int, list[float]] = {}
    colour = x = top = 0
    token = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])")
    position = 0
    while position < len(body):
        part = token.match(body, position)
        position = part.end()
        if part[1]:
            palette[int(part[1])] = [round(int(part[n]) * 2.55) for n in (2, 3, 4)]
        elif part[5]:
            colour = int(part[5])
        elif part[9]:
            x, top = 0, top + (6 if part[9] == "-" else 0)
        else:
            count, bits = int(part[6] or 1), ord(part[7] or part[8]) - 63
            assert x + count <= width
            for row in range(6):
                if bits >> row & 1:
                    assert not pixels[top + row, x : x + count, 3].any(), "drawn twice"
                    pixels[top + row, x : x + count] = [*palette[colour], 255]
            x += count
    assert len(palette) <= 255
    assert not pixels[height:].any()
    return pixels[:height]


def test_sixels_decode_to_the_picture():
    decoded = unsixel(encode(photo(), Graphics.SIXEL))
    assert (decoded[:, :, 3] == 255).all()
    wrong = np.abs(decoded[:, :, :3].astype(int) - np.asarray(photo()).astype(int))
    assert wrong.mean() < 6
    assert wrong.max() < 30


def test_sixels_of_flat_colours_are_exact_to_a_percent_and_short():
    picture = Image.new("RGB", (200, 12), (250, 128, 0))
    picture.paste((0, 0, 255), (100, 0, 200, 12))
    text = encode(picture, Graphics.SIXEL)
    decoded = unsixel(text)[:, :, :3].astype(int)
    assert np.abs(decoded - np.asarray(picture).astype(int)).max() <= 2
    assert len(text) < 150


def test_sixels_leave_transparent_pixels_alone():
    picture = Image.new("RGBA", (20, 8), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (5, 2, 15, 7))
    decoded = unsixel(encode(picture, Graphics.SIXEL))
    assert np.array_equal(decoded, np.asarray(picture))
    assert not unsixel(encode(Image.new("RGBA", (9, 7)), Graphics.SIXEL)).any()


def test_a_row_of_images_is_one_picture_within_the_terminal():
    images = [Image.new("RGB", (300, 200), colour) for colour in ("red", "lime", "blue")]
    text = row_of_images(images, Graphics.KITTY, columns_available=60, cell_px=(10, 20))
    assert text.endswith("\x1b\\\n")
    controls, sheet = kitty_picture(text[:-1])
    assert controls[0].startswith("a=T,f=100,q=2,c=59,")
    # three pictures 3:2, nearly seven cells high: stretched or shrunk to the 59 free columns
    assert sheet.width == 590
    middle = sheet.height // 2
    shown = [sheet.getpixel((x, middle)) for x in (150, 290, 440)]
    assert shown == [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)]
    assert sheet.getpixel((195, middle))[3] == 0


@pytest.mark.parametrize("graphics", list(Graphics))
def test_many_images_of_odd_shapes_stay_within_the_columns(graphics):
    images = [Image.new("RGB", size) for size in [(320, 20), (20, 320), (1, 1), (320, 213)] * 5]
    text = row_of_images(images, graphics, columns_available=40, cell_px=(8, 16))
    assert text.isascii()
    assert text.endswith("\n")
    if graphics is Graphics.SIXEL:
        assert unsixel(text[:-1]).shape[1] <= 39 * 8


def test_no_images_print_nothing():
    assert row_of_images([], Graphics.SIXEL, columns_available=80) == ""

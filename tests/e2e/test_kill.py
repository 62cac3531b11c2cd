"""Stopped anywhere, the same command continues and ends with the rows of an uninterrupted run."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rows
import vistazo
from e2e.cli import PROGRAM, run

TESTS = Path(__file__).parents[1]
PHOTOS = TESTS.parent / "sample/photos"
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Scene:
    """A command, the library it starts from, and what it must end with.

    Attributes:
        before: a library to copy; None starts without one.
        seconds: what the command takes when nobody stops it.
    """

    folder: Path
    options: tuple[str, ...]
    before: Path | None
    expected: Rows
    seconds: float


def start(library: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "index_slowly.py"), str(library), str(folder), *options],
        env={**env, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state(library: Path) -> Rows:
    """All rows of a library in which every run has ended."""
    with vistazo.open(library, create=False) as opened:
        runs = opened.sql("SELECT event, count() AS n FROM runs GROUP BY event").to_pylist()
        assert len({row["n"] for row in runs}) == 1
        return rows.everything(opened)


def whole(library: Path, folder: Path, *options: str) -> tuple[Rows, float]:
    """What an uninterrupted run ends with, and its seconds."""
    started = time.monotonic()
    process = start(library, folder, *options)
    _, errors = process.communicate(timeout=120)
    seconds = time.monotonic() - started
    assert process.returncode == 0, errors
    return state(library), seconds


def small_pictures(folder: Path) -> None:
    """300 items: noise and gradients, every twelfth a copy of another, and a few bad ones."""
    noise = np.random.default_rng(5)
    for number in range(290):
        path = folder / f"{number // 60}" / f"{number:03}.{'jpg' if number % 3 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 12 == 11:
            shutil.copy(folder / "0/000.png", path)
            continue
        pixels = noise.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        if number % 2:
            pixels = np.linspace(pixels[0, 0], pixels[0, 1], 32 * 32).reshape(32, 32, 3)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    good = (folder / "1/061.jpg").read_bytes()
    for number in range(10):
        path = folder / f"{number % 5}" / f"bad {number}.jpg"
        kind = number % 4
        if kind == 3:
            path.symlink_to("nothing.jpg")
        else:
            path.write_bytes((b"", b"no picture", good[: len(good) // 2])[kind])
    (folder / "captions.csv").write_text("file,photo_id,description\n1/060.png,P60,sixty\n")


def change(folder: Path) -> None:
    """Something of all that can happen to a folder between two runs."""
    (folder / "4").rename(folder / "moved")
    for path in sorted((folder / "1").glob("*.jpg"))[:20]:
        os.utime(path, ns=(1, 1))
    for path in sorted((folder / "2").glob("*.png")):
        Image.new("RGB", (20, 20), f"#{path.stem}{path.stem}").save(path)
    for path in sorted((folder / "3").glob("*.png")):
        path.unlink()
    shutil.copytree(folder / "0", folder / "copied", symlinks=True)
    (folder / "0/bad 0.jpg").unlink()
    lines = [f"1/{path.name},{path.stem},new" for path in sorted((folder / "1").glob("*.png"))]
    (folder / "captions.csv").write_text("\n".join(["file,photo_id,description", *lines]))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    """A library that is filled from nothing, and one that is brought up to date."""
    home = tmp_path_factory.mktemp("kill")
    small_pictures(home / "first")
    first, seconds = whole(home / "library", home / "first")
    assert [len(first[table]) for table in ("photos", "failures")] == [290, 10]
    # The second folder is the first one later, so it must stand at the same path.
    small_pictures(home / "second")
    whole(home / "before", home / "second")
    change(home / "second")
    shutil.copytree(home / "before", home / "after", symlinks=True)
    second, seconds_after = whole(home / "after", home / "second", "--prune")
    assert len(second["photos"]) > 290
    return [
        Scene(home / "first", (), None, first, seconds),
        Scene(home / "second", ("--prune",), home / "before", second, seconds_after),
    ]


def kill_until_done(scene: Scene, library: Path, moments: Iterator[float]) -> int:
    """Start again and again, killing each time, until a run comes to its end; how many kills."""
    if scene.before is not None:
        shutil.copytree(scene.before, library, symlinks=True)
    kills = 0
    while True:
        wait_s = next(moments, None)
        process = start(library, scene.folder, *scene.options)
        try:
            out, errors = process.communicate(
                timeout=120 if wait_s is None else wait_s * scene.seconds
            )
        except subprocess.TimeoutExpired:
            assert wait_s is not None, "the run hangs"
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, errors
        assert "IngestReport" in out
        return kills


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("number", [0, 1], ids=["from nothing", "bring up to date"])
def test_kill_9(scenes: list[Scene], number: int, kills: int, tmp_path: Path) -> None:
    scene = scenes[number]
    chance = random.Random(kills + number)
    delivered = lives = 0
    while delivered < kills:
        lives += 1
        # Spread over the whole course, start and end included, in any order.
        left = kills - delivered
        moments = [(step + chance.random()) / left for step in range(left)]
        chance.shuffle(moments)
        library = tmp_path / f"library {lives}"
        delivered += kill_until_done(scene, library, iter(moments))
        assert state(library) == scene.expected
        shutil.rmtree(library)
    assert delivered >= kills


def test_ctrl_c_says_how_to_continue(tmp_path: Path) -> None:
    folder = tmp_path / "my pictures"
    folder.mkdir()
    count = 0
    for path in sorted((PHOTOS / "images").glob("*.jpg")):
        for number in range(8):  # other bytes, the same picture
            (folder / f"{path.stem} {number}.jpg").write_bytes(path.read_bytes() + bytes(number))
            count += 1
    arguments = ["index", str(folder), "--db", str(tmp_path / "library")]
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # A shell's background jobs ignore Ctrl-C, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert "encoder: offline" in process.stderr.readline()
    threading.Event().wait(1.5)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert out == ""
    (line,) = [line for line in errors.splitlines() if line.startswith("stopped; ")]
    assert "Traceback" not in errors
    prefix = "stopped; what was done is kept. To continue run: "
    command = shlex.split(line.removeprefix(prefix))
    assert command == ["vistazo", *arguments]
    again = run(*command[1:], "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["added"] + report["unchanged"] == count
    assert report["failed"] == 0
    assert report["added"] > 0
    library = state(tmp_path / "library")
    assert len(library["photos"]) == count

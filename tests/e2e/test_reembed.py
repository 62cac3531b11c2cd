"""`vistazo reembed`: by its command line, and killed at every stage."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rows
from conftest import paint
from fakes import ColourEncoder, WideEncoder
from vistazo.cli.main import main
from vistazo.opening import open_here

TESTS = Path(__file__).parents[1]
COUNT = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of sixty small pictures; tests copy it."""
    home = tmp_path_factory.mktemp("made")
    noise = np.random.default_rng(3)
    (home / "pictures").mkdir()
    for number in range(COUNT):
        colour = noise.integers(0, 256, 3, dtype=np.uint8)
        pixels = np.broadcast_to(colour, (16, 16, 3))
        Image.fromarray(np.ascontiguousarray(pixels)).save(home / f"pictures/{number:02}.png")
    with open_here(home / "library", encoder=ColourEncoder()) as library:
        library.index(home / "pictures")
    return home / "library"


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "library", symlinks=True)
    return tmp_path / "library"


def start(library: Path, *options: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "reembed_slowly.py"), str(library), *options],
        env={**env, "PYTHONPATH": os.pathsep.join([str(TESTS), env.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(library: Path, *options: str) -> None:
    process = start(library, *options)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors


def state(library: Path) -> tuple[str, dict[str, Any], dict[str, Any], int]:
    """Encoder, vectors, everything else, and how many vectors are kept."""
    with open_here(library, create=False) as opened:
        spec = opened.encoder
        assert spec is not None
        found = opened.sql("SELECT photo_id, photo_embed FROM photos").to_pylist()
        embeddings = {row["photo_id"]: row["photo_embed"] for row in found}
        assert len(found) == len(embeddings) == COUNT
        assert {len(vector) for vector in embeddings.values()} == {spec.dim}
        others = {
            "photos": opened.sql("SELECT * EXCEPT photo_embed FROM photos").to_pylist(),
            "tables": [
                name for row in opened.sql("SHOW TABLES").to_pylist() for name in row.values()
            ],
        }
        others["photos"].sort(key=lambda row: row["photo_id"])
        kept = opened.sql("SELECT count() AS n FROM kept_vectors").to_pylist()[0]["n"]
        return spec.name, embeddings, others, kept


def test_killed_at_every_stage(copied: Path) -> None:
    killed(copied, "embed")
    name, old, others, kept = state(copied)
    assert name == "colours"
    assert 8 <= kept < COUNT  # what was written stays
    killed(copied, "fill")
    name, vectors, now, kept = state(copied)
    assert (name, vectors, now, kept) == ("colours", old, others, 2 * COUNT)
    assert "photos_next" not in now["tables"]
    killed(copied, "exchange")  # the tables are exchanged, and the encoder is not recorded
    name, new, now, _ = state(copied)
    assert (name, now) == ("wide", others)
    for photo_id, vector in new.items():
        assert np.allclose(vector, [*-np.array(old[photo_id]), 0, 0], atol=1e-6)
    killed(copied, "--rollback", "record")
    name, vectors, now, _ = state(copied)
    assert (name, vectors, now) == ("colours", old, others)
    with open_here(copied, encoder=ColourEncoder()) as library:
        assert len(library.search("red", k=COUNT)) == COUNT
        assert library.reembed(WideEncoder()).embedded == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(copied: Path, seed: int) -> None:
    chance = random.Random(seed)
    before = state_of_rows(copied)
    started = time.monotonic()
    shutil.copytree(copied, copied.parent / "measured", symlinks=True)
    with start(copied.parent / "measured") as measured:
        _, errors = measured.communicate(timeout=120)
    assert measured.returncode == 0, errors
    seconds = time.monotonic() - started
    for _ in range(6):
        process = start(copied)
        try:
            process.communicate(timeout=(0.3 + 0.8 * chance.random()) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        else:
            break
    with open_here(copied, encoder=None) as library:
        switched = library.encoder == WideEncoder().spec
        if not switched:
            assert library.reembed(WideEncoder()).switched
    name, _, others, _ = state(copied)
    assert (name, others["photos"]) == ("wide", before)


def state_of_rows(library: Path) -> list[dict[str, Any]]:
    with open_here(library) as opened:
        found = opened.sql("SELECT * EXCEPT photo_embed FROM photos ORDER BY photo_id")
        assert rows.everything(opened)
        return found.to_pylist()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a library of three pictures, made by an encoder that is not vistazo's."""
    for name in ("red", "green", "blue"):
        paint(tmp_path / "pictures" / f"{name}.png", name)
    (tmp_path / "vistazo.toml").write_text('db = "photos"\n')
    with open_here(tmp_path / "photos", encoder=ColourEncoder()) as library:
        library.index(tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_by_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reembed", "--encoder", "offline"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("3 photos embedded in ")
    assert "encoder is now offline, and was colours" in said.out
    assert "To go back run: vistazo reembed --rollback" in said.err
    assert main(["search", "a red wall", "-k", "1"]) == 0
    assert main(["reembed", "--encoder", "offline"]) == 2
    assert "those of 'offline' already" in capsys.readouterr().err
    assert main(["reembed", "--rollback", "--json"]) == 0
    back = json.loads(capsys.readouterr().out)
    assert back["switched"] is True
    assert (back["embedded"], back["encoder"]["name"]) == (0, "colours")
    assert main(["reembed", "--forget"]) == 0
    assert capsys.readouterr().out == "3 kept vectors deleted\n"


def test_a_photo_that_is_nowhere(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "pictures/red.png").unlink()
    with open_here(home / "photos") as library:
        library.sql("TRUNCATE TABLE thumbnails", write=True)
    assert main(["reembed", "--encoder", "offline"]) == 3
    said = capsys.readouterr()
    assert "1 failed; the library's encoder is still colours" in said.out
    assert "red.png: its file is gone" in said.err
    assert main(["reembed", "--encoder", "offline", "--leave-out"]) == 0
    said = capsys.readouterr()
    assert "0 photos embedded" in said.out
    assert "1 photos could not be embedded and were removed" in said.err


def test_bad_usage(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, said in (
        ((), "say which encoder: give --encoder NAME, or --rollback"),
        (("--encoder", "nothing"), "there is no encoder 'nothing'"),
        (("--rollback",), "no encoder of this library was replaced"),
        (("--forget", "--rollback"), "--forget goes with neither"),
    ):
        assert main(["reembed", *options]) == 2
        assert said in capsys.readouterr().err

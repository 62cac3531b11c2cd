"""A snapshot in files: what was saved comes back, and what was damaged is as if it were not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from segments import key_of, segment, unit
from vistazo.search.memory import saved
from vistazo.search.memory.graph import Graph
from vistazo.search.memory.snapshot import Part, Snapshot
from vistazo.store.state import State

TESTS = Path(__file__).parents[3]
N, DIM = 3000, 16
STATE = State(7, N - 2)


def never() -> bool:
    return False


def made(state: State = STATE, seed: int = 0) -> Snapshot:
    vectors = unit(np.random.default_rng(seed).standard_normal((N, DIM)))
    first, second = segment(vectors[:2000]), segment(vectors[2000:], 2000)
    first.graph = Graph.built(first.vectors, never)
    alive = np.ones(2000, dtype=np.bool_)
    alive[[3, 5]] = False
    return Snapshot(state, "sum", [Part.of(first, alive), Part.of(second)], stamp=2**63 + 5)


def same(one: Snapshot, other: Snapshot) -> None:
    assert (one.state, one.encoder, one.stamp, one.dim) == (
        (other.state, other.encoder, other.stamp, other.dim)
    )
    assert [part.count for part in one.parts] == [part.count for part in other.parts]
    keys = np.array([key_of(number) for number in range(0, N, 3)], dtype=np.uint64)
    for seed in range(5):
        query = unit(np.random.default_rng(seed).standard_normal(DIM))
        for matching in (lambda s: s.every(), lambda s: s.matching(("", ""), keys)):
            found = one.nearest(query, 10, matching(one))
            assert found == other.nearest(query, 10, matching(other))
            ids = [each.photo_id for each in found]
            assert one.shown(ids) == other.shown(ids)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return made()


@pytest.fixture
def folder(snapshot: Snapshot, tmp_path: Path) -> Path:
    folder = tmp_path / "resident"
    assert saved.save(snapshot, folder, never)
    return folder


def test_it_comes_back(snapshot: Snapshot, folder: Path) -> None:
    loaded = saved.load(folder)
    assert loaded is not None
    same(loaded, snapshot)
    graph = loaded.parts[0].segment.graph
    query = unit(np.ones(DIM))
    expected = snapshot.parts[0].segment.graph.near(query, 20, 64)
    assert graph.near(query, 20, 64).tolist() == expected.tolist()
    assert np.array_equal(
        loaded.parts[1].segment.listing.digests, snapshot.parts[1].segment.listing.digests
    )


def test_only_of_the_state_that_is_asked_for(folder: Path) -> None:
    assert saved.load(folder, STATE) is not None
    assert saved.load(folder, State(STATE.version + 1, STATE.photos)) is None
    assert saved.load(folder, State(STATE.version, STATE.photos + 1)) is None


def test_a_file_is_written_once(snapshot: Snapshot, folder: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "0123456789abcdef.vectors").write_bytes(b"of a save that was killed")
    small = segment(unit(np.ones((1, DIM))), N)
    later = Snapshot(State(8, N - 1), "sum", [*snapshot.parts, Part.of(small)], stamp=1)
    assert saved.save(later, folder, never)
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    kept = before.keys() - {"snapshot.json"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len(after) == len(before) + 3
    loaded = saved.load(folder)
    assert loaded is not None
    same(loaded, later)


def test_a_loaded_one_is_saved_without_its_files_being_written(folder: Path) -> None:
    loaded = saved.load(folder)
    assert loaded is not None
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert saved.save(Snapshot(State(9, N - 2), "sum", loaded.parts), folder, never)
    after = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == ["snapshot.json"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("damage", ["gone", "cut", "longer", "changed", "empty", "folder"])
def test_damage(snapshot: Snapshot, folder: Path, tmp_path: Path, damage: str) -> None:
    assert len(names(folder)) == 9
    for name in names(folder):
        other = tmp_path / "other"
        shutil.copytree(folder, other)
        path = other / name
        data = bytearray(path.read_bytes())
        if damage in ("gone", "folder"):
            path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage == "changed":
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        elif damage != "gone":
            half = data[: len(data) // 2]
            path.write_bytes({"cut": half, "longer": data + b"\0", "empty": b""}[damage])
        found = saved.load(other)
        assert found is None or (name == "snapshot.json" and damage == "longer")
        if damage != "folder":
            for part in snapshot.parts:  # as a copy that was made anew
                part.segment.name = ""
            assert saved.save(snapshot, other, never)
            assert saved.load(other) is not None
        shutil.rmtree(other)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"body": 1, "crc": 0}', '{"body": "{}", "crc": 2745614147}']
)
def test_a_list_of_something_else(folder: Path, text: str) -> None:
    (folder / "snapshot.json").write_text(text)
    assert saved.load(folder) is None


def test_another_format_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_FORMAT", 2)
    assert saved.load(folder) is None


def test_no_folder(tmp_path: Path) -> None:
    assert saved.load(tmp_path / "none") is None


def test_giving_up_leaves_the_older_one(folder: Path) -> None:
    before = names(folder)
    assert not saved.save(made(State(99, N - 2), seed=1), folder, lambda: True)
    assert names(folder) == before
    loaded = saved.load(folder)
    assert loaded is not None
    assert loaded.state == STATE


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)._replace(free=2 * N * DIM * 4)
    monkeypatch.setattr(saved.shutil, "disk_usage", lambda _: usage)
    before = names(folder)
    assert not saved.save(made(State(99, N - 2), seed=1), folder, never)
    assert names(folder) == before


# Saves one snapshot after the other; a pause at each piece that is written makes it take long.
SAVE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from unit_saved import made, State, saved, N
saved._CHUNK = 1 << 12
one, two = (made(State(version, N - 2), seed=version) for version in (1, 2))
folder = Path(sys.argv[1])
while True:
    for snapshot in (one, two):
        for part in snapshot.parts:
            part.segment.name = ""
        saved.save(snapshot, folder, lambda: time.sleep(0.0005))
        print("saved", flush=True)
"""


def test_kill_while_saving(tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "unit_saved.py")
    folder = tmp_path / "resident"
    process = subprocess.Popen(
        [sys.executable, "-c", SAVE, str(folder), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    expected = {version: made(State(version, N - 2), seed=version) for version in (1, 2)}
    random = np.random.default_rng(0)
    states = set()
    try:
        assert process.stdout.readline() == "saved\n"
        # Each stop is what a kill at this moment would leave, without a start of Python for each.
        for number in range(12):
            time.sleep(random.random() * 0.1)
            process.send_signal(signal.SIGSTOP)
            left = tmp_path / f"left{number}"
            shutil.copytree(folder, left)
            process.send_signal(signal.SIGCONT)
            loaded = saved.load(left)
            assert loaded is not None
            same(loaded, expected[loaded.state.version])
            states.add(loaded.state.version)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    loaded = saved.load(folder)
    assert loaded is not None
    same(loaded, expected[loaded.state.version])
    assert states == {1, 2}
    assert saved.save(loaded, folder, never)
    assert len(names(folder)) == 9

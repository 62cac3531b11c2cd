"""`vistazo serve` in one process, every other command in another: they share one library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import COLOURS, paint
from e2e.cli import PROGRAM, error_of, run
from e2e.server import HANG_S, Server, serving
from vistazo.store.lock import acquire

OPTIONS = ("--db", "library", "--no-sql", "--port", "0")
# What a command that a server answers must not load.
HEAVY = (
    *("numpy", "pyarrow", "PIL", "chdb", "clickhouse_connect", "onnxruntime", "tokenizers"),
    *("httpx", "fastapi", "uvicorn", "pandas", "matplotlib", "rich"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name, colour in COLOURS.items():
        paint(home / "pictures" / name, colour)
    (home / "pictures" / "captions.csv").write_text("file,photo_id\na/red.jpg,red\n")
    (home / "pictures" / "broken.jpg").write_bytes(b"no picture")
    (home / "log.tsv").write_text("photo_id\tkeyword\nred\twall\nred\twall\nred\tpaint\n")
    assert run("index", "pictures", "--db", "library", cwd=home).returncode == 3
    return home


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with serving(*OPTIONS, cwd=home) as server:
        yield server


def said(home: Path, *command: str, code: int = 0) -> Any:
    """The JSON that a command prints."""
    result = run(*command, "--json", "--db", "library", cwd=home)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


READING = [
    ("search", "a red wall", "-k", "5"),
    ("search", "a red wall", "--where", "format = png"),
    ("search", "--image", "pictures/a/crimson.png"),
    ("similar", "red", "-k", "20"),
    ("sql", "SELECT photo_id, width FROM photos ORDER BY photo_id"),
    ("sql", "SELECT round(distance(photo_embed, embed('red')), 3) AS d FROM photos ORDER BY d"),
    ("failures",),
    ("stats",),
    ("conversions", "--for", "a red wall"),
    ("conversions", "top"),
    ("conversions", "countries"),
    ("conversions", "top", "--similar", "red"),
    ("eval", "pictures/captions.csv", "--column", "photo_id"),
    ("conversions", "months"),
    ("conversions", "rising"),
    ("conversions", "mismatches"),
]


@pytest.mark.parametrize("commands", [READING[::4], pytest.param(READING, marks=pytest.mark.slow)])
def test_every_command_answers_alike_with_and_without_a_server(
    home: Path, commands: list[tuple[str, ...]]
) -> None:
    loaded = said(home, "conversions", "load", "log.tsv")
    assert loaded["rows"] == 3
    alone = [said(home, *command) for command in commands]
    answered = zip(commands, alone, strict=True)
    assert all(answer for command, answer in answered if command in READING[:11]), alone
    with serving(*OPTIONS, cwd=home) as server:
        assert [said(home, *command) for command in commands] == alone
        assert len(said(home, "random", "-k", "100")) == 12
        again = said(home, "conversions", "load", "log.tsv")
        assert (again["state"], again["rows"]) == ("unchanged", 3)
        (library,) = [each["found"] for each in said(home, "doctor") if each["part"] == "library"]
        assert library.endswith(f"library: 12 photos, encoder offline, served at {server.web}")
        assert server.stop() == 0
    assert [said(home, *command) for command in commands[::7]] == alone[::7]


def test_indexing_through_the_server(home: Path, server: Server) -> None:
    paint(home / "more" / "teal.png", "teal")
    report = said(home, "index", "more")
    assert (report["added"], report["failed"]) == (1, 0)
    printed = run("index", "pictures", "--db", "library", cwd=home)
    assert printed.returncode == 3
    assert "0 added, 12 unchanged, 1 failed in" in printed.stdout
    assert said(home, "stats")["photos"] == 13
    missing = run("index", "nowhere", "--db", "library", cwd=home)
    assert error_of(missing) == f"the folder {home / 'nowhere'} does not exist"
    (home / "more" / "teal.png").unlink()
    paint(home / "more" / "other.png", "plum")
    assert said(home, "index", "more", "--prune")["pruned"] == 1
    writing = ("DELETE FROM photos WHERE file_stem = 'other'", "--db", "library")
    assert "--write" in error_of(run("sql", *writing, cwd=home))
    assert run("sql", *writing, "--write", cwd=home).returncode == 0
    assert said(home, "stats")["photos"] == 12


@pytest.mark.slow
def test_the_demo_in_a_served_library(home: Path) -> None:
    root = Path(__file__).parents[2]
    (home / "empty").mkdir()
    with serving("--db", "demo", "--no-sql", "--port", "0", "--allow-write", cwd=home) as server:
        empty = run("search", "red", "--db", "demo", cwd=home)
        assert error_of(empty) == "the library is empty. Run: vistazo index FOLDER"
        shown = run("demo", "--db", "demo", "--pictures", str(root / "sample"), cwd=home)
        assert shown.returncode == 0, shown.stderr
        assert "359 added" in shown.stdout
        assert "36 added" in shown.stdout
        first = httpx.get(f"{server.web}/api/v1/search?k=36").json()["hits"]
        assert all("/sample/photos/" in hit["uri"] for hit in first)
        assert "most popular: " in shown.stdout
        stats = httpx.get(f"{server.web}/api/v1/stats").json()
        assert stats["photos"] == 395


def test_what_only_the_owner_can_do_says_so(home: Path, server: Server) -> None:
    built = run("dataset", "build", "pictures", "--out", "set", "--db", "library", cwd=home)
    assert built.returncode == 2
    assert "stop `vistazo serve`, or leave --db out" in error_of(built)
    second = run("serve", *OPTIONS, cwd=home)
    assert second.returncode == 1
    assert f"held by process {server.process.pid}" in error_of(second)


def test_an_address_instead_of_a_folder(home: Path, server: Server) -> None:
    found = run("search", "red", "--json", "--db", server.web, cwd=home)
    assert len(json.loads(found.stdout)) == 10
    refused = run("index", "pictures", "--db", server.web, cwd=home)
    assert refused.returncode == 1
    assert "give the owner's token" in error_of(refused)
    token = json.loads((home / "library" / "server.json").read_text())["token"]
    taken = run("index", "pictures", "--db", server.web, cwd=home, env={"VISTAZO_TOKEN": token})
    assert taken.returncode == 3
    assert "12 unchanged" in taken.stdout


def test_a_search_loads_nothing_heavy(home: Path, server: Server) -> None:
    script = (
        "import sys; from vistazo.cli.main import main;"
        "code = main(['search', 'a red wall', '--db', 'library']);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=home, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "\tred\t" in result.stdout
    loaded = result.stderr.splitlines()[-1].split()
    assert "vistazo.remote.library" in loaded
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []
    assert [name for name in loaded if name in ("vistazo.library", "vistazo.encoders")] == []


def test_a_server_that_was_killed_is_forgotten(home: Path) -> None:
    with serving(*OPTIONS, cwd=home) as server:
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    left = home / "library" / "server.json"
    assert left.exists()
    assert left.stat().st_mode & 0o077 == 0
    assert said(home, "stats")["photos"] == 12
    # Nor does its file speak for another process that holds the library now.
    held = acquire(home / "library", 0)
    try:
        busy = run("stats", "--db", "library", cwd=home)
        assert f"is held by process {os.getpid()} (" in error_of(busy)
    finally:
        held.release()


def test_a_server_that_does_not_answer(home: Path, server: Server) -> None:
    server.process.send_signal(signal.SIGSTOP)
    try:
        busy = run("stats", "--db", "library", cwd=home)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert busy.returncode == 1
    assert error_of(busy).startswith(
        f"the library {home / 'library'} is held by process {server.process.pid}, which serves it"
        f" and does not answer: the server {server.web} "
    )
    assert said(home, "stats")["photos"] == 12


def test_ctrl_c_ends_the_run_at_the_server(home: Path, server: Server) -> None:
    for number in range(150):
        paint(home / "many" / f"{number}.png", "tan", size=(200 + number, 200))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VISTAZO_")}
    command = subprocess.Popen(
        [*PROGRAM, "index", "many", "--db", "library"],
        cwd=home,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def jobs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{server.web}/api/v1/jobs").json()["jobs"]
        return found

    deadline = time.monotonic() + HANG_S
    while not any(job["progress"]["done"] for job in jobs()):
        assert command.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=HANG_S)
    assert command.returncode == 130, err
    assert "stopped; what was done is kept. To continue run: vistazo index many" in err
    assert out == ""
    assert [job["state"] for job in jobs()] == ["cancelled"]
    kept = said(home, "stats")["photos"]
    assert 12 <= kept < 162
    report = said(home, "index", "many")
    assert report["added"] + report["unchanged"] == 150
    run("sql", "DELETE FROM photos WHERE width >= 200", "--write", "--db", "library", cwd=home)

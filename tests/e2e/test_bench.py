"""`vistazo bench ingest`: small, on a real server and a real library."""

from __future__ import annotations

import io
import json
from pathlib import Path

from PIL import Image

from e2e.cli import run
from vistazo.evaluation.loopback import picture

SMALL = ("bench", "ingest", "--encoder", "offline", "--pictures", "8", "--loop-pictures")


def test_it_measures_the_loop_and_indexing(tmp_path: Path) -> None:
    done = run(*SMALL, "1", "--latency-ms", "100", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["encoder"], found["pictures"], found["latency_ms"]) == ("offline", 8, 100)
    each = found["seconds_each"]
    assert each["loop: download"] >= 0.1  # the server is late, whatever the machine does
    assert each["loop"] >= each["loop: download"] + each["loop: encode"]
    assert each["vistazo"] > 0
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_table_and_a_loop_over_no_more_pictures_than_there_are(tmp_path: Path) -> None:
    done = run(*SMALL, "9", "--latency-ms", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for row in ("loop: download", "vistazo", "its network alone", "preprocess, one thread"):
        assert row in done.stdout
    assert "of what the network takes alone" in done.stderr


def test_an_unknown_encoder_ends_it_before_anything_is_measured(tmp_path: Path) -> None:
    done = run("bench", "ingest", "--loop", "clap", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no encoder 'clap'" in done.stderr
    assert done.stdout == ""


def test_pictures_differ_even_where_they_look_alike() -> None:
    one, other = picture(3), picture(1003)
    assert one != other
    assert Image.open(io.BytesIO(one)).tobytes() == Image.open(io.BytesIO(other)).tobytes()

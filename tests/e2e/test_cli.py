"""Each command once, on twelve small pictures, as a process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conftest import COLOURS, paint
from e2e.cli import on_terminal, run

LOG = """converted_at\tconversion_type\tkeyword\tphoto_id\tanonymous_user_id\tconversion_country
2024-01-01 10:00:00.000\tdownload\tsea\t{0}\tu1\tES
2024-01-01 11:00:00.000\tdownload\tsea\t{0}\tu2\tES
2024-01-01 12:00:00.000\tdownload\twater\t{0}\tu3\tMX
2024-01-02 10:00:00.000\tdownload\tsky\t{1}\tu1\tDE
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures` and `photos`, the library made of them."""
    folder = tmp_path_factory.mktemp("home")
    for name, colour in COLOURS.items():
        paint(folder / "pictures" / name, colour)
    (folder / "pictures" / "captions.csv").write_text(
        "file,description,category\na/red.jpg,A red wall,colours/warm\n"
    )
    (folder / "pictures" / "broken.jpg").write_text("no picture")
    (folder / "vistazo.toml").write_text('db = "photos"\n')
    result = run("index", "pictures", cwd=folder)
    assert result.returncode == 3, result.stderr
    assert result.stdout.startswith("12 added, 0 unchanged, 1 failed in ")
    assert "1  not-an-image" in result.stdout
    assert "note: encoder: offline, because it ships with vistazo" in result.stderr
    assert "note: to see each failed file run: vistazo failures" in result.stderr
    return folder


def hits(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(text)
    return found


def test_a_second_run_finds_all_unchanged_and_still_says_what_fails(home: Path) -> None:
    result = run("index", "pictures", "--json", cwd=home)
    assert result.returncode == 3
    report = json.loads(result.stdout)
    assert (report["added"], report["unchanged"]) == (0, 12)
    assert report["failures"] == {"not-an-image": 1}


def test_search_prints_k_lines_and_the_notice_once(home: Path) -> None:
    result = run("search", "a", "red", "wall", "-k", "5", "--mode", "picture", cwd=home)
    assert result.returncode == 0
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0] == ["#", "score", "id", "size", "caption", "path"]
    assert [line[0] for line in lines[1:]] == ["1", "2", "3", "4", "5"]
    assert all(line[3] == "48x32" for line in lines[1:])
    scores = [float(line[1]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)
    assert result.stderr.count("knows only what ImageNet") == 1


def test_search_by_words_says_why(home: Path) -> None:
    result = run("search", "walls", "--mode", "words", "--why", cwd=home)
    assert result.returncode == 0
    header, line = (each.split("\t") for each in result.stdout.splitlines())
    assert header == ["#", "score", "id", "size", "caption", "why", "path"]
    assert line[5].endswith("; caption: wall")
    found = hits(run("search", "walls", "-k", "12", "--json", cwd=home).stdout)
    assert found[0]["description"] == "A red wall"
    assert found[0]["why"] == [line[5].split(";")[0], "caption: wall"]
    assert [hit["weak"] for hit in found] == [False] * 12
    refused = run("search", "walls", "--popular", "3", cwd=home)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "error: popular must be a number from 0 to 1, not '3.0'"
    )


def test_search_by_image_finds_the_image_itself(home: Path) -> None:
    result = run("search", "--image", "pictures/a/red.jpg", "--json", "-k", "3", cwd=home)
    found = hits(result.stdout)
    assert len(found) == 3
    assert found[0]["uri"] == str(home / "pictures/a/red.jpg")
    assert found[0]["score"] == pytest.approx(1, abs=1e-3)
    assert found[0]["description"] == "A red wall"
    assert found[0]["attributes"] == {"category": "colours/warm"}


def test_where_filters(home: Path) -> None:
    result = run("search", "wall", "--where", "category = colours", "--json", cwd=home)
    assert [hit["description"] for hit in hits(result.stdout)] == ["A red wall"]


def test_similar_never_gives_the_photo_itself(home: Path) -> None:
    everything = hits(run("search", "wall", "-k", "100", "--json", cwd=home).stdout)
    assert len(everything) == 12
    photo_id = str(everything[0]["photo_id"])
    found = hits(run("similar", photo_id, "-k", "100", "--json", cwd=home).stdout)
    assert {hit["photo_id"] for hit in found} == {hit["photo_id"] for hit in everything[1:]}


def test_random_gives_different_photos(home: Path) -> None:
    found = hits(run("random", "-k", "12", "--json", cwd=home).stdout)
    assert len({hit["photo_id"] for hit in found}) == 12
    assert {hit["score"] for hit in found} == {None}


def test_sql_reads_and_embeds(home: Path) -> None:
    query = (
        "SELECT file_stem, distance(photo_embed, embed('red')) AS d FROM photos"
        " WHERE format = {format:String} ORDER BY d LIMIT 2"
    )
    result = run("sql", query, "-p", "format=JPEG", "--json", cwd=home)
    rows = json.loads(result.stdout)
    assert {row["file_stem"] for row in rows} <= {"red", "navy", "black"}
    assert len(rows) == 2
    assert rows[0]["d"] <= rows[1]["d"]


def test_sql_from_standard_input_as_lines(home: Path) -> None:
    result = run(
        "sql",
        "-",
        cwd=home,
        stdin="SELECT format, count() FROM photos GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2;",
    )
    assert result.stdout.splitlines() == ["format\tcount()", "JPEG\t3", "PNG\t3"]


def test_failures_lists_the_broken_file(home: Path) -> None:
    (failure,) = json.loads(run("failures", "--json", cwd=home).stdout)
    assert failure["uri"] == str(home / "pictures/broken.jpg")
    assert (failure["stage"], failure["code"]) == ("decode", "not-an-image")
    lines = run("failures", cwd=home).stdout.splitlines()
    assert lines[1].split("\t")[3] == "pictures/broken.jpg"
    assert run("failures", "--code", "empty", cwd=home).stdout == ""


def test_conversions_are_loaded_once_and_counted(home: Path) -> None:
    everything = hits(run("search", "wall", "-k", "3", "--json", cwd=home).stdout)
    ids = [str(hit["photo_id"]) for hit in everything]
    log = home / "log.tsv000"
    log.write_text(LOG.format(ids[2], ids[0]))
    first = run("conversions", "load", "log.tsv000", cwd=home)
    assert first.stdout.startswith("4 conversions loaded in ")
    again = run("conversions", "load", "log.tsv000", cwd=home)
    assert again.stdout == "4 conversions, loaded before and unchanged\n"

    demand = json.loads(run("conversions", "--for", "wall", "-k", "3", "--json", cwd=home).stdout)
    counted = [(each["photo_id"], each["downloads"]) for each in demand["candidates"]]
    assert counted == [(ids[2], 3), (ids[0], 1), (ids[1], 0)]
    assert demand["most_popular"] == ids[2]
    assert demand["top_keywords"] == [
        {"keyword": "sea", "downloads": 2},
        {"keyword": "water", "downloads": 1},
    ]
    text = run("conversions", "--similar", ids[1], "-k", "11", cwd=home).stdout.splitlines()
    assert text[1].split("\t")[:1] == ["3"]
    assert text[-2].startswith(f"most popular: {ids[2]}, 3 downloads, pictures/")
    assert text[-1] == "people had searched for: sea (2), water (1)"


def test_stats_counts(home: Path) -> None:
    stats = json.loads(run("stats", "--json", cwd=home).stdout)
    assert stats["photos"] == 12
    assert stats["encoder"]["name"] == "offline"
    assert stats["failures"] == {"not-an-image": 1}
    assert stats["vector_index"]["state"] == "Absent"
    assert "photos        12" in run("stats", cwd=home).stdout


def test_retry_failed_takes_up_the_mended_file_only(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "pictures", tmp_path / "pictures")
    library = tmp_path / "library"
    assert run("index", "pictures", cwd=tmp_path, db=library).returncode == 3
    paint(tmp_path / "pictures/broken.jpg", "pink")
    paint(tmp_path / "pictures/new.png", "gray")
    result = run("index", "pictures", "--retry-failed", cwd=tmp_path, db=library)
    assert result.returncode == 0
    assert result.stdout.startswith("1 added, 0 unchanged, 0 failed in ")
    (tmp_path / "pictures/white.png").unlink()
    pruned = run("index", "pictures", "--prune", cwd=tmp_path, db=library)
    assert pruned.stdout.startswith("1 added, 12 unchanged, 1 pruned, 0 failed in ")


def test_doctor_finds_every_part_well(home: Path) -> None:
    result = run("doctor", "--json", cwd=home)
    assert result.returncode == 0, result.stdout
    parts = json.loads(result.stdout)
    assert {part["part"] for part in parts} >= {"encoder", "database", "library", "pictures"}
    assert all(part["ok"] for part in parts)


def test_help_ends_with_two_examples() -> None:
    commands = ["index", "search", "similar", "random", "sql", "conversions", "failures"]
    for command in [*commands, "stats", "demo", "doctor"]:
        lines = run(command, "--help").stdout.rstrip().splitlines()
        assert lines[-3].strip() == "Examples:", command
        assert lines[-2].strip().startswith(f"vistazo {command}"), command
        assert lines[-1].strip().startswith(f"vistazo {command}"), command


def test_without_a_command_help_is_shown() -> None:
    assert "Usage: vistazo" in run().stdout + run().stderr
    assert run("--version").stdout.startswith("vistazo ")


def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    import subprocess

    from e2e.cli import PROGRAM

    command = f"{' '.join(PROGRAM)} search wall | head -n 1"
    result = subprocess.run(
        ["bash", "-c", command], cwd=home, capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("#\tscore")
    assert "Traceback" not in result.stderr
    assert "Broken" not in result.stderr


@pytest.mark.parametrize(
    ("graphics", "start"),
    [("kitty", "\x1b_Ga=T"), ("iterm2", "\x1b]1337;File=inline=1"), ("sixel", "\x1bP0;1;0q")],
)
def test_thumbnails_are_drawn_on_a_terminal_that_can(home: Path, graphics: str, start: str) -> None:
    env = {"VISTAZO_GRAPHICS": graphics, "TERM": "xterm"}
    drawn = on_terminal("search", "wall", "-k", "2", cwd=home, env=env)
    assert drawn.count(start) == 1
    assert "caption" in drawn[drawn.index(start) :]  # the table follows

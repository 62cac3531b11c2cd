from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vistazo.analytics import load, reader
from vistazo.analytics.load import load_conversions, repair_loads
from vistazo.errors import SourceError, StorageFull
from vistazo.records import LoadReport
from vistazo.store.connect import Connection

SAMPLE = Path(__file__).parents[3] / "sample" / "conversions.tsv000"
HEADER = "photo_id\tkeyword\n"


def write(path: Path, *rows: tuple[str, str]) -> Path:
    path.write_text(HEADER + "".join(f"{photo}\t{word}\n" for photo, word in rows))
    return path


def held(connection: Connection) -> Counter[tuple[str, str]]:
    rows = connection.rows("SELECT photo_id, keyword FROM conversions")
    return Counter((row["photo_id"], row["keyword"]) for row in rows)


def loads(connection: Connection) -> int:
    return int(connection.value("SELECT count() FROM loads"))


def facts(report: LoadReport) -> tuple[str, int, int]:
    return report.state, report.rows, report.replaced


def add_photo(connection: Connection, photo_id: str) -> None:
    row = {"photo_id": [photo_id], "photo_embed": [[1.0, 0.0, 0.0, 0.0]]}
    connection.insert("photos", pa.table(row))


def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 64)


def test_the_sample_equals_a_plain_count(connection: Connection) -> None:
    add_photo(connection, "kLqPDGEwQSp")
    lines = [line.split("\t") for line in SAMPLE.read_text("utf-8").splitlines()[1:]]
    report = load_conversions(connection, SAMPLE)
    assert facts(report) == ("loaded", 8989, 0)
    assert report.rejected == 0
    assert report.unknown_photos == sum(line[3] != "kLqPDGEwQSp" for line in lines)
    assert report.seconds > 0
    assert held(connection) == Counter((line[3], line[2]) for line in lines)
    (row,) = connection.rows(
        "SELECT uniqExact(id) AS ids, toString(min(converted_at)) AS first,"
        " uniqExact(anonymous_user_id) AS users, uniqExact(conversion_country) AS countries,"
        " uniqExact(conversion_type) AS types FROM conversions"
    )
    assert row == {
        "ids": 8989,
        "first": min(line[0] for line in lines),
        "users": len({line[4] for line in lines}),
        "countries": len({line[5] for line in lines}),
        "types": 1,
    }


def test_the_same_file_again_does_nothing(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv", ("a", "x"), ("a", "x"), ("b", "y"), ("", "z"))
    assert load_conversions(connection, path).rejected == 1
    before = connection.rows("SELECT * FROM loads")
    again = load_conversions(connection, tmp_path / ".." / tmp_path.name / "c.tsv")
    assert facts(again) == ("unchanged", 3, 0)
    assert (again.rejected, again.unknown_photos) == (1, 3)
    assert connection.rows("SELECT * FROM loads") == before
    assert held(connection) == {("a", "x"): 2, ("b", "y"): 1}
    add_photo(connection, "a")
    assert load_conversions(connection, path).unknown_photos == 1


def test_changed_content_replaces_what_was_there(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv", ("a", "x"), ("b", "y"))
    load_conversions(connection, path)
    write(path, ("a", "x"), ("c", "z"), ("d", "z"))
    assert facts(load_conversions(connection, path)) == ("loaded", 3, 2)
    assert held(connection) == {("a", "x"): 1, ("c", "z"): 1, ("d", "z"): 1}
    write(path, ("a", "x"), ("b", "y"))
    assert facts(load_conversions(connection, path)) == ("loaded", 2, 3)
    assert held(connection) == {("a", "x"): 1, ("b", "y"): 1}
    assert loads(connection) == 1


def test_parts_of_a_log_add_up(connection: Connection, tmp_path: Path) -> None:
    load_conversions(connection, write(tmp_path / "c.tsv000", ("a", "x")))
    load_conversions(connection, write(tmp_path / "c.tsv001", ("a", "y")))
    assert held(connection) == {("a", "x"): 1, ("a", "y"): 1}
    assert loads(connection) == 2


def test_a_copy_is_not_counted_twice(connection: Connection, tmp_path: Path) -> None:
    first = write(tmp_path / "first.tsv", ("a", "x"), ("b", "y"))
    load_conversions(connection, first)
    copy = write(tmp_path / "copy.tsv", ("a", "x"), ("b", "y"))
    assert facts(load_conversions(connection, copy)) == ("unchanged", 2, 0)
    assert sum(held(connection).values()) == 2
    # The content stays for as long as one of the files has it.
    write(first, ("c", "z"))
    assert facts(load_conversions(connection, first)) == ("loaded", 1, 0)
    assert held(connection) == {("a", "x"): 1, ("b", "y"): 1, ("c", "z"): 1}
    write(copy, ("c", "z"))
    assert facts(load_conversions(connection, copy)) == ("unchanged", 1, 2)
    assert held(connection) == {("c", "z"): 1}


def test_a_renamed_file_does_not_keep_its_old_content(
    connection: Connection, tmp_path: Path
) -> None:
    old = write(tmp_path / "old.tsv", ("a", "x"))
    load_conversions(connection, old)
    new = old.rename(tmp_path / "new.tsv")
    assert facts(load_conversions(connection, new)) == ("unchanged", 1, 0)
    write(new, ("b", "y"))
    assert facts(load_conversions(connection, new)) == ("loaded", 1, 1)
    assert held(connection) == {("b", "y"): 1}


def test_two_files_that_swap_their_content(connection: Connection, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tsv", tmp_path / "two.tsv"
    for x, y in (("x", "y"), ("y", "x")):
        load_conversions(connection, write(one, ("a", x)))
        load_conversions(connection, write(two, ("a", y)))
    assert held(connection) == {("a", "x"): 1, ("a", "y"): 1}


def test_rows_inserted_by_sql_stay(connection: Connection, tmp_path: Path) -> None:
    mine = {"id": [1], "photo_id": ["mine"], "keyword": ["k"]}
    connection.insert("conversions", pa.table(mine))
    path = write(tmp_path / "c.tsv", ("a", "x"))
    load_conversions(connection, path)
    load_conversions(connection, write(path, ("b", "y")))
    repair_loads(connection)
    assert held(connection) == {("mine", "k"): 1, ("b", "y"): 1}


def test_an_emptied_table_is_loaded_again(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv", ("a", "x"))
    load_conversions(connection, path)
    connection.execute("TRUNCATE TABLE conversions")
    assert facts(load_conversions(connection, path))[:2] == ("loaded", 1)
    assert held(connection) == {("a", "x"): 1}
    assert loads(connection) == 1


def test_a_file_without_conversions(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv")
    assert facts(load_conversions(connection, path)) == ("loaded", 0, 0)
    assert facts(load_conversions(connection, path)) == ("unchanged", 0, 0)


def test_ids_depend_on_the_content_alone(connection: Connection, tmp_path: Path) -> None:
    rows = [("a", f"w{number}") for number in range(50)]
    query = "SELECT keyword, id FROM conversions ORDER BY keyword"
    found = []
    for name in ("one.tsv", "two.tsv"):
        connection.execute("TRUNCATE TABLE conversions")
        load_conversions(connection, write(tmp_path / name, *rows))
        found.append(connection.rows(query))
    assert found[0] == found[1]
    assert len({row["id"] for row in found[0]}) == 50


def test_parquet_keeps_its_ids(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": [5, 6], "photo_id": ["a", "b"], "keyword": ["x", "y"]}), path)
    assert facts(load_conversions(connection, path)) == ("loaded", 2, 0)
    assert connection.rows("SELECT id, photo_id FROM conversions ORDER BY id") == [
        {"id": 5, "photo_id": "a"},
        {"id": 6, "photo_id": "b"},
    ]


def test_awkward_keywords_come_back(connection: Connection, tmp_path: Path) -> None:
    words = ['6" nails', "it's", "back\\slash", "cão 🐕", "{x:String}", "%(a)s", "\\N", "a\\tb"]
    load_conversions(connection, write(tmp_path / "c.tsv", *(("p", word) for word in words)))
    assert held(connection) == Counter(("p", word) for word in words)


def test_names_that_are_not_utf8(connection: Connection, tmp_path: Path) -> None:
    path = write(Path(f"{tmp_path}/\udcff 'quoted' \n.tsv"), ("a", "x"))
    assert facts(load_conversions(connection, path)) == ("loaded", 1, 0)
    write(path, ("b", "x"))
    assert facts(load_conversions(connection, path)) == ("loaded", 1, 1)


def test_progress_is_told(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch)
    told: list[int] = []
    path = write(tmp_path / "c.tsv", *(("a", f"w{number}") for number in range(100)))
    load_conversions(connection, path, on_progress=told.append)
    assert told == sorted(set(told))
    assert len(told) > 5
    assert told[-1] == 100


@pytest.mark.parametrize("error", [KeyboardInterrupt, StorageFull])
def test_a_load_that_stops_leaves_what_was_there(
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    small_blocks(monkeypatch)
    path = write(tmp_path / "c.tsv", ("old", "x"))
    load_conversions(connection, path)
    write(path, *(("new", f"w{number}") for number in range(100)))

    def stop(rows: int) -> None:
        if rows > 20:
            raise error("stop")

    with pytest.raises(error):
        load_conversions(connection, path, on_progress=stop)
    assert held(connection) == {("old", "x"): 1}
    assert facts(load_conversions(connection, path)) == ("loaded", 100, 1)
    assert sum(held(connection).values()) == 100


def test_a_damaged_file_leaves_what_was_there(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch)
    path = write(tmp_path / "c.tsv", ("old", "x"))
    load_conversions(connection, path)
    write(path, *(("new", "w") for _ in range(50)), ("new", "w" * 1000))
    with pytest.raises(SourceError, match="damaged or no conversions file"):
        load_conversions(connection, path)
    assert held(connection) == {("old", "x"): 1}


def test_a_file_that_grows_while_it_is_read(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv", ("a", "x"))

    def grow(rows: int) -> None:
        with path.open("a") as file:
            file.write("b\ty\n")

    with pytest.raises(SourceError, match="changed while it was read"):
        load_conversions(connection, path, on_progress=grow)
    assert held(connection) == {}
    assert facts(load_conversions(connection, path)) == ("loaded", 2, 0)


@pytest.mark.parametrize("with_repair", [True, False])
def test_stopped_after_the_new_rows_count(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_repair: bool
) -> None:
    path = write(tmp_path / "c.tsv", ("old", "x"))
    load_conversions(connection, path)
    write(path, ("new", "y"))
    real, calls = load._repair, []

    def repair(connection: Connection) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(connection)

    with monkeypatch.context() as patch:
        patch.setattr(load, "_repair", repair)
        with pytest.raises(KeyboardInterrupt):
            load_conversions(connection, path)
    assert loads(connection) == 2
    if with_repair:
        repair_loads(connection)
        assert held(connection) == {("new", "y"): 1}
    assert facts(load_conversions(connection, path)) == ("unchanged", 1, 0)
    assert held(connection) == {("new", "y"): 1}
    assert loads(connection) == 1


def test_repair_leaves_a_running_load_alone(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch)
    path = write(tmp_path / "c.tsv", *(("a", f"w{number}") for number in range(100)))

    def meanwhile(rows: int) -> None:
        thread = threading.Thread(target=repair_loads, args=(connection,))
        thread.start()
        thread.join()

    load_conversions(connection, path, on_progress=meanwhile)
    assert sum(held(connection).values()) == 100


CHILD = """
import sys, time
from vistazo.analytics import reader
from vistazo.analytics.load import load_conversions, repair_loads
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.schema import migrate

reader._BLOCK_BYTES = 1024
library, path, task = sys.argv[1:]
connection = connect(parse(library), create=True, wait_s=0)
migrate(connection)
partial = "SELECT uniqExact(load_id) FROM conversions WHERE load_id NOT IN (SELECT load_id FROM loads)"

def progress(rows):
    if task == "hang" and rows > 300:
        print("loading", flush=True)
        time.sleep(60)

if task == "repair":
    print(connection.value(partial))
    repair_loads(connection)
    print(connection.value(partial))
else:
    print(load_conversions(connection, path, on_progress=progress).state)
print(connection.value("SELECT count() FROM conversions"))
print(connection.value("SELECT sum(sipHash64(id, photo_id, keyword)) FROM conversions"))
disconnect(parse(library))
"""


def child(library: Path, path: Path, task: str) -> list[str]:
    command = [sys.executable, "-c", CHILD, str(library), str(path), task]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def killed_midway(library: Path, path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(library), str(path), "hang"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_kill_9_midway_then_again_equals_one_clean_load(tmp_path: Path) -> None:
    path = write(tmp_path / "c.tsv", *((f"p{n % 9}", f"w{n % 50}") for n in range(1000)))
    library = tmp_path / "library"
    killed_midway(library, path)
    orphans, left, *_ = child(library, path, "repair")
    assert (orphans, left) == ("1", "0")
    killed_midway(library, path)
    state, rows, checksum = child(library, path, "load")
    assert (state, rows) == ("loaded", "1000")
    assert child(tmp_path / "clean", path, "load") == ["loaded", "1000", checksum]
    assert child(library, path, "load") == ["unchanged", "1000", checksum]

"""What the guard lets through really runs here: files and vistazo's own tables stay as they were."""

import random
import shutil
from pathlib import Path

import pytest

from sqlguard import statements
from vistazo.errors import InvalidSQL, VistazoError
from vistazo.sqlserver.guard import allowed
from vistazo.sqlserver.guard.checks import Guard
from vistazo.sqlserver.guard.limits import Limits
from vistazo.store.connect import Connection
from vistazo.store.schema import OWN_TABLES
from vistazo.store.sqltext import Token, tokens

SECRET = "a canary that nobody may read"
LIMITS = Limits(max_execution_time=2, max_memory_usage=500_000_000, max_result_rows=10_000)


def _pool(folder: Path) -> list[list[Token]]:
    """Tokens of every statement, with the canary where a file is named."""
    pool: list[list[Token]] = []
    for name in ("hostile", "legitimate", "writes"):
        for sql in statements(name):
            for path in ("/etc/hostname", "/etc/passwd", "/tmp/x"):
                sql = sql.replace(path, str(folder / ("canary" if path < "/t" else "written")))
            try:
                pool.append(tokens(sql))
            except InvalidSQL:
                continue
    return [found for found in pool if 0 < len(found) < 120]


def _spliced(pool: list[list[Token]], chance: random.Random) -> str:
    """One statement with pieces of another in it, and some of its own missing or twice."""
    base = list(chance.choice(pool))
    words = [token.text for token in base]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(words))
        other = chance.choice(pool)
        start = chance.randrange(len(other))
        kind = chance.randrange(10)
        if kind == 0 and len(words) > 2:
            del words[at]
        elif kind == 1:
            words[at:at] = [token.text for token in other[start : start + chance.randint(1, 8)]]
        elif kind == 2:
            words[at : at + 1] = ["(", *(token.text for token in other), ")"]
        else:
            # A word for a word, a text for a text: most of these are statements again.
            alike = [token.text for token in other if token.kind == base[at % len(base)].kind]
            words[at] = chance.choice(alike or [words[at]])
    return " ".join(words)


def _own(connection: Connection) -> list[dict[str, object]]:
    """Definitions of vistazo's tables, and how many rows those have that nobody may fill."""
    rows = connection.rows(
        "SELECT name, create_table_query, if(name IN {fill:Array(String)}, 0, total_rows) AS n"
        " FROM system.tables WHERE database = 'default' AND name IN {own:Array(String)}"
        " AND name != 'changes' ORDER BY name",
        {"fill": sorted(allowed.FILLABLE), "own": sorted(OWN_TABLES)},
    )
    functions = "SELECT create_query FROM system.functions WHERE name = 'distance'"
    return [*rows, *connection.rows(functions)]


def _run(connection: Connection, folder: Path, number: int, seed: int) -> int:
    guard = Guard.over(connection, LIMITS)
    (folder / "canary").write_text(SECRET)
    pool = _pool(folder)
    chance = random.Random(seed)
    before = _own(connection)
    assert len(before) > 10
    ran = 0
    for _ in range(number):
        sql = _spliced(pool, chance)
        try:
            checked = guard.check(sql, may_write=True, settings={})
        except InvalidSQL:
            continue
        # Without rows of its own it would wait for a body.
        if checked.kind in ("set", "use") or (checked.kind == "insert" and checked.format):
            continue
        ran += 1
        try:
            if checked.writes or checked.format:
                connection.execute(checked.text)
            else:
                rows = connection.table(checked.text, settings=checked.settings).to_pylist()
                assert SECRET not in str(rows), checked.text
        except VistazoError as error:
            assert SECRET not in str(error), checked.text
    for row in connection.rows(
        "SELECT name FROM system.tables WHERE database = 'default' AND engine NOT LIKE '%View'"
    ):
        try:
            rows = connection.table(f"SELECT * FROM `{row['name']}` LIMIT 10000").to_pylist()
        except VistazoError:
            continue
        assert SECRET not in str(rows), row
    assert _own(connection) == before
    assert sorted(path.name for path in folder.iterdir()) == ["canary"]
    assert (folder / "canary").read_text() == SECRET
    return ran


@pytest.fixture
def canaries(tmp_path: Path) -> Path:
    folder = tmp_path / "canaries"
    folder.mkdir()
    return folder


def test_canaries_live(connection: Connection, canaries: Path) -> None:
    assert _run(connection, canaries, 1000, seed=1) > 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_canaries_live_long(connection: Connection, canaries: Path, seed: int) -> None:
    assert _run(connection, canaries, 5000, seed=seed) > 150


def test_the_canary_would_be_seen(connection: Connection, canaries: Path) -> None:
    """The same statement, without the guard, reads it: so the tests above can fail."""
    (canaries / "canary").write_text(SECRET)
    found = connection.value(f"SELECT arrayMap(file, ['{canaries / 'canary'}'])")
    assert found == [SECRET]
    shutil.rmtree(canaries)

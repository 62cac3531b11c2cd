"""The questions, against plain counts in Python on a made-up log."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vistazo.analytics import pairs, trends
from vistazo.analytics.load import load_conversions
from vistazo.analytics.trends import Downloads
from vistazo.errors import InvalidQuery
from vistazo.records import (
    CountryDownloads,
    KeywordDownloads,
    Mismatch,
    MonthDownloads,
    RisingKeyword,
)
from vistazo.store.connect import Connection
from vistazo.store.filters import compile_filter
from vistazo.store.store import Statement, Store

QUERY = np.array([1, 0, 0, 0], np.float32)
NEWEST = dt.datetime(2024, 3, 31, 12, tzinfo=dt.UTC)
ALL = ("top_keywords", "by_country", "by_month", "rising", "mismatches")


@dataclass(frozen=True)
class Row:
    """One conversion."""

    photo_id: str
    keyword: str
    country: str = "US"
    at: dt.datetime | None = NEWEST


def add_photos(connection: Connection, **descriptions: str) -> None:
    """Photos by id, in the order of their similarity to QUERY."""
    angles = np.linspace(0, 1.5, len(descriptions))
    connection.insert(
        "photos",
        pa.table(
            {
                "photo_id": list(descriptions),
                "photo_image_url": [f"file:///pictures/{name}.jpg" for name in descriptions],
                "description": list(descriptions.values()),
                "photo_embed": pa.array(
                    [[math.cos(a), math.sin(a), 0, 0] for a in angles], pa.list_(pa.float32())
                ),
                "width": pa.array(range(100, 100 + len(descriptions)), pa.uint32()),
            }
        ),
    )


def log(connection: Connection, *rows: Row) -> None:
    connection.insert(
        "conversions",
        pa.table(
            {
                "id": pa.array(range(len(rows)), pa.uint64()),
                "photo_id": [row.photo_id for row in rows],
                "keyword": [row.keyword for row in rows],
                "conversion_country": [row.country for row in rows],
                "converted_at": pa.array([row.at for row in rows], pa.timestamp("ms", "UTC")),
            }
        ),
    )


def nearest(connection: Connection, k: int, where: str = "") -> Downloads:
    store = Store(connection)
    return Downloads(connection, store.statement(QUERY, k, compile_filter(where), indexed=False))


DESCRIPTIONS = {f"p{number:02}": f"a photo of word{number}" for number in range(20)}


def made_up(count: int = 4000) -> list[Row]:
    """Few photos and keywords have most rows; half a year, some without time, word, country."""
    chance = random.Random(7)
    photos = [*DESCRIPTIONS, "elsewhere"]
    rows = []
    for _ in range(count):
        days = chance.random() * 180
        newer = days < 30 and chance.random() < 0.3
        word = f"word{min(int(chance.paretovariate(0.6)), 40)}"
        rows.append(
            Row(
                photos[min(int(chance.paretovariate(0.7)) - 1, 20)],
                chance.choice(["", "snow" if newer else word, word, word]),
                chance.choice(["US", "US", "DE", "FR", "MX", ""]),
                None if chance.random() < 0.05 else NEWEST - dt.timedelta(days=days),
            )
        )
    return [*rows, Row("p00", "word1")]


def ranked(count: Counter[str], limit: int) -> list[tuple[str, int]]:
    return sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def expected_rising(rows: list[Row], days: int, limit: int) -> list[RisingKeyword]:
    span = dt.timedelta(days=days)
    newest = max(row.at for row in rows if row.at)
    words = [row for row in rows if row.keyword and row.at]
    now = Counter(row.keyword for row in words if row.at and row.at > newest - span)
    before = Counter(
        row.keyword for row in words if row.at and newest - 2 * span < row.at <= newest - span
    )
    n, m = now.total(), before.total()
    found = []
    for word in {*now, *before}:
        a, b = now[word], before[word]
        ratio = ((a + 0.5) / (n + 0.5)) / ((b + 0.5) / (m + 0.5))
        error = math.sqrt(1 / (a + 0.5) - 1 / (n + 0.5) + 1 / (b + 0.5) - 1 / (m + 0.5))
        growth = ratio * math.exp(-1.96 * error)
        if growth > 1:
            found.append(RisingKeyword(word, a, b, a / n, b / m, growth))
    return sorted(found, key=lambda each: (-each.growth, -each.downloads, each.keyword))[:limit]


def mentions(description: str, keyword: str) -> bool:
    return all(word in description.lower() for word in keyword.lower().split())


def expected_mismatches(
    rows: list[Row], limit: int, photos: dict[str, str] = DESCRIPTIONS
) -> list[Mismatch]:
    count = Counter((row.keyword, row.photo_id) for row in rows if row.keyword)
    found = [
        Mismatch(word, photo, f"/pictures/{photo}.jpg", photos[photo], n)
        for (word, photo), n in count.items()
        if photos.get(photo) and not mentions(photos[photo], word)
    ]
    return sorted(found, key=lambda each: (-each.downloads, each.keyword, each.photo_id))[:limit]


@pytest.fixture
def stocked(connection: Connection) -> Connection:
    add_photos(connection, **DESCRIPTIONS)
    return connection


def assert_as_counted(found: Downloads, rows: list[Row], log: list[Row]) -> None:
    """Each answer is what a plain count of `rows` says; `log` has the newest conversion."""
    words = Counter(row.keyword for row in rows if row.keyword)
    assert found.top_keywords(7) == tuple(KeywordDownloads(*pair) for pair in ranked(words, 7))
    lands = Counter(row.country for row in rows)
    assert found.by_country() == tuple(CountryDownloads(*pair) for pair in ranked(lands, 99))
    months = Counter(row.at.date().replace(day=1) for row in rows if row.at)
    assert found.by_month() == tuple(MonthDownloads(*pair) for pair in sorted(months.items()))
    assert found.mismatches(12) == tuple(expected_mismatches(rows, 12))
    newest = Row("", "", "", max(row.at for row in log if row.at))
    risen = found.rising(30, 12)
    expected = expected_rising([*rows, newest], 30, 12)
    assert [each.keyword for each in risen] == [each.keyword for each in expected]
    for one, other in zip(risen, expected, strict=True):
        assert (one.downloads, one.before) == (other.downloads, other.before)
        assert one.share == pytest.approx(other.share)
        assert one.share_before == pytest.approx(other.share_before)
        assert one.growth == pytest.approx(other.growth)


def test_the_whole_log_as_a_plain_count_has_it(stocked: Connection) -> None:
    rows = made_up()
    log(stocked, *rows)
    assert_as_counted(Downloads(stocked), rows, rows)
    assert Downloads(stocked).rising()[0].keyword == "snow"


@pytest.mark.parametrize(("k", "where"), [(5, ""), (3, "width >= 104"), (20, "")])
def test_what_a_query_finds_as_a_plain_count_has_it(
    stocked: Connection, k: int, where: str
) -> None:
    rows = made_up()
    log(stocked, *rows)
    first = 4 if where else 0
    photos = list(DESCRIPTIONS)[first : first + k]
    of_photos = [row for row in rows if row.photo_id in photos]
    assert_as_counted(nearest(stocked, k, where), of_photos, rows)


def test_candidates_of_the_vector_index(stocked: Connection) -> None:
    log(stocked, *made_up(500))
    statement = Store(stocked).statement(QUERY, 5, compile_filter(""), indexed=True)
    for name in ALL:
        found = getattr(Downloads(stocked, statement), name)()
        assert found == getattr(nearest(stocked, 5), name)()


def test_an_empty_library_and_an_empty_log(connection: Connection) -> None:
    assert [getattr(Downloads(connection), name)() for name in ALL] == [()] * 5
    add_photos(connection, **DESCRIPTIONS)
    assert [getattr(Downloads(connection), name)() for name in ALL] == [()] * 5
    assert [getattr(nearest(connection, 5), name)() for name in ALL] == [()] * 5
    log(connection, *made_up(100))
    nobody = nearest(connection, 5, "width > 9000")
    assert [getattr(nobody, name)() for name in ALL] == [()] * 5


def test_without_times_words_and_countries(stocked: Connection) -> None:
    log(stocked, *[Row("p00", "", "", None)] * 3)
    found = Downloads(stocked)
    assert found.by_country() == (CountryDownloads("", 3),)
    assert (found.top_keywords(), found.by_month()) == ((), ())
    assert (found.rising(), found.mismatches()) == ((), ())


def test_ties_are_in_the_order_of_their_names(stocked: Connection) -> None:
    words = ["dog", "Dog", "dog ", "\U0001f415", "ave", "zoo"]
    rows = [Row(photo, word, word) for word in words for photo in ("p02", "p01")]
    random.Random(1).shuffle(rows)
    log(stocked, *rows)
    found = Downloads(stocked)
    order = sorted(words)
    assert [each.keyword for each in found.top_keywords()] == order
    assert [each.country for each in found.by_country()] == order
    in_pairs = [(each.keyword, each.photo_id) for each in found.mismatches(20)]
    assert in_pairs == list(itertools.product(order, ("p01", "p02")))
    assert found.top_keywords(2) == (KeywordDownloads("Dog", 2), KeywordDownloads("ave", 2))


def test_text_that_is_not_utf8(stocked: Connection) -> None:
    stocked.execute(
        "INSERT INTO conversions (photo_id, keyword, conversion_country, converted_at)"
        " SELECT 'p01', unhex('636166E9'), unhex('E9'), now() FROM numbers(5)"
    )
    found = Downloads(stocked)
    assert found.top_keywords() == (KeywordDownloads("caf\ufffd", 5),)
    assert found.by_country() == (CountryDownloads("\ufffd", 5),)
    assert [each.keyword for each in found.mismatches()] == ["caf\ufffd"]


def test_months_without_downloads_stand_between_the_others(stocked: Connection) -> None:
    moments = [(1969, 12, 31), (1970, 3, 1), (1970, 3, 31)]
    log(stocked, *(Row("p00", "a", at=dt.datetime(*day, tzinfo=dt.UTC)) for day in moments))
    assert Downloads(stocked).by_month() == (
        MonthDownloads(dt.date(1969, 12, 1), 1),
        MonthDownloads(dt.date(1970, 1, 1), 0),
        MonthDownloads(dt.date(1970, 2, 1), 0),
        MonthDownloads(dt.date(1970, 3, 1), 2),
    )


def test_a_month_begins_at_midnight_utc(stocked: Connection) -> None:
    midnight = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
    before = midnight - dt.timedelta(milliseconds=1)
    log(stocked, Row("p00", "a", at=midnight), Row("p00", "a", at=before))
    months = [each.month for each in Downloads(stocked).by_month()]
    assert months == [dt.date(2024, 1, 1), dt.date(2024, 2, 1)]


def days_ago(days: float) -> dt.datetime:
    return NEWEST - dt.timedelta(days=days)


def test_a_keyword_rises_only_with_evidence(stocked: Connection) -> None:
    steady = [Row("p00", "steady", at=days_ago(day)) for day in (0, 40) for _ in range(1000)]
    once = [Row("p00", "once", at=days_ago(1))]
    doubled = [Row("p00", "doubled", at=days_ago(day)) for day in (2, 3, 35) for _ in range(100)]
    fallen = [Row("p00", "fallen", at=days_ago(50))] * 50
    log(stocked, *steady, *once, *doubled, *fallen)
    (risen,) = Downloads(stocked).rising()
    assert (risen.keyword, risen.downloads, risen.before) == ("doubled", 200, 100)
    assert risen.share == 200 / 1201
    assert risen.share_before == 100 / 1150
    ratio = (200.5 / 1201.5) / (100.5 / 1150.5)
    error = (1 / 200.5 - 1 / 1201.5 + 1 / 100.5 - 1 / 1150.5) ** 0.5
    assert risen.growth == pytest.approx(ratio * math.exp(-1.96 * error))
    assert 1.5 < risen.growth < risen.share / risen.share_before < 2


def test_the_periods_end_at_the_newest_conversion_of_the_log(stocked: Connection) -> None:
    """Also when the newest is of another photo than those asked for."""
    log(
        stocked,
        Row("elsewhere", "x", at=NEWEST),
        *[Row("p00", "now", at=days_ago(9.999))] * 40,
        *[Row("p00", "before", at=days_ago(10))] * 40,
        *[Row("p00", "now", at=days_ago(20))] * 4000,  # too long ago to count
        *[Row("p00", "now", at=None)] * 4000,
    )
    for found in (Downloads(stocked).rising(10), nearest(stocked, 3).rising(10)):
        assert [(each.keyword, each.downloads, each.before) for each in found] == [("now", 40, 0)]
        assert found[0].share_before == 0


def test_nothing_rises_where_one_period_is_empty(stocked: Connection) -> None:
    log(stocked, *[Row("p00", "a")] * 50, *[Row("p00", "b", at=days_ago(100))] * 50)
    assert Downloads(stocked).rising() == ()
    assert Downloads(stocked).rising(days=101) == ()
    assert [each.keyword for each in Downloads(stocked).rising(days=60)] == ["a"]


@pytest.mark.parametrize(
    ("keyword", "mentioned"),
    [
        ("Bridge", True),
        ("suspension bridges", True),
        ("bridge, suspended", False),
        ("the suspension", False),  # no "the" there
        ("ÉTÉ", True),
        ("glasses", True),
        ("eras", True),
        ("is", False),
        ("橋", True),
        ("川", False),
        ('6" nails', False),
        ("golden gate", True),
        ("Ana", True),
        ("---", True),
        ("%", True),
    ],
)
def test_what_a_photo_mentions(connection: Connection, keyword: str, mentioned: bool) -> None:
    connection.execute(
        "INSERT INTO photos (photo_id, description, place, photographer, attributes) SELECT"
        " 'p', 'A suspension BRIDGE in été: glass, opera 橋', 'Golden Gate', 'Ana', map('n', '12')"
    )
    log(connection, Row("p", keyword))
    assert (Downloads(connection).mismatches() == ()) is mentioned


def test_photos_without_a_description_mention_nothing_and_are_left_out(
    connection: Connection,
) -> None:
    add_photos(connection, known="A cat", unknown="")
    log(connection, *[Row("unknown", "dog")] * 9, Row("known", "dog"), Row("elsewhere", "dog"))
    (only,) = Downloads(connection).mismatches()
    assert only == Mismatch("dog", "known", "/pictures/known.jpg", "A cat", 1)


def test_a_photo_that_is_in_the_table_twice_counts_once(stocked: Connection) -> None:
    add_photos(stocked, **DESCRIPTIONS)
    rows = made_up(300)
    log(stocked, *rows)
    assert Downloads(stocked).mismatches(5) == tuple(expected_mismatches(rows, 5))


def test_a_replaced_load_leaves_nothing(stocked: Connection, tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    header = "photo_id\tkeyword\tconversion_country\tconverted_at\n"

    def write(word: str, lines: int) -> None:
        path.write_text(header + f"p00\t{word}\tDE\t2024-01-05 10:00:00.000\n" * lines)
        load_conversions(stocked, path)

    write("old", 500)
    write("new", 3)
    found = Downloads(stocked)
    assert found.top_keywords() == (KeywordDownloads("new", 3),)
    assert found.by_country() == (CountryDownloads("DE", 3),)
    assert found.by_month() == (MonthDownloads(dt.date(2024, 1, 1), 3),)
    assert [(each.keyword, each.downloads) for each in found.mismatches()] == [("new", 3)]
    stocked.execute("DELETE FROM conversions WHERE keyword = 'new'")
    assert [getattr(found, name)() for name in ALL] == [()] * 5


@pytest.mark.parametrize("limit", [0, -1, 100_001, True, 1.5, "9"])
def test_limits_that_cannot_be(connection: Connection, limit: int) -> None:
    found = Downloads(connection)
    calls: list[Callable[..., object]] = [
        found.top_keywords,
        found.by_country,
        found.rising,
        found.mismatches,
    ]
    for call in calls:
        with pytest.raises(InvalidQuery, match="limit must be a whole number from 1 to 100,000"):
            call(limit=limit)
    with pytest.raises(InvalidQuery, match="days must be a whole number from 1 to 3,650"):
        found.rising(days=limit)


# The most frequent pairs of a large log


@pytest.fixture
def pairs_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_SMALL_LOG", 0)


@pytest.mark.usefixtures("pairs_always")
@pytest.mark.parametrize("buckets", [(1, 2), (10, 40), (256, 4096)])
@pytest.mark.parametrize("limit", [1, 10, 500])
def test_frequent_pairs_give_what_all_pairs_give(
    stocked: Connection, buckets: tuple[int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "_BUCKETS", buckets)
    monkeypatch.setattr(pairs, "_FIRST_NAMED", 5)
    rows = made_up()
    log(stocked, *rows)
    assert Downloads(stocked).mismatches(limit) == tuple(expected_mismatches(rows, limit))


@pytest.mark.usefixtures("pairs_always")
def test_frequent_pairs_are_exactly_those_above_the_others(
    stocked: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "_BUCKETS", (8, 64))
    monkeypatch.setattr(pairs, "_FIRST_NAMED", 3)
    rows = made_up()
    log(stocked, *rows[::2])
    log(stocked, *rows[1::2])
    count = Counter((row.photo_id, row.keyword) for row in rows if row.keyword)
    sizes = []
    for statement in pairs.frequent_pairs(stocked):
        found = stocked.table(statement.sql, statement.params).to_pylist()
        counted = {(row["photo_id"], row["keyword"]): row["downloads"] for row in found}
        assert len(counted) == len(found)
        least = min(counted.values())
        assert counted == {pair: n for pair, n in count.items() if n >= least}
        sizes.append(len(counted))
    assert len(sizes) == 4
    assert sizes[0] <= 3 < sizes[1] < sizes[3]


@pytest.mark.usefixtures("pairs_always")
def test_frequent_pairs_of_nothing(connection: Connection) -> None:
    assert list(pairs.frequent_pairs(connection)) == []
    log(connection, Row("p00", ""))
    assert list(pairs.frequent_pairs(connection)) == []


@pytest.mark.usefixtures("pairs_always")
def test_frequent_pairs_are_enough_for_a_short_answer(
    stocked: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = made_up()
    log(stocked, *rows)
    monkeypatch.setattr(trends, "PAIRS", "SELECT 1 FROM nowhere WHERE {where}")
    assert Downloads(stocked).mismatches(5) == tuple(expected_mismatches(rows, 5))


def test_a_query_binds_its_own_values(stocked: Connection) -> None:
    log(stocked, Row("p03", "a"), Row("p04", "b"))
    only = Statement("SELECT photo_id FROM photos WHERE photo_id = {x:String}", {"x": "p04"})
    assert Downloads(stocked, only).top_keywords() == (KeywordDownloads("b", 1),)

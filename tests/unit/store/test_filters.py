from __future__ import annotations

import base64
import datetime as dt
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistazo.errors import InvalidFilter
from vistazo.records import Metadata, Photo
from vistazo.store.connect import Connection
from vistazo.store.filters import FIELDS, Filter, compile_filter
from vistazo.store.store import NewPhoto, Store

TIME = "DateTime64(0, 'UTC')"
SPAN = f"(taken_at >= {{w0:{TIME}}} AND taken_at < {{w1:{TIME}}})"
YEAR = {"w0": "2019-01-01 00:00:00", "w1": "2020-01-01 00:00:00"}


@pytest.mark.parametrize(
    ("where", "sql", "params"),
    [
        ("width > 5", "width > {w0:Float64}", {"w0": 5.0}),
        ("WIDTH>=1_000", "width >= {w0:Float64}", {"w0": 1000.0}),
        ("latitude<-.5", "latitude < {w0:Float64}", {"w0": -0.5}),
        ("year == '2019'", "toYear(taken_at) = {w0:Float64}", {"w0": 2019.0}),
        ("camera <> 'a''b'", "camera != {w0:String}", {"w0": "a'b"}),
        (r'camera = "a\"b\\c"', "camera = {w0:String}", {"w0": 'a"b\\c'}),
        ("file = a/b.c", "file_stem = {w0:String}", {"w0": "a/b.c"}),
        ("file = and", "file_stem = {w0:String}", {"w0": "and"}),
        ("file = 'a\udcff'", "file_stem = {w0:String}", {"w0": "a\\udcff"}),
        (
            "place ~ MADRID",
            "positionCaseInsensitiveUTF8(place, {w0:String}) > 0",
            {"w0": "MADRID"},
        ),
        ("place !~ m", "positionCaseInsensitiveUTF8(place, {w0:String}) = 0", {"w0": "m"}),
        ("has(camera)", "camera != ''", {}),
        ("not has ( taken )", "NOT (isNotNull(taken_at))", {}),
        ("has(attributes.x)", "attributes[{w0:String}] != ''", {"w0": "x"}),
        (
            "attributes['a b'] = c",
            "attributes[{w0:String}] = {w1:String}",
            {"w0": "a b", "w1": "c"},
        ),
        ("attributes.a.b=1", "attributes[{w0:String}] = {w1:String}", {"w0": "a.b", "w1": "1"}),
        (
            "category = animals",
            "(attributes['category'] = {w0:String}"
            " OR startsWith(attributes['category'], concat({w0:String}, '/')))",
            {"w0": "animals"},
        ),
        ("taken = 2019", SPAN, YEAR),
        ("taken != 2019", f"NOT {SPAN}", YEAR),
        ("taken <= 2019", f"taken_at < {{w1:{TIME}}}", YEAR),
        ("taken > 2019", f"taken_at >= {{w1:{TIME}}}", YEAR),
        ("taken=2019-12", SPAN, {"w0": "2019-12-01 00:00:00", "w1": "2020-01-01 00:00:00"}),
        ("taken=2020-2-29", SPAN, {"w0": "2020-02-29 00:00:00", "w1": "2020-03-01 00:00:00"}),
        ("taken='2019-12-31 23'", SPAN, {"w0": "2019-12-31 23:00:00", "w1": "2020-01-01 00:00:00"}),
        (
            "taken=2019-05-31T18:00",
            SPAN,
            {"w0": "2019-05-31 18:00:00", "w1": "2019-05-31 18:01:00"},
        ),
        (
            "taken=2019-05-31T18:00:59",
            SPAN,
            {"w0": "2019-05-31 18:00:59", "w1": "2019-05-31 18:01:00"},
        ),
        (
            "width in (1, 2)",
            "(width = {w0:Float64} OR width = {w1:Float64})",
            {"w0": 1.0, "w1": 2.0},
        ),
        ("file not in ('a')", "NOT (file_stem = {w0:String})", {"w0": "a"}),
        (
            "width=1 and height=2 or not (file=a)",
            "((width = {w0:Float64} AND height = {w1:Float64}) OR NOT ((file_stem = {w2:String})))",
            {"w0": 1.0, "w1": 2.0, "w2": "a"},
        ),
    ],
)
def test_compiled(where: str, sql: str, params: dict[str, object]) -> None:
    assert compile_filter(where) == Filter(sql, params)


@pytest.mark.parametrize("where", ["", " \n\t"])
def test_an_empty_filter_keeps_everything(where: str) -> None:
    assert compile_filter(where) == Filter()


@pytest.mark.parametrize(
    ("where", "position", "problem"),
    [
        ("widht > 5", 0, "there is no field 'widht'; did you mean 'width'?"),
        ("zzz = 1", 0, "there is no field 'zzz'; fields: photo_id, file,"),
        ("width > ", 8, "expected a value"),
        ("width > big", 8, "'big' is not a number"),
        ("width > nan", 8, "'nan' is not a number"),
        ("width > 1e999", 8, "'1e999' is not a number"),
        ("width ~ 5", 8, "~ needs a text field"),
        ("width 5", 6, "expected a comparison such as = != < > ~ or 'in', found '5'"),
        ("width", 5, "expected a comparison such as = != < > ~ or 'in', found the end"),
        ("width not = 5", 10, "expected a comparison"),
        ("width = 5 height = 6", 10, "expected 'and', 'or' or the end, found 'height'"),
        ("(width = 5", 10, "expected ')', found the end"),
        ("width = 5)", 9, "expected 'and', 'or' or the end, found ')'"),
        ("width in ()", 10, "expected a value"),
        ("width in (1", 11, "expected ')', found the end"),
        ("'width' = 5", 0, "expected a field's name"),
        ("file = 'a", 7, "this quote is never closed"),
        ("file ! a", 5, "cannot read this"),
        ("attributes = 5", 0, "expected attributes.NAME or attributes['NAME']"),
        ("attributes[x] = 5", 11, "expected the attribute's name in quotes"),
        ("attributes['x' = 5", 15, "expected ']', found '='"),
        ("taken = may", 8, "'may' is not a date like 2019, 2019-05, 2019-05-31 or"),
        ("taken = 2019-02-30", 8, "'2019-02-30' is not a date"),
        ("taken = 2019-13", 8, "'2019-13' is not a date"),
        ("taken = 9999-12-31", 8, "'9999-12-31' is not a date"),
        ("taken = 1899", 8, "'1899' is not a date"),
        ("width = 1; DROP TABLE photos", 8, "'1;' is not a number"),
        ("file = a' OR 1", 8, "this quote is never closed"),
        ("(" * 60, 50, "nested too deeply"),
        ("not " * 49 + "not not width = 1", 200, "nested too deeply"),
    ],
)
def test_errors_say_what_and_where(where: str, position: int, problem: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        compile_filter(where)
    assert caught.value.position == position
    start = f'the filter "{where[:200]}" fails at character {position + 1}: {problem}'
    assert str(caught.value).startswith(start)


def test_a_very_long_filter_is_refused() -> None:
    with pytest.raises(InvalidFilter, match="longer than 10,000 characters"):
        compile_filter("width = 1" + " or width = 1" * 1000)


_WORDS = [
    "and",
    "or",
    "not",
    "in",
    "has",
    "attributes.x",
    "width",
    "taken",
    "category",
    "file",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "!=",
    "<",
    "~",
    "!~",
    "'",
    '"',
    "\\",
    "5",
    "2019",
    "9999-12-31",
    "'a'",
    ";",
    "!",
    "é",
    "�",
]


@given(st.lists(st.sampled_from(_WORDS) | st.text(max_size=4)).map(" ".join) | st.text())
def test_any_text_compiles_or_is_refused(where: str) -> None:
    try:
        found = compile_filter(where)
    except InvalidFilter as error:
        assert 0 <= error.position <= len(where)
        return
    assert found.sql.isprintable()


# On the engine


def _photo(name: str, **facts: object) -> NewPhoto:
    metadata = {k: v for k, v in facts.items() if k in Metadata.__dataclass_fields__}
    rest = {k: v for k, v in facts.items() if k not in metadata}
    photo = Photo(
        **{
            "photo_id": name,
            "url": f"file:///{name}.jpg",
            "width": 400,
            "height": 300,
            "format": "JPEG",
            **rest,
            "metadata": Metadata(**metadata),  # type: ignore[arg-type]
        }
    )
    return NewPhoto(photo, np.array([1, 0, 0, 0], dtype=np.float32), b"")


@pytest.fixture(scope="module")
def store(connection: Connection) -> Store:
    found = Store(connection)
    found.replace(
        [
            _photo(
                "a",
                taken_at=dt.datetime(2019, 5, 31, 18, 0, 30),
                camera="Canon EOS",
                latitude=40.4,
                longitude=-3.7,
                place="Madrid, España",
                photographer="Ana O'Neill",
                description="100% rojo",
                attributes={"category": "animals", "licence": "CC0", "a b": "1"},
                source="/fotos",
            ),
            _photo(
                "b",
                taken_at=dt.datetime(2019, 12, 31, 23, 59, 59),
                camera="canon",
                description='say "hi"\tand\\or\nnot',
                attributes={"category": "animals/birds", "licence": "CC BY"},
                size_bytes=5_000_000_000,
            ),
            _photo(
                "c",
                taken_at=dt.datetime(2020, 2, 29),
                width=100,
                height=900,
                format="PNG",
                attributes={"category": "animalsandmore", "it's": "x"},
            ),
            _photo("d", latitude=-10.5, longitude=0.0, description="ÑANDÚ"),
            _photo("e", url="file:///album/e%FF.jpg", camera="{w0:String}"),
        ]
    )
    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("photo_id = a", "a"),
        ("photo_id in (a, b, zz)", "ab"),
        ("photo_id not in (a, b)", "cde"),
        ("file = c", "c"),
        ("file = 'e\udcff'", "e"),
        ("source = /fotos", "a"),
        ("format = PNG", "c"),
        ("format = png", "c"),
        ("width < 400", "c"),
        ("width > height", None),
        ("height >= 300.5", "c"),
        ("not (width > 100)", "c"),
        ("size_bytes = 5e9", "b"),
        ("year = 2019", "ab"),
        ("month in (2, 12)", "bc"),
        ("taken = 2019", "ab"),
        ("taken = 2019-05", "a"),
        ("taken = 2019-05-31", "a"),
        ("taken = 2019-05-31T18:00", "a"),
        ("taken = 2019-05-31T18:00:30", "a"),
        ("taken = 2019-05-31T18:01", ""),
        ("taken in (2019-05, 2020)", "ac"),
        ("taken > 2019", "c"),
        ("taken >= 2019-12-31 and taken < 2020", "b"),
        ("taken <= 2019-12", "ab"),
        # An unknown date matches no comparison, negated or not
        ("taken != 2019", "c"),
        ("not taken = 2019", "c"),
        ("taken not in (2019)", "c"),
        ("not has(taken)", "de"),
        ("taken != 2019 or not has(taken)", "cde"),
        ("has(taken) and not has(camera)", "c"),
        # An unknown text is empty
        ("camera != canon", "acde"),
        ("camera = ''", "cd"),
        ("camera ~ CANON", "ab"),
        ("camera !~ canon", "cde"),
        ("description ~ ñandú", "d"),
        ("description ~ '100%'", "a"),
        ("description ~ '%'", "a"),
        ("description = 'say \"hi\"\tand\\\\or\nnot'", "b"),
        ("photographer = 'Ana O''Neill'", "a"),
        (r"photographer = 'Ana O\'Neill'", "a"),
        ('photographer = "Ana O\'Neill"', "a"),
        ("place ~ españa", "a"),
        ("latitude > 0", "a"),
        ("latitude != 0", "ad"),
        ("longitude = 0", "d"),
        ("has(latitude)", "ad"),
        ("category = animals", "ab"),
        ("category = animals/birds", "b"),
        ("category != animals", "cde"),
        ("category in (animalsandmore, plants)", "c"),
        ("category ~ more", "c"),
        ("has(category)", "abc"),
        ("attributes.licence = CC0", "a"),
        ("attributes.licence != CC0", "bcde"),
        ("attributes['a b'] = 1", "a"),
        ("attributes['it''s'] = x", "c"),
        ("has(attributes['licence'])", "ab"),
        # What would be SQL elsewhere is only text here
        ("description = ''' OR 1 = 1 --'", ""),
        ("attributes['x''] = '''' OR 1'] = 1", ""),
        (r"description = '\\'' OR 1 = 1 --'", ""),
        ("camera = '{w0:String}'", "e"),
        ("camera = '%(w0)s'", ""),
        ("photo_id = a or photo_id = b and width = 100", "a"),
        ("(photo_id = a or photo_id = b) and width = 400", "ab"),
    ],
)
def test_the_photos_a_filter_keeps(store: Store, where: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(InvalidFilter, match="'height' is not a number"):
            compile_filter(where)
        return
    found = store.random_ids(10, compile_filter(where))
    assert "".join(sorted(found)) == expected


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_a_column_of_its_kind(store: Store, field: str) -> None:
    kind = FIELDS[field][1]
    value = {"number": "1", "date": "2019"}.get(kind, "a")
    for where in (f"{field} = {value}", f"{field} != {value}", f"has({field})"):
        assert 0 <= store.count(compile_filter(where)) <= 5
    if kind == "words":
        with pytest.raises(InvalidFilter, match="a keyword is compared with = != ~ or !~"):
            compile_filter(f"{field} < {value}")
        return
    assert store.count(compile_filter(f"{field} < {value} or {field} >= {value}")) <= 5


def test_keywords_are_of_the_photo_or_of_their_table(store: Store, connection: Connection) -> None:
    table = pa.table({"photo_id": ["c", "d"], "keyword": ["Sold", "half sold"]})
    connection.insert("keywords", table)
    for where, expected in {
        "keyword = sold": "c",
        "keyword = SOLD": "c",
        "keyword ~ sold": "cd",
        "keyword != sold and has(keyword)": "d",
        "keyword !~ sold": "abe",
        "keyword in (sold, 'half sold')": "cd",
    }.items():
        assert "".join(sorted(store.random_ids(10, compile_filter(where)))) == expected, where
    connection.execute("TRUNCATE TABLE keywords")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.sampled_from("'\""))
def test_any_value_in_quotes_is_compared_as_it_is(
    connection: Connection, value: str, quote: str
) -> None:
    quoted = quote + value.replace("\\", "\\\\").replace(quote, quote * 2) + quote
    found = compile_filter(f"description = {quoted}")
    bound = value.encode("utf-8", "backslashreplace")
    assert found == Filter("description = {w0:String}", {"w0": bound.decode()})
    seen = connection.value("SELECT base64Encode({w0:String})", found.params)
    assert base64.b64decode(seen) == bound


def test_the_longest_filter_is_answered_soon(store: Store) -> None:
    where = "width=1" + " or width=1" * 900
    started = time.monotonic()
    assert store.count(compile_filter(where)) == 0
    assert time.monotonic() - started < 5

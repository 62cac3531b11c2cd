from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vistazo.analytics import reader
from vistazo.analytics.reader import TableFile
from vistazo.errors import SourceError

SAMPLE = Path(__file__).parents[3] / "sample" / "conversions.tsv000"
HEADER = "photo_id\tkeyword\n"


def read(path: Path) -> tuple[list[dict[str, Any]], int]:
    with TableFile(path) as file:
        rows = [row for batch in file.batches() for row in batch.to_pylist()]
        return rows, file.rejected


def parsed(tmp_path: Path, data: str | bytes) -> tuple[list[tuple[str, str]], int]:
    path = tmp_path / "conversions.tsv000"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    rows, rejected = read(path)
    return [(row["photo_id"], row["keyword"]) for row in rows], rejected


def moment(tmp_path: Path, text: str) -> dt.datetime | None:
    path = tmp_path / "conversions.tsv"
    path.write_text(f"converted_at\tphoto_id\tkeyword\n{text}\tp\tk\n")
    (row,), _ = read(path)
    found: dt.datetime | None = row["converted_at"]
    return found


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


def test_the_sample_reads_as_pandas_and_psql_would_read_it() -> None:
    rows, rejected = read(SAMPLE)
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file, delimiter="\t"))
    assert len(expected) == 8989
    for row, wanted in zip(rows, expected, strict=True):
        at = dt.datetime.fromisoformat(wanted.pop("converted_at")).replace(tzinfo=dt.UTC)
        assert row == {**wanted, "converted_at": at}
    assert rejected == 0


@pytest.mark.parametrize(
    "data",
    [
        "photo_id\tkeyword\na\tb\nc\td",
        "photo_id\tkeyword\r\na\tb\r\nc\td\r\n",
        "\ufeffphoto_id\tkeyword\na\tb\nc\td\n",
        "\n\nphoto_id\tkeyword\n\na\tb\n\nc\td\n\n",
        "Photo_ID\t KEYWORD\na\tb\nc\td\n",
        '"photo_id"\t"keyword"\n"a"\t"b"\n"c"\t"d"\n',
        "keyword,photo_id\nb,a\nd,c\n",
        "keyword;photo_id\nb;a\nd;c\n",
        "more\tphoto_id\tkeyword\tand\n1\ta\tb\t2\n3\tc\td\t4\n",
        "keyword\tkeyword\tphoto_id\nb\tx\ta\nd\tx\tc\n",
        "photo_id\tkeyword\n  a \tb\nc\td\n",
        "photo_id\tkeyword\na\tb\nc\td\n".encode("utf-16"),
    ],
    ids=[
        "no-newline-at-the-end",
        "crlf",
        "bom",
        "blank-lines",
        "header-case",
        "all-quoted",
        "commas",
        "semicolons",
        "other-columns",
        "column-twice",
        "blanks-around-id",
        "utf-16",
    ],
)
def test_forms_of_one_file(tmp_path: Path, data: str | bytes) -> None:
    assert parsed(tmp_path, data) == ([("a", "b"), ("c", "d")], 0)


@pytest.mark.parametrize(
    ("field", "keyword"),
    [
        ('6" nails', '6" nails'),
        ('"open', '"open'),
        ('shut"', 'shut"'),
        ('"', '"'),
        ('"quoted"', "quoted"),
        ('"""best friends"""', '"best friends"'),
        ('"a ""b"" c"', 'a "b" c'),
        ('"a" and "b"', '"a" and "b"'),
        ('""', ""),
        ('"a\tb"', "a\tb"),
        ("a\\tb", "a\\tb"),
        ("nan", "nan"),
        ("NULL", "NULL"),
        ("cão 🐕 犬", "cão 🐕 犬"),
        (" spaced ", " spaced "),
        ("", ""),
    ],
)
def test_a_keyword_is_what_was_typed(tmp_path: Path, field: str, keyword: str) -> None:
    data = f"photo_id\tkeyword\nbefore\tx\np\t{field}\nafter\ty\n"
    found, rejected = parsed(tmp_path, data)
    # A line that is read again may come last.
    assert sorted(found) == sorted([("before", "x"), ("p", keyword), ("after", "y")])
    assert rejected == 0


def test_commas_inside_quotes(tmp_path: Path) -> None:
    found, rejected = parsed(tmp_path, 'photo_id,keyword\na,"b, c"\nd,"e"",""f"\ng,h\n')
    assert sorted(found) == [("a", "b, c"), ("d", 'e","f'), ("g", "h")]
    assert rejected == 0


def test_lines_that_are_no_conversion_are_counted_and_passed_over(tmp_path: Path) -> None:
    lines = ["a\tb", "short", "a\tb\tc", '"x\ty\tz', "\tno id", " \tblank id", '""\tq', "c\td"]
    assert parsed(tmp_path, HEADER + "\n".join(lines)) == ([("a", "b"), ("c", "d")], 6)


def test_bytes_that_are_not_utf8_are_latin_1(tmp_path: Path) -> None:
    data = HEADER.encode() + b"a\tcaf\xe9\nb\tcaf\xc3\xa9\nbad\tb\xe4d\tx\n\xff\t\xc3\n"
    assert parsed(tmp_path, data) == ([("a", "café"), ("b", "café"), ("ÿ", "Ã")], 1)


def test_a_character_across_two_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vistazo.sources.utf8._CHUNK_BYTES", 7)
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 64)
    words = [f"né🐕{number}" for number in range(3000)]
    data = HEADER + "".join(f"p\t{word}\n" for word in words)
    assert parsed(tmp_path, data) == ([("p", word) for word in words], 0)


def test_many_blocks_keep_order_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 256)
    monkeypatch.setattr(reader, "_BATCH_ROWS", 10)
    lines, expected = [], []
    for number in range(2000):
        if number % 7 == 3:
            lines.append(f'p{number}\t"a\t{number}"')
            expected.append((f"p{number}", f"a\t{number}"))
        elif number % 11 == 5:
            lines.append("broken")
        else:
            lines.append(f"p{number}\tk{number}")
            expected.append((f"p{number}", f"k{number}"))
    found, rejected = parsed(tmp_path, HEADER + "\n".join(lines))
    assert sorted(found) == sorted(expected)
    assert rejected == lines.count("broken")
    plain = [row for row in found if "\t" not in row[1]]
    assert plain == [row for row in expected if "\t" not in row[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01 00:23:14.000", utc(2024, 1, 1, 0, 23, 14)),
        ("2024-01-01 00:23:14.567", utc(2024, 1, 1, 0, 23, 14, 567_000)),
        ("2024-01-01 00:23:14.567891", utc(2024, 1, 1, 0, 23, 14, 567_000)),
        ("2024-01-01T00:23:14", utc(2024, 1, 1, 0, 23, 14)),
        ("2024-01-01T00:23:14Z", utc(2024, 1, 1, 0, 23, 14)),
        ("2024-01-01T00:23:14+02:00", utc(2023, 12, 31, 22, 23, 14)),
        ("2024-01-01 00:23:14.5+00", utc(2024, 1, 1, 0, 23, 14, 500_000)),
        ("2024-01-01 00:23:14 UTC", utc(2024, 1, 1, 0, 23, 14)),
        ("2024-01-01", utc(2024, 1, 1)),
        ("1969-12-31 23:59:59.999", utc(1969, 12, 31, 23, 59, 59, 999_000)),
        ("2024-02-30 00:00:00", None),
        ("9999-01-01 00:00:00", None),
        ("0001-01-01 00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_moments(tmp_path: Path, text: str, expected: dt.datetime | None) -> None:
    assert moment(tmp_path, text) == expected


def test_one_bad_moment_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("converted_at\tphoto_id\tkeyword\n2024-01-02 00:00:00\tp\ta\n?\tp\tb\n\tp\tc\n")
    rows, rejected = read(path)
    assert [row["converted_at"] for row in rows] == [utc(2024, 1, 2), None, None]
    assert rejected == 0


def test_compressed(tmp_path: Path) -> None:
    data = (HEADER + "".join(f"p{number}\tk\n" for number in range(5000))).encode()
    files = {
        "c.tsv000.gz": gzip.compress(data[:999]) + gzip.compress(data[999:]),
        "c.tsv.bz2": bz2.compress(data),
        "c.zst": pa.compress(data, codec="zstd", asbytes=True),
        "no-suffix": gzip.compress(data),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        rows, rejected = read(tmp_path / name)
        assert [row["photo_id"] for row in rows] == [f"p{number}" for number in range(5000)]
        assert rejected == 0


def test_parquet_as_published(tmp_path: Path) -> None:
    path = tmp_path / "conversions-all.parquet"
    pq.write_table(
        pa.table({"id": [7, 0, -1], "photo_id": ["a", "b", ""], "keyword": ["x", None, "z"]}), path
    )
    assert read(path) == (
        [{"photo_id": "a", "keyword": "x", "id": 7}, {"photo_id": "b", "keyword": "", "id": 0}],
        1,
    )


def test_parquet_with_every_column_and_other_types(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    at = [utc(2024, 1, 1, 5), None]
    pq.write_table(
        pa.table(
            {
                "id": pa.array(["a1", "a2"]),
                "Converted_At": pa.array(at, pa.timestamp("us", "UTC")),
                "conversion_type": pa.array(["download", "download"]).dictionary_encode(),
                "keyword": pa.array([b"caf\xe9", b"ok"], pa.binary()),
                "photo_id": pa.array(["p", "q"], pa.large_string()),
                "anonymous_user_id": pa.array([12, 13]),
                "conversion_country": pa.array(["IN", None]),
                "extra": pa.array([[1], []]),
            }
        ),
        path,
    )
    rows, rejected = read(path)
    assert rows == [
        {
            "photo_id": "p",
            "keyword": "café",
            "converted_at": at[0],
            "conversion_type": "download",
            "anonymous_user_id": "12",
            "conversion_country": "IN",
        },
        {
            "photo_id": "q",
            "keyword": "ok",
            "converted_at": None,
            "conversion_type": "download",
            "anonymous_user_id": "13",
            "conversion_country": "",
        },
    ]
    assert rejected == 0


def test_parquet_with_moments_as_text_or_days(tmp_path: Path) -> None:
    for number, column in enumerate(
        [pa.array(["2024-01-01 05:00:00.000", "x"]), pa.array([dt.date(2024, 1, 1), None])]
    ):
        path = tmp_path / f"{number}.parquet"
        table = {"photo_id": ["a", "b"], "keyword": ["k", "k"], "converted_at": column}
        pq.write_table(pa.table(table), path)
        rows, _ = read(path)
        assert [row["converted_at"] for row in rows] == [
            utc(2024, 1, 1, 5 if not number else 0),
            None,
        ]


def test_a_header_alone_is_a_file_without_conversions(tmp_path: Path) -> None:
    assert parsed(tmp_path, "photo_id\tkeyword") == ([], 0)
    assert parsed(tmp_path, "photo_id\tkeyword\r\n\r\n") == ([], 0)


_NOISE = random.Random(0).randbytes(9999)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"photo\tkeyword\na\tb\n", "no column photo_id; .* this one: photo, keyword"),
        (b"photo_id,word\na,b\n", "no column keyword; .* this one: photo_id, word"),
        (b"\n\n", "no column photo_id"),
        (b"PK\x03\x04 and so on", "zip archive; unpack it"),
        (b"PAR1 and so on", "damaged or no conversions file"),
        (gzip.compress(b"photo_id\tkeyword\n" + _NOISE, mtime=0)[:5000], "damaged"),
        (b"\xff\xd8\xff\xe0JFIF\x00", "no column photo_id"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        parsed(tmp_path, data)
    assert str(caught.value).isprintable()
    assert str(tmp_path / "conversions.tsv000") in str(caught.value)


def test_parquet_without_a_required_column(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"photo_id": ["a"], "word": ["b"]}), path)
    with pytest.raises(SourceError, match=r"no column keyword; .* this one: photo_id, word"):
        read(path)


def test_parquet_with_a_column_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"photo_id": ["a"], "keyword": [{"b": 1}]}), path)
    with pytest.raises(SourceError, match="damaged or no conversions file"):
        read(path)


def test_a_line_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 64)
    with pytest.raises(SourceError, match="damaged or no conversions file"):
        parsed(tmp_path, HEADER + "a\tb\n" * 50 + "a\t" + "b" * 500 + "\n")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; check the path"):
        TableFile(tmp_path / "none.tsv")
    with pytest.raises(SourceError, match=r"is a folder; give the conversions file in it"):
        TableFile(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        TableFile(tmp_path / "pipe")
    with pytest.raises(SourceError, match="cannot be read"):
        TableFile("nul\0byte")


def test_a_file_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    path.write_text(HEADER + "a\tb\n")
    with TableFile(path) as file:
        file.check_unchanged()
        with path.open("a") as writer:
            writer.write("c\td\n")
        with pytest.raises(SourceError, match="changed while it was read"):
            file.check_unchanged()

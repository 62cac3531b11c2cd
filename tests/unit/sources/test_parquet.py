"""Data sets in Parquet: which embeddings are taken, and which files are none."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vistazo
from conftest import COLOURS, paint
from fakes import DIM, ColourEncoder
from vistazo.display.sheet import contact_sheet
from vistazo.errors import SourceError, UsageError
from vistazo.records import EncoderSpec
from vistazo.sources.parquet import ENCODER_KEY, ParquetSource, conversions_files, photo_files

SPEC = ColourEncoder().spec
LISTS = pa.list_(pa.float32())
NAMES = ["red", "crimson", "tomato", "blue", "navy", "green"]


def vectors(names: Sequence[str] = NAMES) -> list[list[float]]:
    found: list[list[float]] = ColourEncoder().encode_texts(names).tolist()
    return found


def write(
    path: Path,
    *,
    encoder: EncoderSpec | None = SPEC,
    kind: pa.DataType = LISTS,
    row_group_size: int | None = None,
    **columns: Any,
) -> Path:
    """A file in the published schema; `columns` replace or add, None takes one away."""
    data: dict[str, Any] = {
        "id": pa.array(range(len(NAMES)), pa.int64()),
        "photo_id": NAMES,
        "photo_image_url": [f"https://a.invalid/{name}.jpg" for name in NAMES],
        "photo_embed": pa.array(vectors(), kind),
        **columns,
    }
    table = pa.table({name: column for name, column in data.items() if column is not None})
    if encoder is not None:
        said = {"name": encoder.name, "dim": encoder.dim, "checksum": encoder.checksum}
        table = table.replace_schema_metadata({ENCODER_KEY: json.dumps(said)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def stored(library: vistazo.Library) -> dict[str, list[float]]:
    rows = library.sql("SELECT photo_id, photo_embed FROM photos").to_pylist()
    return {row["photo_id"]: row["photo_embed"] for row in rows}


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float64()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), DIM),
    ],
    ids=str,
)
def test_embeddings_are_taken_as_they_are(
    library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder, kind: pa.DataType
) -> None:
    write(tmp_path / "photos.parquet", kind=kind, row_group_size=2)
    report = library.index(f"parquet:{tmp_path}", encoder=encoder)
    assert (report.added, report.failed, report.notes) == (6, 0, ())
    assert stored(library) == dict(zip(NAMES, vectors(), strict=True))
    assert encoder.embedded == 0
    photo = library.photo("red")
    assert (photo.url, photo.width, photo.format) == ("https://a.invalid/red.jpg", 0, "")
    assert photo.metadata.attributes == {}
    assert library.index(f"parquet:{tmp_path}").unchanged == 6
    assert library.sql("SELECT count() AS n FROM thumbnails").to_pylist() == [{"n": 0}]


def test_photos_without_thumbnails_are_found_and_shown(
    library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
) -> None:
    path = write(
        tmp_path / "photos.parquet",
        photo_width=pa.array([400] * 6),
        photo_height=pa.array([200] * 6),
        photo_description=["The red one", *[None] * 5],
    )
    library.index(f"parquet:{path}", encoder=encoder)
    hits = library.search("red", k=3)
    assert [hit.photo_id for hit in hits] == ["red", "crimson", "tomato"]
    assert [hit.photo_id for hit in library.similar("red", 1)] == ["crimson"]
    assert (hits[0].width, hits[0].height, hits[0].description) == (400, 200, "The red one")
    assert hits.thumbnails() == {}
    assert contact_sheet(hits, hits.thumbnails()).size[0] > 100
    assert hits.grid().save(tmp_path / "hits.png").stat().st_size > 0


def test_16_bits_are_near_enough(
    library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
) -> None:
    half = np.array(vectors(), np.float16)
    off = half.astype("f4") * np.array([1.0, 0.995, 1.008, 1, 1, 1], "f4")[:, None]
    write(tmp_path / "photos.parquet", photo_embed=list(off))
    assert library.index(f"parquet:{tmp_path}", encoder=encoder).failed == 0
    for number, name in enumerate(NAMES):
        norm = np.linalg.norm(stored(library)[name])
        assert norm == pytest.approx(1, abs=1e-3)
        if number in (0, 3, 4, 5):
            assert stored(library)[name] == off[number].tolist()


class TestBadEmbeddings:
    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ([0.5] * (DIM - 1), f"its embedding has 3 numbers, and the encoder's have {DIM}"),
            ([0.5] * (DIM + 1), f"its embedding has 5 numbers, and the encoder's have {DIM}"),
            ([], f"its embedding has 0 numbers, and the encoder's have {DIM}"),
            ([math.nan, 0, 0, 1], "its embedding is not made of finite numbers"),
            ([math.inf, 0, 0, 1], "its embedding is not made of finite numbers"),
            ([None, 0, 0, 1], "its embedding is not made of finite numbers"),
            ([0, 0, 0, 0], "its embedding has the norm 0 and not 1"),
            ([3, 0, 0, 4], "its embedding has the norm 5 and not 1"),
        ],
    )
    def test_one_bad_embedding(
        self,
        library: vistazo.Library,
        tmp_path: Path,
        encoder: ColourEncoder,
        bad: list[float],
        message: str,
    ) -> None:
        path = tmp_path / "photos.parquet"
        write(path, photo_embed=pa.array([bad, *vectors()[1:]], pa.list_(pa.float32())))
        report = library.index(f"parquet:{path}", encoder=encoder)
        assert (report.added, report.failures) == (5, {"bad-embedding": 1})
        (failure,) = library.failures()
        assert (failure.stage, failure.message) == ("embed", message)
        assert failure.url == "https://a.invalid/red.jpg"
        write(path)
        again = library.index(f"parquet:{path}", encoder=encoder)
        assert (again.added, again.unchanged, again.failed) == (1, 5, 0)

    def test_a_float64_too_large_for_float32(
        self, library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        bad = [[1e300, 0, 0, 1], *vectors()[1:]]
        write(tmp_path / "photos.parquet", photo_embed=pa.array(bad, pa.list_(pa.float64())))
        report = library.index(f"parquet:{tmp_path}", encoder=encoder)
        assert report.failures == {"bad-embedding": 1}

    def test_511_numbers(self, library: vistazo.Library, tmp_path: Path) -> None:
        class Wide(ColourEncoder):
            def __init__(self) -> None:
                super().__init__()
                self.spec = EncoderSpec("wide", 512, "x")

        rows = [[1.0] + [0.0] * 511, [1.0] + [0.0] * 510]
        path = write(
            tmp_path / "photos.parquet",
            encoder=Wide().spec,
            id=None,
            photo_id=["a", "b"],
            photo_image_url=["https://a.invalid/a", "https://a.invalid/b"],
            photo_embed=pa.array(rows, pa.list_(pa.float32())),
        )
        report = library.index(f"parquet:{path}", encoder=Wide())
        assert (report.added, report.failures) == (1, {"bad-embedding": 1})
        assert library.failures()[0].message == (
            "its embedding has 511 numbers, and the encoder's have 512"
        )

    def test_a_row_without_embedding_is_fetched(
        self, library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        paint(tmp_path / "red.png", "red")
        write(
            tmp_path / "photos.parquet",
            photo_image_url=["red.png", *[f"https://a.invalid/{name}" for name in NAMES[1:]]],
            photo_embed=pa.array([None, *vectors()[1:]], pa.list_(pa.float32())),
        )
        report = library.index(f"parquet:{tmp_path}", encoder=encoder)
        assert (report.added, encoder.embedded) == (6, 1)
        assert library.photo("red").format == "PNG"


class TestWhoseEmbeddings:
    """They are taken only where somebody says that this encoder made them."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Where the pictures themselves lie beside the file."""
        for name in NAMES:
            paint(tmp_path / f"{name}.png", COLOURS.get(name, name))
        return tmp_path

    def write(self, folder: Path, encoder: EncoderSpec | None, **columns: Any) -> Path:
        urls = [f"{name}.png" for name in NAMES]
        upside_down = (-np.array(vectors(), "f4")).tolist()
        return write(
            folder / "photos.parquet",
            encoder=encoder,
            **{"photo_image_url": urls, "photo_embed": upside_down, **columns},
        )

    @pytest.mark.parametrize(
        ("encoder", "reason"),
        [
            (None, "do not say which encoder made them (if you know, give --vectors-of NAME)"),
            (EncoderSpec("clip", DIM, "1"), "are of the encoder 'clip' and the library's is"),
            (
                EncoderSpec("colours", DIM, "other"),
                "are of the encoder 'colours' of another build and the library's is 'colours'",
            ),
        ],
        ids=["not said", "another", "another build"],
    )
    def test_left_out(
        self, library: vistazo.Library, folder: Path, encoder: EncoderSpec | None, reason: str
    ) -> None:
        own = ColourEncoder()
        report = library.index(f"parquet:{self.write(folder, encoder)}", encoder=own)
        assert (report.added, own.embedded) == (6, 6)
        (note,) = report.notes
        assert note.startswith(f"the embeddings of photos.parquet {reason}")
        assert note.endswith(": they are left out, the pictures fetched and embedded")
        assert library.search("red", k=1)[0].photo_id == "red"

    def test_another_dimension(self, library: vistazo.Library, folder: Path) -> None:
        wide = pa.array([[1.0, 0, 0, 0, 0]] * 6, pa.list_(pa.float32(), 5))
        path = self.write(folder, SPEC, photo_embed=wide)
        report = library.index(f"parquet:{path}", encoder=ColourEncoder())
        assert report.added == 6
        assert "have 5 numbers and those of the encoder 'colours' 4" in report.notes[0]

    @pytest.mark.parametrize("said", [None, EncoderSpec("colours", DIM, "other")])
    def test_the_user_knows(
        self, library: vistazo.Library, folder: Path, said: EncoderSpec | None
    ) -> None:
        own = ColourEncoder()
        source = ParquetSource(self.write(folder, said), vectors_of="colours")
        report = library.index(source, encoder=own)
        assert (report.added, own.embedded, report.notes) == (6, 0, ())

    def test_the_user_knows_that_they_do_not_fit(
        self, library: vistazo.Library, folder: Path
    ) -> None:
        source = ParquetSource(self.write(folder, None), vectors_of="clip")
        with pytest.raises(UsageError) as caught:
            library.index(source, encoder=ColourEncoder())
        assert str(caught.value) == (
            "the embeddings of photos.parquet are of 'clip' and the library's encoder is 'colours'"
        )
        assert library.encoder is None

    @pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"name": "colours"}', b"\xff", b"7"])
    def test_nonsense_says_nothing(self, tmp_path: Path, said: bytes) -> None:
        path = write(tmp_path / "photos.parquet", encoder=None)
        table = pq.read_table(path).replace_schema_metadata({ENCODER_KEY: said})
        pq.write_table(table, path)
        bound = ParquetSource(path).for_encoder(SPEC)
        assert "do not say which encoder" in bound.notes[0]
        assert all(item.embedding is None for item in bound.items())


class TestFiles:
    @pytest.mark.parametrize(
        ("names", "photos", "conversions"),
        [
            (["photos.parquet", "conversions.parquet"], ["photos.parquet"], "conversions.parquet"),
            (
                ["photos.parquet", "photos-all.parquet", "conversions.parquet"],
                ["photos-all.parquet"],
                "conversions.parquet",
            ),
            (
                ["photos-all.parquet", "conversions.parquet", "conversions-all.parquet"],
                ["photos-all.parquet"],
                "conversions-all.parquet",
            ),
            (
                ["photos-1-of-2.parquet", "photos-0-of-2.parquet", "x.parquet"],
                ["photos-0-of-2.parquet", "photos-1-of-2.parquet"],
                "",
            ),
            (["x.parquet", "myphotos.parquet"], [], ""),
        ],
    )
    def test_which(self, names: list[str], photos: list[str], conversions: str) -> None:
        assert photo_files(names) == photos
        if photos:
            assert conversions_files(photos[0], names) == ([conversions] if conversions else [])

    def test_photos_before_photos_all_only_when_it_is_given(self) -> None:
        names = ["photos.parquet", "conversions.parquet", "conversions-all.parquet"]
        assert conversions_files("photos.parquet", names) == ["conversions.parquet"]

    def test_parts_and_conversions(
        self, library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        write(tmp_path / "photos-00000-of-00002.parquet")
        other = [f"{name}-2" for name in NAMES]
        write(
            tmp_path / "photos-00001-of-00002.parquet",
            photo_id=other,
            photo_image_url=[f"https://a.invalid/{name}" for name in other],
        )
        log = pa.table(
            {"id": [0, 1, 2], "photo_id": ["red", "red", "?"], "keyword": ["a", "b", "c"]}
        )
        pq.write_table(log, tmp_path / "conversions-all.parquet")
        report = library.index(f"parquet:{tmp_path}", encoder=encoder)
        assert report.added == 12
        load = report.loads["conversions-all.parquet"]
        assert (load.rows, load.unknown_photos) == (3, 1)
        assert library.sql("SELECT keyword FROM conversions ORDER BY id").to_pylist() == [
            {"keyword": "a"},
            {"keyword": "b"},
            {"keyword": "c"},
        ]

    def test_other_columns(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "photos.parquet",
            caption=["A", None, "", "B", "C", "D"],
            score=pa.array([0.5, math.nan, 1, 2, 3, None]),
            tags=pa.array([["x"]] * 6),
            photo_id=pa.array(range(6)),
        )
        found = list(ParquetSource(path).items())
        assert [item.photo_id for item in found] == list("012345")
        assert [item.metadata.description for item in found] == ["A", "", "", "B", "C", "D"]
        assert [item.metadata.attributes for item in found[:3]] == [
            {"score": "0.5"},
            {},
            {"score": "1.0"},
        ]

    def test_bad_rows(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "photos.parquet",
            photo_id=["a", "a", "", None, "c", "d"],
            photo_image_url=[*[f"https://a.invalid/{n}" for n in range(4)], None, "s3://x/y"],
        )
        found = list(ParquetSource(path).items())
        assert [(str(item.problem), item.problem.code) for item in found if item.problem] == [
            ("row 2 of photos.parquet has the photo_id a of an earlier one;"
             " take one of them out", "duplicate-id"),
            ("row 3 of photos.parquet has no photo_id", "bad-row"),
            ("row 4 of photos.parquet has no photo_id", "bad-row"),
            ("row 5 of photos.parquet has no photo_image_url", "bad-row"),
            ("row 6 of photos.parquet has an address that is neither http(s) nor a file: s3://x/y",
             "bad-row"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"photo_id": None}, "has no column photo_id; it has: id, photo_image_url, photo_emb"),
            ({"photo_image_url": None}, "has no column photo_image_url; it has: id, photo_id"),
            ({"photo_image_url": [1.5] * 6}, "photo_image_url of .* holds double, not strings"),
            ({"photo_id": [True] * 6}, "the column photo_id of .* holds bool, not strings"),
            ({"photo_embed": ["x"] * 6}, "photo_embed of .* holds string, not lists of floats"),
            ({"photo_embed": [[1]] * 6}, r"holds list<element: int64>, not lists of floats"),
        ],
    )
    def test_wrong_columns(self, tmp_path: Path, columns: Mapping[str, Any], message: str) -> None:
        path = write(tmp_path / "photos.parquet", **columns)
        with pytest.raises(SourceError, match=message):
            ParquetSource(path)

    def test_truncated(self, tmp_path: Path) -> None:
        path = write(tmp_path / "photos.parquet")
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(SourceError, match="is damaged or no photos table in Parquet"):
            ParquetSource(path)

    def test_damaged_in_the_middle(
        self, library: vistazo.Library, tmp_path: Path, encoder: ColourEncoder
    ) -> None:
        path = write(tmp_path / "photos.parquet", row_group_size=2)
        data = bytearray(path.read_bytes())
        place = data.index(b"green")
        data[place - 60 : place + 20] = b"\xff" * 80
        path.write_bytes(data)
        with pytest.raises(SourceError, match="is damaged or no photos table in Parquet"):
            library.index(f"parquet:{path}", encoder=encoder)

    def test_strings_that_are_not_utf_8(self, tmp_path: Path) -> None:
        broken = pa.array([b"caf\xe9"] * 6, pa.binary()).view(pa.string())
        path = write(tmp_path / "photos.parquet", caption=broken)
        with pytest.raises(SourceError, match="is damaged or no photos table in Parquet"):
            list(ParquetSource(path).items())

    def test_no_photos(self, tmp_path: Path) -> None:
        empty = pa.table({"photo_id": pa.array([], pa.string()),
                          "photo_image_url": pa.array([], pa.string())})  # fmt: skip
        pq.write_table(empty, tmp_path / "photos.parquet")
        with pytest.raises(SourceError, match="there are no photos in"):
            list(ParquetSource(tmp_path).items())
        with pytest.raises(SourceError, match="there is no photos.parquet in"):
            ParquetSource(tmp_path.parent)
        with pytest.raises(SourceError, match="does not exist; check the path"):
            ParquetSource(tmp_path / "none.parquet")
        (tmp_path / "text.parquet").write_text("photo_id\n")
        with pytest.raises(SourceError, match="is damaged or no photos table"):
            ParquetSource(tmp_path / "text.parquet")


def test_vectors_of_needs_a_source_with_vectors(tmp_path: Path) -> None:
    from vistazo.sources.named import source_of

    with pytest.raises(UsageError, match="only parquet: and hf: sources bring vectors"):
        source_of(str(tmp_path), vectors_of="clip")

"""A library, the dataset built from it, and the library indexed from that dataset."""

from __future__ import annotations

from pathlib import Path

import vistazo
from fakes import ColourEncoder
from vistazo.datasets.build import BuildPlan

PHOTOS = "SELECT photo_id, photo_image_url, photo_embed FROM photos ORDER BY photo_id"
CONVERSIONS = "SELECT photo_id, keyword, count() AS n FROM conversions GROUP BY ALL ORDER BY ALL"


def test_a_library_survives_its_dataset(pictures: Path, tmp_path: Path) -> None:
    (pictures / "broken.jpg").write_text("no picture")
    base = "https://photos.example.org"
    with vistazo.open(tmp_path / "first", encoder=ColourEncoder()) as first:
        assert first.index(pictures).failed == 1
        ids = [hit.photo_id for hit in first.search("red", k=12)]
        log = [f"{photo_id}\tword{n % 3}" for n, photo_id in enumerate([*ids, *ids[:5], "gone"])]
        (tmp_path / "log.tsv").write_text("photo_id\tkeyword\n" + "\n".join(log) + "\n")
        first.load_conversions(tmp_path / "log.tsv")
        plan = BuildPlan(limit=0, image_base_url=base)
        first.build_dataset(pictures, tmp_path / "dataset", plan)
        photos = first.sql(PHOTOS).to_pylist()
        known = "SELECT photo_id, keyword, count() AS n FROM conversions WHERE photo_id IN"
        known += " (SELECT photo_id FROM photos) GROUP BY ALL ORDER BY ALL"
        conversions = first.sql(known).to_pylist()
        found = [(hit.photo_id, hit.score) for hit in first.search("navy", k=12)]

    with vistazo.open(tmp_path / "second", encoder=ColourEncoder()) as second:
        report = second.index(f"parquet:{tmp_path / 'dataset'}")
        assert (report.added, report.failed) == (12, 0)
        again = second.sql(PHOTOS).to_pylist()
        assert [(row["photo_id"], row["photo_embed"]) for row in again] == [
            (row["photo_id"], row["photo_embed"]) for row in photos
        ]
        assert {row["photo_image_url"] for row in again} == {
            f"{base}/images/{row['photo_id']}" for row in photos
        }
        assert second.sql(CONVERSIONS).to_pylist() == conversions
        assert [(hit.photo_id, hit.score) for hit in second.search("navy", k=12)] == found
        assert second.index(f"parquet:{tmp_path / 'dataset'}").unchanged == 12

"""Make sample/photos.tsv000: the sample pictures as a table in Unsplash's columns.

    python tools/sample_photos_table.py

`unsplash:sample` then works without a network: the addresses are paths relative to the table.
"""

from __future__ import annotations

import csv
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample"
COLUMNS = (
    "photo_id",
    "photo_image_url",
    "photo_width",
    "photo_height",
    "photo_aspect_ratio",
    "photo_description",
    "photographer_first_name",
    "photographer_last_name",
    "category",
    "licence",
)


def rows() -> list[tuple[str, ...]]:
    """Photographs first, then stamps, in the order of their captions tables."""
    found: list[tuple[str, ...]] = []
    for folder in ("photos", "stamps"):
        with (SAMPLE / folder / "captions.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                first, _, last = row.get("author", "").rpartition(" ")
                found.append(
                    (
                        row["photo_id"],
                        f"{folder}/{row['file']}",
                        row["width"],
                        row["height"],
                        f"{int(row['width']) / int(row['height']):.2f}",
                        row["caption_en"],
                        first or last,
                        last if first else "",
                        row.get("category", ""),
                        row.get("licence", "GPL-2.0-or-later"),
                    )
                )
    return found


if __name__ == "__main__":
    with (SAMPLE / "photos.tsv000").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())

"""A small data set with Unsplash's files: their columns, quoting and oddities, made up rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

PHOTO_COLUMNS = [
    "photo_id",
    "photo_url",
    "photo_image_url",
    "photo_submitted_at",
    "photo_featured",
    "photo_width",
    "photo_height",
    "photo_aspect_ratio",
    "photo_description",
    "photographer_username",
    "photographer_first_name",
    "photographer_last_name",
    "exif_camera_make",
    "exif_camera_model",
    "exif_iso",
    "exif_aperture_value",
    "exif_focal_length",
    "exif_exposure_time",
    "photo_location_name",
    "photo_location_latitude",
    "photo_location_longitude",
    "photo_location_country",
    "photo_location_city",
    "stats_views",
    "stats_downloads",
    "ai_description",
    "ai_primary_landmark_name",
    "ai_primary_landmark_latitude",
    "ai_primary_landmark_longitude",
    "ai_primary_landmark_confidence",
    "blur_hash",
]
CONVERSION_COLUMNS = [
    "converted_at",
    "conversion_type",
    "keyword",
    "photo_id",
    "anonymous_user_id",
    "conversion_country",
]
KEYWORD_COLUMNS = [
    "photo_id",
    "keyword",
    "ai_service_1_confidence",
    "ai_service_2_confidence",
    "suggested_by_user",
]
COLLECTION_COLUMNS = ["photo_id", "collection_id", "collection_title", "photo_collected_at"]
COLOR_COLUMNS = ["photo_id", "hex", "red", "green", "blue", "keyword", "coverage", "score"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_WORDS = ["bee", "honey", "sea", "mountain", "forest", "city", "night", "dog", 'the "old" town']
_PLACES = [("Pico do Arieiro, Portugal", "", "Portugal", "32.7356", "-16.9289"),
           ("", "Oslo", "Norway", "", ""), ("", "", "", "", "")]  # fmt: skip


def quoted(cell: str) -> str:
    """A cell as PostgreSQL's `FORMAT csv` writes it with tabs between the fields."""
    if any(mark in cell for mark in '"\t\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, *rows]
    return "".join("\t".join(quoted(cell) for cell in line) + "\n" for line in lines)


def photo_rows(count: int, *, base_url: str, seed: int = 4) -> list[dict[str, str]]:
    """Rows of `photos` in Unsplash's columns; the picture of row n is at `base_url/photo-n`."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        place, city, country, latitude, longitude = _PLACES[number % len(_PLACES)]
        photo_id = "".join(chance.choices(_ALPHABET, k=11))
        row = dict.fromkeys(PHOTO_COLUMNS, "")
        row |= {
            "photo_id": photo_id,
            "photo_url": f"https://unsplash.com/photos/{photo_id}",
            "photo_image_url": f"{base_url}/photo-{number}",
            "photo_submitted_at": f"2018-0{number % 9 + 1}-17 04:11:39.411291",
            "photo_featured": "t" if number % 2 else "f",
            "photo_width": str(3000 + number),
            "photo_height": "2000",
            "photo_aspect_ratio": "1.5",
            "photo_description": [f"A {chance.choice(_WORDS)} in the sun", "", 'Say "hello"\tnow',
                                  "  two\nlines "][number % 4],
            "photographer_username": f"user{number}",
            "photographer_first_name": "Łucja",
            "photographer_last_name": ["Ng", "de la Cruz"][number % 2],
            "exif_camera_make": ["Canon", "NIKON CORPORATION", ""][number % 3],
            "exif_camera_model": ["Canon EOS 70D", "NIKON D7000", ""][number % 3],
            "exif_iso": "100",
            "photo_location_name": place,
            "photo_location_city": city,
            "photo_location_country": country,
            "photo_location_latitude": latitude,
            "photo_location_longitude": longitude,
            "stats_views": str(chance.randrange(10**7)),
            "stats_downloads": str(chance.randrange(10**5)),
            "ai_description": f"close-up photo of {chance.choice(_WORDS)}",
            "blur_hash": "LNC%U@rqtlkCy?aeNGt7M{o0ozRj",
        }  # fmt: skip
        rows.append(row)
    return rows


def write(
    folder: Path,
    count: int = 12,
    *,
    base_url: str = "https://images.unsplash.invalid",
    parts: int = 2,
    suffix: str = "tsv",
    conversions: int = 40,
) -> list[dict[str, str]]:
    """Write a whole data set into a folder; the rows of its photos."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = photo_rows(count, base_url=base_url)
    each = -(-count // parts)
    for part in range(parts):
        cells = [list(row.values()) for row in rows[part * each : (part + 1) * each]]
        text = table(PHOTO_COLUMNS, cells)
        (folder / f"photos.{suffix}{part:03}").write_text(text, "utf-8")
    ids = [row["photo_id"] for row in rows]
    chance = random.Random(7)

    def put(name: str, columns: Sequence[str], found: list[list[str]]) -> None:
        (folder / f"{name}.{suffix}000").write_text(table(columns, found), "utf-8")

    put("conversions", CONVERSION_COLUMNS, [
        [f"2020-02-{n % 28 + 1:02} 01:02:03.{n:03}", "download", chance.choice(_WORDS),
         chance.choice([*ids, "elsewhere00"]), f"{n:x}", "US"]
        for n in range(conversions)
    ])  # fmt: skip
    put("keywords", KEYWORD_COLUMNS, [
        [photo_id, word, ["22.59", ""][n % 2], "70.1", ["f", "t"][n % 2]]
        for n, photo_id in enumerate(ids) for word in _WORDS[:3]
    ])  # fmt: skip
    put(
        "collections",
        COLLECTION_COLUMNS,
        [[photo_id, "4324303", 'Wood "and" stone', "2019-03-01 12:00:00"] for photo_id in ids],
    )
    put("colors", COLOR_COLUMNS,
        [[photo_id, "E8E9EB", "232", "233", "235", "platinum", "0.21", "0.0067"]
         for photo_id in ids])  # fmt: skip
    return rows

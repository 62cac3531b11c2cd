"""The card's front matter, as the Hub's own client reads it, and what it tells readers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from vistazo.datasets.build import BuildReport
from vistazo.datasets.card import card, named
from vistazo.records import EncoderSpec

REPORT = BuildReport(
    out="out",
    pictures=1234,
    photos=1200,
    local=0,
    conversions=45678,
    conversions_dropped=3,
    encoder=EncoderSpec("offline", 512, "abc123"),
    licences={"CC-BY-4.0": 1000, "": 200},
    failures={"truncated": 30, "not-an-image": 4},
)


def front(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = DatasetCard(card(replace(REPORT, **changes))).data.to_dict()
    return data


def test_front_matter() -> None:
    data = front()
    assert data["configs"] == [
        {"config_name": "photos", "default": True, "data_files": "photos.parquet"},
        {"config_name": "conversions", "data_files": "conversions.parquet"},
    ]
    assert data["size_categories"] == ["1K<n<10K"]
    assert "vistazo" in data["tags"]
    assert "license" not in data


@pytest.mark.parametrize(
    ("photos", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (25_000, "10K<n<100K")],
)
def test_size(photos: int, size: str) -> None:
    assert front(photos=photos)["size_categories"] == [size]


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ("CC-BY-4.0", "cc-by-4.0"),
        ("CC BY-SA 3.0", "cc-by-sa-3.0"),
        ("CC0", "cc0-1.0"),
        ("GPL-2.0-or-later", "gpl-2.0"),
        ("LGPL-3.0", "lgpl-3.0"),
    ],
)
def test_a_licence_that_all_share(stated: str, licence: str) -> None:
    assert front(licences={stated: 1200})["license"] == licence


@pytest.mark.parametrize("stated", ["Unsplash License", 'mine: "all" #1\n- x', "すべて"])
def test_a_licence_the_hub_does_not_know(stated: str) -> None:
    data = front(licences={stated: 1200})
    assert data["license"] == "other"
    assert data["license_name"]


@pytest.mark.parametrize(
    "licences", [{}, {"": 5}, {"MIT": 3, "CC0-1.0": 2}, {"MIT": 3, "": 2}], ids=str
)
def test_no_licence_where_photos_disagree(licences: dict[str, int]) -> None:
    assert "license" not in front(licences=licences)


def test_what_it_tells() -> None:
    text = card(REPORT)
    for line in (
        "| `photos.parquet` | 1,200 |",
        "| `conversions.parquet` | 45,678 |",
        "| name | `offline` |",
        "| numbers in a vector | 512 |",
        "| SHA-256 of the weights | `abc123` |",
        "| CC-BY-4.0 | 1,000 |",
        "| not stated by the source | 200 |",
        "34 of 1,234 pictures could not be taken in",
        "| truncated | 30 |",
    ):
        assert f"\n{line}" in text
    assert "could not be taken in" not in card(replace(REPORT, failures={}))


def test_text_of_a_source_cannot_break_a_table() -> None:
    text = card(replace(REPORT, licences={"a|b\n<script>": 1}))
    assert "\n| a\\|b\\n&lt;script> | 1 |\n" in text


def test_its_name() -> None:
    assert 'load_dataset("me/mine", data_files="photos.parquet"' in named(card(REPORT), "me/mine")

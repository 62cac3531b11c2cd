"""The dataset's card: a README.md whose front matter the Hugging Face Hub understands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.datasets.build import BuildReport

# Stands for the dataset's name until it is published under one.
NAME = "OWNER/NAME"
_STATED_NOWHERE = "not stated by the source"

# The Hub's own names of licences that pictures have; anything else is `other` there.
_CREATIVE_COMMONS = re.compile(r"cc-by(-nc)?(-sa|-nd)?-(1\.0|2\.0|2\.5|3\.0|4\.0)")
_HUB_LICENCES = frozenset(
    [
        "apache-2.0",
        "mit",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc0-1.0",
        "pddl",
        "odbl",
        "odc-by",
        "unlicense",
        "wtfpl",
        "gpl-2.0",
        "gpl-3.0",
        "lgpl-2.1",
        "lgpl-3.0",
        "agpl-3.0",
        "gfdl",
        "artistic-2.0",
    ]
)
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def card(report: BuildReport) -> str:
    """The text of README.md."""
    return f"{_front_matter(report)}\n{_body(report)}"


def named(text: str, name: str) -> str:
    """A card with the dataset's name in its examples."""
    return text.replace(NAME, name)


def _front_matter(report: BuildReport) -> str:
    size = next((label for limit, label in _SIZES if report.photos < limit), "10M<n<100M")
    lines = [
        "---",
        "pretty_name: Photos with embeddings and downloads",
        *_licence_lines(report.licences),
        "size_categories:",
        f"- {size}",
        "tags:",
        *(f"- {tag}" for tag in ("image-search", "embeddings", "vector-search", "vistazo")),
        "configs:",
        "- config_name: photos",
        "  default: true",
        "  data_files: photos.parquet",
        "- config_name: conversions",
        "  data_files: conversions.parquet",
        "---",
    ]
    return "\n".join(lines) + "\n"


def _licence_lines(licences: Mapping[str, int]) -> list[str]:
    """The licence, when every photo states the same one."""
    if len(licences) != 1 or "" in licences:
        return []
    (stated,) = licences
    name = re.sub(r"[^a-z0-9.]+", "-", stated.lower()).strip("-")
    name = re.sub(r"-(only|or-later)$", "", name)
    name = "cc0-1.0" if name == "cc0" else name
    if name in _HUB_LICENCES or _CREATIVE_COMMONS.fullmatch(name):
        return [f"license: {name}"]
    return ["license: other", f"license_name: {json.dumps(name or 'other')}"]


def _body(report: BuildReport) -> str:
    encoder = report.encoder
    failures = ""
    if report.failures:
        failures = f"""
{report.failed:,} of {report.pictures:,} pictures could not be taken in and were left out:

{_table("cause", report.failures.items())}"""
    return f"""\
# Photos with embeddings and downloads

| file | rows | columns |
|---|---|---|
| `photos.parquet` | {report.photos:,} | `id` int64, `photo_id` string, `photo_image_url` string, \
`photo_embed` list of {encoder.dim} float32 |
| `conversions.parquet` | {report.conversions:,} | `id` int64, `photo_id` string, \
`keyword` string |

A row of `photos` is a picture's address and its vector. A row of `conversions` is one download of \
a photo, with the word somebody had searched for. `photo_id` joins the two: every conversion's \
photo is in `photos`. The pictures themselves are not part of this dataset.

## Encoder

The vectors come from the encoder `{_cell(encoder.name)}` of vistazo and have length 1. Vectors of \
another encoder cannot be compared with them.

| | |
|---|---|
| name | `{_cell(encoder.name)}` |
| numbers in a vector | {encoder.dim} |
| SHA-256 of the weights | `{_cell(encoder.checksum)}` |

## Licences of the photos

As their source states them; the pictures belong to their authors.

{_table("licence", ((name or _STATED_NOWHERE, n) for name, n in report.licences.items()))}{failures}
## Loading

```python
from datasets import load_dataset

photos = load_dataset("{NAME}", data_files="photos.parquet", split="train")
conversions = load_dataset("{NAME}", data_files="conversions.parquet", split="train")
```

To search it, with vistazo in the folder of these files:

```text
vistazo index parquet:. --db my-library
vistazo conversions load conversions.parquet --db my-library
vistazo search "a dog on a beach" --db my-library
```
"""


def _table(title: str, counts: Iterable[tuple[str, int]]) -> str:
    rows = "".join(f"| {_cell(name)} | {count:,} |\n" for name, count in counts)
    return f"| {title} | photos |\n|---|---|\n{rows}"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;")

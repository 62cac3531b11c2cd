"""What the tables besides photos are made of, as Unsplash publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# `id` is a text that must not be blank; a number, byte or moment that cannot be understood is
# null, a flag then False.
Kind = Literal["id", "text", "moment", "number", "byte", "flag"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the library that files are loaded into.

    Attributes:
        name: in the database; files are named after it too: `conversions.tsv000`.
        required: columns a file must have.
        columns: those that are loaded, where a file has them.
    """

    name: str
    required: tuple[str, ...]
    columns: Mapping[str, Kind]

    @property
    def what(self) -> str:
        """How messages call its files."""
        return f"{self.name} file"


CONVERSIONS = Table(
    "conversions",
    ("photo_id", "keyword"),
    {
        "photo_id": "id",
        "keyword": "text",
        "converted_at": "moment",
        "conversion_type": "text",
        "anonymous_user_id": "text",
        "conversion_country": "text",
    },
)
KEYWORDS = Table(
    "keywords",
    ("photo_id", "keyword"),
    {
        "photo_id": "id",
        "keyword": "text",
        "ai_service_1_confidence": "number",
        "ai_service_2_confidence": "number",
        "suggested_by_user": "flag",
    },
)
COLLECTIONS = Table(
    "collections",
    ("photo_id", "collection_id"),
    {
        "photo_id": "id",
        "collection_id": "text",
        "collection_title": "text",
        "photo_collected_at": "moment",
    },
)
COLORS = Table(
    "colors",
    ("photo_id", "hex"),
    {
        "photo_id": "id",
        "hex": "text",
        "red": "byte",
        "green": "byte",
        "blue": "byte",
        "keyword": "text",
        "coverage": "number",
        "score": "number",
    },
)
TABLES = {table.name: table for table in (CONVERSIONS, KEYWORDS, COLLECTIONS, COLORS)}

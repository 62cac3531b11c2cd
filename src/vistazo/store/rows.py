"""Between photos and the rows of the table `photos`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from vistazo.records import Metadata, Photo, uri_of

if TYPE_CHECKING:
    from vistazo.store.store import NewPhoto

COLUMNS = (
    "photo_id, photo_image_url, width, height, format, size_bytes, content_hash, fingerprint,"
    " source, description, photographer, camera, place, taken_at, latitude, longitude, attributes"
)

# What a hit shows of its photo.
HIT_COLUMNS = ["photo_id", "photo_image_url", "description", "width", "height", "attributes"]


def photo_of(row: Mapping[str, Any]) -> Photo:
    """The photo of a row with the columns `COLUMNS`."""
    taken = row["taken_at"]
    return Photo(
        photo_id=row["photo_id"],
        url=row["photo_image_url"],
        width=row["width"],
        height=row["height"],
        format=row["format"],
        size_bytes=row["size_bytes"],
        content_hash=row["content_hash"],
        fingerprint=row["fingerprint"],
        source=row["source"],
        metadata=Metadata(
            description=row["description"],
            photographer=row["photographer"],
            camera=row["camera"],
            place=row["place"],
            taken_at=taken.replace(tzinfo=None) if taken else None,
            latitude=row["latitude"],
            longitude=row["longitude"],
            attributes=dict(row["attributes"]),
        ),
    )


def photo_table(photos: Sequence[NewPhoto]) -> pa.Table:
    """The photos as rows to insert; their vectors must be of one length."""
    rows = [new.photo for new in photos]
    facts = [photo.metadata for photo in rows]
    vectors = np.stack([new.embedding for new in photos]).astype(np.float32, copy=False)
    texts = {
        "photo_id": [photo.photo_id for photo in rows],
        "photo_image_url": [photo.url for photo in rows],
        "file_stem": [_stem(photo.url) for photo in rows],
        "content_hash": [photo.content_hash for photo in rows],
        "format": [photo.format for photo in rows],
        "fingerprint": [photo.fingerprint for photo in rows],
        "source": [photo.source for photo in rows],
        "description": [fact.description for fact in facts],
        "photographer": [fact.photographer for fact in facts],
        "camera": [fact.camera for fact in facts],
        "place": [fact.place for fact in facts],
    }
    columns = {name: pa.array([clean(v) for v in values]) for name, values in texts.items()}
    return pa.table(
        {
            **columns,
            "photo_embed": pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1]),
            "size_bytes": pa.array([photo.size_bytes for photo in rows], pa.uint64()),
            "width": pa.array([photo.width for photo in rows], pa.uint32()),
            "height": pa.array([photo.height for photo in rows], pa.uint32()),
            "taken_at": pa.array([fact.taken_at for fact in facts], pa.timestamp("s", "UTC")),
            "latitude": pa.array([fact.latitude for fact in facts], pa.float64()),
            "longitude": pa.array([fact.longitude for fact in facts], pa.float64()),
            "attributes": pa.array(
                [[(clean(k), clean(v)) for k, v in fact.attributes.items()] for fact in facts],
                pa.map_(pa.string(), pa.string()),
            ),
        }
    )


def _stem(url: str) -> str:
    return uri_of(url).rpartition("/")[2].rpartition(".")[0]


def clean(text: str) -> str:
    """The text as it is stored: stray bytes of a file's name as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

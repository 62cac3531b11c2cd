"""Photos that somebody picked: their downloads, ranked, and their rows to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistazo.analytics.demand import demand
from vistazo.analytics.trends import Downloads
from vistazo.errors import UsageError
from vistazo.records import Demand
from vistazo.store.store import Statement

if TYPE_CHECKING:
    import pyarrow as pa

    from vistazo.store.connect import Connection

MAX_PHOTOS = 10_000
_IDS = "SELECT arrayJoin({selected:Array(String)}) AS photo_id"
# Everything of a photo but its vector, with how often it was downloaded.
_ROWS = """
    SELECT photos.photo_id AS photo_id, photo_image_url, description, photographer, camera, place,
        taken_at, latitude, longitude, width, height, toString(format) AS format, size_bytes,
        toString(source) AS source, content_hash, toJSONString(attributes) AS attributes,
        counted.downloads AS downloads
    FROM photos LEFT JOIN (
        SELECT photo_id, count() AS downloads FROM conversions
        WHERE photo_id IN {selected:Array(String)} GROUP BY photo_id
    ) AS counted ON photos.photo_id = counted.photo_id
    WHERE photos.photo_id IN {selected:Array(String)}
    ORDER BY indexOf({selected:Array(String)}, photos.photo_id)
"""


class Selection:
    """Photos by their ids, in the order given; unknown ids are left out.

    Raises:
        UsageError: more than 10,000.
    """

    def __init__(self, connection: Connection, photo_ids: Sequence[str]) -> None:
        self._connection = connection
        self._ids = list(dict.fromkeys(photo_ids))
        if len(self._ids) > MAX_PHOTOS:
            raise UsageError(f"pick at most {MAX_PHOTOS:,} photos, not {len(self._ids):,}")

    def downloads(self) -> Downloads:
        """Questions about the downloads of these photos."""
        return Downloads(self._connection, Statement(_IDS, {"selected": self._ids}))

    def demand(self) -> Demand:
        """How often each was downloaded, and what was searched for; the scores are NaN."""
        sql = f"SELECT photo_id, toFloat32(nan) AS score FROM ({_IDS})"
        return demand(self._connection, sql, {"selected": self._ids})

    def table(self) -> pa.Table:
        """Their rows, without the vectors, with the number of downloads."""
        return self._connection.table(_ROWS, {"selected": self._ids})

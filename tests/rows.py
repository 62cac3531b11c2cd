"""Everything a library holds, in a form that two libraries can be compared by."""

from __future__ import annotations

from typing import Any

from vistazo.library import Library

# What is the same whenever and however often a run was stopped; times and counters are not.
PHOTOS = "SELECT * EXCEPT (added_at) FROM photos ORDER BY photo_id, photo_image_url"
THUMBNAILS = "SELECT photo_id, hex(image) AS image FROM thumbnails ORDER BY photo_id, image"
FAILURES = "SELECT * EXCEPT (failed_at, attempts) FROM failures ORDER BY url, stage"


def photos(library: Library) -> dict[str, dict[str, Any]]:
    """Rows of `photos` by photo id, vectors included; no id stands twice."""
    found = library.sql(PHOTOS).to_pylist()
    by_id = {row["photo_id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def everything(library: Library) -> dict[str, list[dict[str, Any]]]:
    """Photos with their vectors, thumbnails and failures, none of them twice."""
    rows = {
        "photos": library.sql(PHOTOS).to_pylist(),
        "thumbnails": library.sql(THUMBNAILS).to_pylist(),
        "failures": library.sql(FAILURES).to_pylist(),
    }
    for table, key in (("photos", "photo_id"), ("thumbnails", "photo_id"), ("failures", "url")):
        keys = [row[key] for row in rows[table]]
        assert len(set(keys)) == len(keys), table
    thumbnails = [row["photo_id"] for row in rows["thumbnails"]]
    assert thumbnails == [row["photo_id"] for row in rows["photos"]]
    return rows

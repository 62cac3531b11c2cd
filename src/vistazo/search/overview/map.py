"""A map of photos with themes: read, put into the plane, sort, name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vistazo.errors import InvalidQuery
from vistazo.search.overview.atlas import PhotoMap, Place, Theme
from vistazo.search.overview.plane import METHOD, in_the_plane
from vistazo.search.overview.themes import (
    MAX_THEMES,
    clusters,
    default_themes,
    encoder_words,
    telling_words,
)
from vistazo.store.filters import Filter

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.store.connection import Connection

MAX_PHOTOS = 100_000
DEFAULT_PHOTOS = 25_000


def check_map(themes: int | None, limit: int) -> None:
    """Raise InvalidQuery unless so many themes and photos can be on a map."""
    if themes is not None and (type(themes) is not int or not 1 <= themes <= MAX_THEMES):
        raise InvalidQuery(f"themes must be a whole number from 1 to {MAX_THEMES}, not {themes!r}")
    if type(limit) is not int or not 1 <= limit <= MAX_PHOTOS:
        raise InvalidQuery(f"limit must be a whole number from 1 to {MAX_PHOTOS:,}, not {limit!r}")


def make_map(
    connection: Connection,
    encode: Callable[[Sequence[str]], Float32Array],
    filters: Filter,
    *,
    themes: int | None = None,
    limit: int = DEFAULT_PHOTOS,
    on_progress: Callable[[int, int], None] | None = None,
) -> PhotoMap:
    """Put photos into a plane, the same ones in the same way each time.

    Args:
        encode: texts to (n, dim) float32; asked only where captions say nothing.
        filters: which photos; where more than `limit` match, `limit` of them by chance.
        themes: how many; None takes as many as suit the photos.
        on_progress: called with how many steps were taken, and how many there are.
    """
    where = f" WHERE {filters.sql}" if filters.sql else ""
    total = int(connection.value(f"SELECT count() FROM photos{where}", filters.params))
    if not total:
        return PhotoMap((), (), 0, METHOD)
    table = connection.table(
        "SELECT photo_id, photo_embed, concat(description, ' ', attributes['category'], ' ',"
        f" attributes['keywords']) AS said FROM photos{where}"
        " ORDER BY sipHash64(photo_id), photo_id LIMIT {most:UInt64}",
        {**(filters.params or {}), "most": limit},
    ).combine_chunks()
    ids: list[str] = table["photo_id"].to_pylist()
    flat = np.asarray(table["photo_embed"].chunk(0).flatten(), dtype=np.float32)
    vectors = flat.reshape(len(ids), -1)
    cluster = clusters(vectors, themes or default_themes(len(ids)))
    points = in_the_plane(vectors, on_progress=on_progress)
    texts = _with_keywords(connection, ids, table["said"].to_pylist())
    places = tuple(
        Place(photo_id, round(x, 5), round(y, 5), theme)
        for photo_id, (x, y), theme in zip(ids, points.tolist(), cluster.tolist(), strict=True)
    )
    return PhotoMap(places, _themes(ids, vectors, points, cluster, texts, encode), total, METHOD)


def _with_keywords(connection: Connection, ids: Sequence[str], texts: list[str]) -> list[str]:
    """The texts, with what the table `keywords` says of their photos."""
    if not connection.value("SELECT count() > 0 FROM keywords"):
        return texts
    rows = connection.table(
        "SELECT photo_id, arrayStringConcat(groupUniqArray(100)(keyword), ' ') AS words"
        " FROM keywords WHERE photo_id IN {ids:Array(String)} GROUP BY photo_id",
        {"ids": list(ids)},
    )
    known = dict(zip(rows["photo_id"].to_pylist(), rows["words"].to_pylist(), strict=True))
    return [f"{text} {known.get(each, '')}" for each, text in zip(ids, texts, strict=True)]


def _themes(
    ids: Sequence[str],
    vectors: Float32Array,
    points: Float32Array,
    cluster: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
    texts: Sequence[str],
    encode: Callable[[Sequence[str]], Float32Array],
) -> tuple[Theme, ...]:
    count = int(cluster.max()) + 1
    centres = np.stack([vectors[cluster == number].mean(axis=0) for number in range(count)])
    named = telling_words(texts, cluster, count)
    asked = encoder_words(centres, encode) if None in named else []
    made = []
    for number in range(count):
        members = np.flatnonzero(cluster == number)
        middle = np.median(points[members], axis=0)
        example = members[int((vectors[members] @ centres[number]).argmax())]
        words = named[number]
        made.append(
            Theme(
                words=asked[number] if words is None else words,
                said_by="encoder" if words is None else "captions",
                photos=len(members),
                example=ids[example],
                x=round(float(middle[0]), 5),
                y=round(float(middle[1]), 5),
            )
        )
    return tuple(made)

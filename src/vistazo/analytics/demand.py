"""Which of the photos that a query finds are wanted: the KNN subquery joined with conversions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vistazo.records import Candidate, Demand, Totals, uri_of
from vistazo.store.connection import Connection

_TOP = 5

# A photo's keywords as they were typed, most frequent first; a download that came without a search
# has the empty keyword and counts only as a download. Users may INSERT anything: toValidUTF8.
_KEYWORDS = (
    "SELECT toValidUTF8(keyword) AS word, count() AS downloads FROM conversions"
    " WHERE keyword != '' {and_photo}"
    f" GROUP BY keyword ORDER BY downloads DESC, keyword LIMIT {_TOP}"
)


def demand_sql(knn_sql: str) -> str:
    """The statement behind `demand`: columns photo_id, score, url, downloads.

    The subquery is on the right of each join and named once. So it runs once, and what it finds
    filters the reading of the left table; named twice (`WHERE photo_id IN (...)` beside the join)
    the vectors would be read twice, which costs more than the whole log's photo ids do
    (bench/demand.py); as a constant list of ids it took five minutes at k = 100,000.
    """
    return f"""
        SELECT
            found.photo_id AS photo_id,
            any(found.score) AS score,
            any(found.url) AS url,
            countIf(log.photo_id != '') AS downloads
        FROM conversions AS log
        RIGHT JOIN (
            SELECT knn.photo_id AS photo_id, any(knn.score) AS score,
                any(photos.photo_image_url) AS url
            FROM photos INNER JOIN ({knn_sql}) AS knn ON photos.photo_id = knn.photo_id
            GROUP BY knn.photo_id
        ) AS found ON log.photo_id = found.photo_id
        GROUP BY found.photo_id
        ORDER BY downloads DESC, score DESC, photo_id
    """


def demand(
    connection: Connection,
    knn_sql: str,
    params: Mapping[str, Any],
    *,
    settings: Mapping[str, object] | None = None,
) -> Demand:
    """Downloads of the nearest photos, and what was searched for by those who took the favourite.

    Args:
        connection: an open one, with migrated tables.
        knn_sql: a query with columns photo_id and score, as `Store.statement` writes it.
        params: what it binds.
        settings: what it needs, as `Dialect.indexed_settings` says.

    Returns:
        Candidates by downloads, then score, both descending, then photo id; all conversions of a
        photo count, whatever their type. Keywords are compared exactly, ties are in their order.
    """
    table = connection.table(demand_sql(knn_sql), params, settings)
    candidates = tuple(
        Candidate(row["photo_id"], uri_of(row["url"]), float(row["score"]), row["downloads"])
        for row in table.to_pylist()
    )
    if not candidates or not candidates[0].downloads:
        return Demand(candidates, None, ())
    favourite = candidates[0]
    sql = _KEYWORDS.format(and_photo="AND photo_id = {photo_id:String}")
    return Demand(candidates, favourite, _pairs(connection, sql, {"photo_id": favourite.photo_id}))


def totals(connection: Connection) -> Totals:
    """Count the conversions, for `vistazo stats`."""
    (row,) = connection.rows(
        "SELECT count() AS conversions, uniqExact(photo_id) AS photos,"
        " uniqExactIf(keyword, keyword != '') AS keywords,"
        " countIf(photo_id NOT IN (SELECT photo_id FROM photos)) AS unknown_photos,"
        " (SELECT uniqExact(load_id) FROM loads WHERE subject = 'conversions') AS loads"
        " FROM conversions"
    )
    return Totals(top_keywords=_pairs(connection, _KEYWORDS.format(and_photo=""), {}), **row)


def _pairs(
    connection: Connection, sql: str, params: Mapping[str, Any]
) -> tuple[tuple[str, int], ...]:
    return tuple((row["word"], row["downloads"]) for row in connection.rows(sql, params))

"""The most frequent pairs of photo and keyword, without grouping the whole log by two strings.

Millions of different pairs are slow to group, and nearly all of them are rare. So the log is first
counted into 65,536 buckets by 16 bits of the column `pair`, which fits a processor's cache; a pair
is at most as frequent as its bucket. Only the fullest buckets are then grouped by pair, and every
pair more frequent than the fullest bucket left out is exactly counted.

Source:
    The bound is that of Cormode and Muthukrishnan, "An improved data stream summary: the
    count-min sketch", Journal of Algorithms 55 (2005), with one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vistazo.store.connection import Connection
from vistazo.store.store import Statement

# All pairs; columns photo_id, keyword, downloads.
PAIRS = (
    "SELECT photo_id, keyword, count() AS downloads FROM conversions {where}"
    " GROUP BY photo_id, keyword"
)
# How many of the fullest buckets are looked into: first a few, and if these were not enough more.
_BUCKETS = (256, 4096)
# Of the pairs found, these few are named first: each is in every part of the table.
_FIRST_NAMED = 64
# In a log with fewer rows all pairs are grouped within 20 ms.
_SMALL_LOG = 250_000

# Two different pairs with the same 64 bits would be taken for one: among two million pairs that
# has a probability of 1 in 10 million.
_NAMED = (
    "SELECT DISTINCT photo_id, keyword,"
    " transform(pair, {pairs:Array(UInt64)}, {counts:Array(UInt64)}, 0) AS downloads"
    " FROM conversions WHERE pair IN {pairs:Array(UInt64)}"
    # What is named at the first part of the table needs no reading of the others.
    " LIMIT {named:UInt64}"
)


def frequent_pairs(connection: Connection) -> Iterator[Statement]:
    """The most frequent pairs of the log, then more of them; nothing if the log is small.

    Yields:
        Statements with the columns photo_id, keyword, downloads: every pair that has more
        downloads than any pair that is not among them.
    """
    if connection.value("SELECT count() FROM conversions") < _SMALL_LOG:
        return
    for size in _BUCKETS:
        fullest = connection.rows(
            "SELECT toUInt16(pair) AS bucket, count() AS rows FROM conversions WHERE pair != 0"
            " GROUP BY bucket ORDER BY rows DESC, bucket LIMIT {size:UInt64}",
            {"size": size + 1},
        )
        bound = fullest[size]["rows"] if len(fullest) > size else 0
        pairs = connection.rows(
            "SELECT pair, count() AS downloads FROM conversions"
            " WHERE pair != 0 AND toUInt16(pair) IN {buckets:Array(UInt16)}"
            " GROUP BY pair HAVING downloads > {bound:UInt64} ORDER BY downloads DESC",
            {"buckets": [row["bucket"] for row in fullest[:size]], "bound": bound},
        )
        if len(pairs) > _FIRST_NAMED:
            least = pairs[_FIRST_NAMED]["downloads"]
            yield from _named([row for row in pairs if row["downloads"] > least])
        yield from _named(pairs)


def _named(pairs: list[dict[str, Any]]) -> Iterator[Statement]:
    if pairs:
        numbers = [row["pair"] for row in pairs]
        counts = [row["downloads"] for row in pairs]
        yield Statement(_NAMED, {"pairs": numbers, "counts": counts, "named": len(pairs)})

"""What people download: by keyword, country and month, what rises, and what nobody described.

Every question goes to the whole log or, through the KNN subquery, to the photos that a query
finds. The subquery stands on the right of IN, once: the engine runs it once, and the log's order
by photo_id leaves out what it does not name. All conversions count, whatever their type.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from vistazo.analytics.pairs import PAIRS, frequent_pairs
from vistazo.errors import InvalidQuery
from vistazo.records import (
    CountryDownloads,
    KeywordDownloads,
    Mismatch,
    MonthDownloads,
    RisingKeyword,
    uri_of,
)
from vistazo.store.connection import Connection
from vistazo.store.store import Statement

MAX_LIMIT = 100_000
MAX_DAYS = 3_650
# Of the standard normal distribution: growth is a bound with 97.5 % confidence.
_QUANTILE = 1.96

# Whether every word of a keyword stands in what is known of a photo, whatever the case; the end of
# a plural is not looked at, and a part of a word is enough: in doubt a photo mentions a keyword.
_MENTIONED = (
    "arrayAll(word -> position(said, replaceRegexpOne(word, '^(.{3,}?)e?s$', '\\\\1')) > 0,"
    " splitByNonAlpha(lowerUTF8(toValidUTF8(keyword))))"
)
_DESCRIBED = (
    "SELECT photo_id, photo_image_url AS url, description,"
    " lowerUTF8(concat(description, ' ', place, ' ', photographer, ' ',"
    " arrayStringConcat(mapValues(attributes), ' '))) AS said"
    " FROM photos WHERE description != '' LIMIT 1 BY photo_id"
)


class Downloads:
    """Questions to the log of downloads; each is one statement and reads the log anew.

    Args:
        connection: an open one, with migrated tables.
        photos: a query with the column photo_id, as `Store.statement` writes it: only downloads of
            these photos count. None: of all photos, also of those not in the library.
    """

    def __init__(self, connection: Connection, photos: Statement | None = None) -> None:
        self._connection = connection
        self._photos = photos

    def total(self) -> int:
        """How many downloads there were."""
        rows = self._rows(f"SELECT count() AS downloads FROM conversions {self._where()}")
        return int(rows[0]["downloads"])

    def top_keywords(self, limit: int = 10) -> tuple[KeywordDownloads, ...]:
        """What was searched for before a download, most frequent first, ties by keyword.

        Keywords are compared exactly; downloads that came without a search are not counted.
        """
        searched = self._where("keyword != ''")
        rows = self._rows(
            "SELECT toValidUTF8(keyword) AS word, count() AS downloads FROM conversions"
            f" {searched} GROUP BY keyword"
            " ORDER BY downloads DESC, keyword LIMIT {limit:UInt64}",
            {"limit": _checked("limit", limit, MAX_LIMIT)},
        )
        return tuple(KeywordDownloads(row["word"], row["downloads"]) for row in rows)

    def by_country(self, limit: int = MAX_LIMIT) -> tuple[CountryDownloads, ...]:
        """Where downloads came from, most frequent first, ties by country."""
        rows = self._rows(
            "SELECT toValidUTF8(conversion_country) AS country, count() AS downloads"
            f" FROM conversions {self._where()} GROUP BY conversion_country"
            " ORDER BY downloads DESC, conversion_country LIMIT {limit:UInt64}",
            {"limit": _checked("limit", limit, MAX_LIMIT)},
        )
        return tuple(CountryDownloads(row["country"], row["downloads"]) for row in rows)

    def by_month(self) -> tuple[MonthDownloads, ...]:
        """Downloads by month of UTC, from the first to the last, those without any among them.

        Conversions without a time are not counted.
        """
        rows = self._rows(
            "SELECT toYYYYMM(assumeNotNull(converted_at)) AS month, count() AS downloads"
            f" FROM conversions {self._where('converted_at IS NOT NULL')} GROUP BY month"
        )
        found = {
            row["month"] // 100 * 12 + row["month"] % 100 - 1: row["downloads"] for row in rows
        }
        if not found:
            return ()
        return tuple(
            MonthDownloads(dt.date(month // 12, month % 12 + 1, 1), found.get(month, 0))
            for month in range(min(found), max(found) + 1)
        )

    def rising(self, days: int = 30, limit: int = 10) -> tuple[RisingKeyword, ...]:
        """Keywords whose share of the downloads has grown most, the surest growth first.

        The last `days` before the newest conversion of the log, not before today, are compared
        with as many days before them. With a of n downloads now and b of m before,

            ratio = ((a + 1/2) / (n + 1/2)) / ((b + 1/2) / (m + 1/2))
            error = sqrt(1/(a + 1/2) - 1/(n + 1/2) + 1/(b + 1/2) - 1/(m + 1/2))
            growth = ratio * exp(-1.96 * error)

        is the lower end of the ratio's 95 % interval, so that a keyword must bring evidence: from
        0 downloads to 1 the ratio is about 3 and growth 0.1, from 1000 to 2000 growth is 1.9.
        Only keywords with growth above 1 are given, ties in their own order; none when one of the
        periods has no downloads.

        Source:
            Katz et al., "Obtaining confidence intervals for the risk ratio in cohort studies",
            Biometrics 34 (1978); the halves, against counts of 0, after Walter, Biometrika 62
            (1975).
        """
        recent = self._where(
            "converted_at > newest - toIntervalDay(2 * {days:UInt32})", "keyword != ''"
        )
        rows = self._rows(
            f"""
            WITH (SELECT max(converted_at) FROM conversions) AS newest
            SELECT toValidUTF8(keyword) AS word, downloads, before,
                downloads / now AS share, before / earlier AS share_before,
                {_smoothed("downloads", "now")} / {_smoothed("before", "earlier")} * exp(
                    -{_QUANTILE} * sqrt({_error("downloads", "now")} + {_error("before", "earlier")})
                ) AS growth
            FROM (
                SELECT keyword, downloads, before,
                    sum(downloads) OVER () AS now, sum(before) OVER () AS earlier
                FROM (
                    SELECT keyword,
                        countIf(converted_at > newest - toIntervalDay({{days:UInt32}})) AS downloads,
                        count() - downloads AS before
                    FROM conversions {recent} GROUP BY keyword
                )
            )
            WHERE earlier > 0 AND growth > 1
            ORDER BY growth DESC, downloads DESC, keyword LIMIT {{limit:UInt64}}
            """,
            {
                "days": _checked("days", days, MAX_DAYS),
                "limit": _checked("limit", limit, MAX_LIMIT),
            },
        )
        return tuple(
            RisingKeyword(
                keyword=row["word"],
                downloads=row["downloads"],
                before=row["before"],
                share=row["share"],
                share_before=row["share_before"],
                growth=row["growth"],
            )
            for row in rows
        )

    def mismatches(self, limit: int = 10) -> tuple[Mismatch, ...]:
        """Searched for X, but downloaded Y: where a photo's texts do not say what people saw in it.

        Pairs of a keyword and a photo whose description, place, photographer and attributes lack
        a word of the keyword, those with most downloads first, ties by keyword and photo id.
        Photos without a description are left out: of them nothing could be mentioned.
        """
        _checked("limit", limit, MAX_LIMIT)
        if self._photos is None:
            for pairs in frequent_pairs(self._connection):
                found = self._unmentioned(pairs.sql, pairs.params, limit)
                if len(found) == limit:
                    return found
        return self._unmentioned(PAIRS.format(where=self._where("keyword != ''")), {}, limit)

    def _unmentioned(
        self, pairs: str, params: Mapping[str, Any], limit: int
    ) -> tuple[Mismatch, ...]:
        rows = self._rows(
            "SELECT toValidUTF8(keyword) AS shown, photo_id, url,"
            f" toValidUTF8(description) AS description, downloads FROM ({_DESCRIBED}) AS photos"
            f" INNER JOIN ({pairs}) AS pairs USING photo_id WHERE NOT {_MENTIONED}"
            " ORDER BY downloads DESC, keyword, photo_id LIMIT {limit:UInt64}",
            {**params, "limit": limit},
        )
        return tuple(
            Mismatch(
                keyword=row["shown"],
                photo_id=row["photo_id"],
                uri=uri_of(row["url"]),
                description=row["description"],
                downloads=row["downloads"],
            )
            for row in rows
        )

    def _where(self, *conditions: str) -> str:
        found = list(conditions)
        if self._photos is not None:
            found.append(f"photo_id IN (SELECT photo_id FROM ({self._photos.sql}))")
        return "WHERE " + " AND ".join(found) if found else ""

    def _rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        bound, settings = dict(params or {}), {}
        if self._photos is not None:
            bound |= self._photos.params
            settings = dict(self._photos.settings)
        found: list[dict[str, Any]] = self._connection.table(sql, bound, settings).to_pylist()
        return found


def _smoothed(count: str, total: str) -> str:
    return f"(({count} + 0.5) / ({total} + 0.5))"


def _error(count: str, total: str) -> str:
    return f"(1 / ({count} + 0.5) - 1 / ({total} + 0.5))"


def _checked(name: str, value: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidQuery(f"{name} must be a whole number from 1 to {most:,}, not {value!r}")
    return value

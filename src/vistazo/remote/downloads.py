"""Questions about downloads, asked of a server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vistazo.records import (
    CountryDownloads,
    KeywordDownloads,
    Mismatch,
    MonthDownloads,
    RisingKeyword,
)

if TYPE_CHECKING:
    from vistazo.facade import AsksDownloads
    from vistazo.remote.transport import Transport

_MOST = 100_000


class RemoteDownloads:
    """As `analytics.trends.Downloads`; each question is one request.

    Args:
        query: as it is sent; None asks about the whole log.
    """

    def __init__(self, transport: Transport, query: Mapping[str, Any] | None) -> None:
        self._transport = transport
        self._query = query
        if query is not None:
            self._ask(None)  # a query that cannot be is refused at once, as it would be here

    def total(self) -> int:
        """How many downloads there were."""
        return int(self._ask("total")["total"])

    def top_keywords(self, limit: int = 10) -> tuple[KeywordDownloads, ...]:
        """What was searched for before a download, most frequent first, ties by keyword."""
        return tuple(KeywordDownloads(*row) for row in self._rows("top_keywords", limit=limit))

    def by_country(self, limit: int = _MOST) -> tuple[CountryDownloads, ...]:
        """Where downloads came from, most frequent first, ties by country."""
        return tuple(CountryDownloads(*row) for row in self._rows("by_country", limit=limit))

    def by_month(self) -> tuple[MonthDownloads, ...]:
        """Downloads by month of UTC, from the first to the last, those without any among them."""
        return tuple(
            MonthDownloads(dt.date.fromisoformat(month), downloads)
            for month, downloads in self._rows("by_month")
        )

    def rising(self, days: int = 30, limit: int = 10) -> tuple[RisingKeyword, ...]:
        """Keywords whose share of the downloads has grown most, the surest growth first."""
        return tuple(RisingKeyword(*row) for row in self._rows("rising", days=days, limit=limit))

    def mismatches(self, limit: int = 10) -> tuple[Mismatch, ...]:
        """Searched for X, but downloaded Y: where a photo's texts do not say what people saw."""
        return tuple(Mismatch(*row) for row in self._rows("mismatches", limit=limit))

    def _rows(self, question: str, **options: Any) -> list[list[Any]]:
        rows: list[list[Any]] = self._ask(question, **options)["rows"]
        return rows

    def _ask(self, question: str | None, **options: Any) -> Any:
        body = {"query": self._query, "question": question, "options": options}
        return self._transport.post("/library/downloads", body)


if TYPE_CHECKING:

    def _conforms(downloads: RemoteDownloads) -> AsksDownloads:
        return downloads

"""What the log of downloads answers: plain frozen records, named again in `records`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeywordDownloads:
    """How many downloads followed a search for a keyword."""

    keyword: str
    downloads: int


@dataclass(frozen=True, slots=True)
class CountryDownloads:
    """How many downloads came from a country; its code is empty where the log does not say."""

    country: str
    downloads: int


@dataclass(frozen=True, slots=True)
class MonthDownloads:
    """How many downloads a month had; `month` is its first day, in UTC."""

    month: dt.date
    downloads: int


@dataclass(frozen=True, slots=True)
class RisingKeyword:
    """A keyword whose share of the downloads has grown.

    Attributes:
        downloads: in the last days of the log.
        before: in as many days before these.
        share, share_before: of all downloads with a keyword in the same days, 0 to 1.
        growth: share / share_before is at least this, with 97.5 % confidence; above 1.
    """

    keyword: str
    downloads: int
    before: int
    share: float
    share_before: float
    growth: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A photo that was downloaded after searches for a keyword its texts do not mention.

    Attributes:
        downloads: of the photo, after searches for the keyword.
    """

    keyword: str
    photo_id: str
    uri: str
    description: str
    downloads: int

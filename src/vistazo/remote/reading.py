"""A server's JSON as the records it was made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from vistazo.records import (
    Candidate,
    Demand,
    EncoderSpec,
    Failure,
    Hit,
    IndexStatus,
    IngestReport,
    LoadReport,
    Metadata,
    Photo,
    Stats,
    Totals,
)

_NAN = float("nan")


def hit(row: list[Any]) -> Hit:
    """A photo that was found."""
    photo_id, uri, score, description, width, height, attributes, why, unusual, weak = row
    facts = (description, width, height, attributes)
    return Hit(photo_id, uri, _score(score), *facts, tuple(why), _score(unusual), weak)


def photo(fields: dict[str, Any]) -> Photo:
    """A photo with all that is known of it."""
    facts = dict(fields["metadata"])
    if facts["taken_at"] is not None:
        facts["taken_at"] = dt.datetime.fromisoformat(facts["taken_at"])
    return Photo(**{**fields, "metadata": Metadata(**facts)})


def demand(fields: Mapping[str, Any]) -> Demand:
    """Photos by their downloads."""
    found = tuple(
        Candidate(photo_id, uri, _score(score), downloads)
        for photo_id, uri, score, downloads in fields["candidates"]
    )
    favourite = found[0] if found and found[0].downloads else None
    return Demand(found, favourite, _pairs(fields["top_keywords"]))


def failure(fields: dict[str, Any]) -> Failure:
    """An item that could not be taken in."""
    return Failure(**fields)


def encoder(fields: dict[str, Any] | None) -> EncoderSpec | None:
    """What the library records of its encoder."""
    return None if fields is None else EncoderSpec(**fields)


def stats(fields: Mapping[str, Any]) -> Stats:
    """What a library holds."""
    totals = dict(fields["conversions"])
    totals["top_keywords"] = _pairs(totals["top_keywords"])
    return Stats(
        library=fields["library"],
        encoder=encoder(fields["encoder"]),
        photos=fields["photos"],
        sources=fields["sources"],
        failures=fields["failures"],
        conversions=Totals(**totals),
        vector_index=IndexStatus(**fields["vector_index"]),
    )


def report(fields: dict[str, Any]) -> IngestReport:
    """What an ingest run did."""
    known = {name: value for name, value in fields.items() if name != "failed"}
    known["loads"] = {name: LoadReport(**load) for name, load in known["loads"].items()}
    known["notes"] = tuple(known["notes"])
    return IngestReport(**known)


def load(fields: dict[str, Any]) -> LoadReport:
    """What loading a file did."""
    return LoadReport(**fields)


def _score(number: float | None) -> float:
    return _NAN if number is None else number


def _pairs(rows: list[list[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((word, count) for word, count in rows)

"""Columns of a conversions file made clean: text that is UTF-8, moments in UTC, no nulls."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from vistazo.analytics.utf8 import LATIN_1

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
# What the engine's DateTime64(3) can hold.
_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(2300, 1, 1, tzinfo=dt.UTC)


def unquoted(text: pa.Array) -> pa.Array:
    """Values that are quoted from end to end, by the rules of CSV, without their quotes."""
    if not pc.any(pc.starts_with(text, '"')).as_py():
        return text
    quoted = pc.match_substring_regex(text, r'^"(?:[^"]|"")*"$')
    inner = pc.replace_substring(pc.utf8_slice_codeunits(text, 1, -1), '""', '"')
    return pc.if_else(quoted, inner, text)


def cleaned(name: str, array: pa.Array) -> pa.Array:
    """A column as the table `conversions` takes it.

    Returns:
        Valid UTF-8 without nulls; of photo_id without blanks around it; of converted_at
        timestamps in ms, UTC, null where there is none that can be understood. A time without
        a zone is UTC.

    Raises:
        pyarrow.ArrowException: values that have no text, such as lists.
    """
    if name == "converted_at":
        return _moments(array)
    text = array.cast(pa.string(), safe=False).fill_null("")
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        values = text.cast(pa.binary()).to_pylist()
        text = pa.array([value.decode("utf-8", LATIN_1) for value in values])
    return pc.utf8_trim_whitespace(text) if name == "photo_id" else text


def _moments(array: pa.Array) -> pa.Array:
    utc = pa.timestamp("ms", "UTC")
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        moments = array.cast(utc, safe=False)
    elif not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        moments = pa.nulls(len(array), utc)
    else:
        text = pc.if_else(pc.equal(array, ""), None, array)
        try:
            moments = text.cast(pa.timestamp("ms")).cast(utc)
        except pa.ArrowInvalid:
            # Some value has a zone, more digits or no sense: one by one, 1 µs each.
            found = [_milliseconds(value) for value in text.to_pylist()]
            return pa.array(found, pa.int64()).cast(utc)
    within = pc.and_(
        pc.greater_equal(moments, pa.scalar(_EARLIEST, utc)),
        pc.less(moments, pa.scalar(_LATEST, utc)),
    )
    return pc.if_else(within, moments, None)


def _milliseconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if not _EARLIEST <= moment < _LATEST:
        return None
    return (moment - _EPOCH) // _MILLISECOND

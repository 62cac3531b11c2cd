"""Columns of a loaded file made clean: text that is UTF-8, moments in UTC, numbers."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from vistazo.analytics.tables import Kind
from vistazo.sources.utf8 import LATIN_1

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
# What the engine's DateTime64(3) can hold.
_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(2300, 1, 1, tzinfo=dt.UTC)
_TRUE = ("t", "true", "1", "y", "yes")


def unquoted(text: pa.Array) -> pa.Array:
    """Values that are quoted from end to end, by the rules of CSV, without their quotes."""
    if not pc.any(pc.starts_with(text, '"')).as_py():
        return text
    quoted = pc.match_substring_regex(text, r'^"(?:[^"]|"")*"$')
    inner = pc.replace_substring(pc.utf8_slice_codeunits(text, 1, -1), '""', '"')
    return pc.if_else(quoted, inner, text)


def cleaned(kind: Kind, array: pa.Array) -> pa.Array:
    """A column as a table takes it.

    Returns:
        Of `text` and `id` valid UTF-8 without nulls, of an `id` without blanks around it; of a
        `moment` timestamps in ms, UTC, where a time without a zone is UTC; of a `number` finite
        float64; of a `byte` uint8. Values that cannot be understood are null, of a `flag` False.

    Raises:
        pyarrow.ArrowException: values that have no text, such as lists.
    """
    if kind == "moment":
        return _moments(array)
    if kind == "number":
        return _numbers(array)
    if kind == "byte":
        numbers = _numbers(array)
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), _between(numbers, 0, 255))
        return pc.if_else(whole, numbers, None).cast(pa.uint8())
    text = array.cast(pa.string(), safe=False).fill_null("")
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        values = text.cast(pa.binary()).to_pylist()
        text = pa.array([value.decode("utf-8", LATIN_1) for value in values])
    if kind == "flag":
        said = pc.utf8_lower(pc.utf8_trim_whitespace(text))
        return pc.is_in(said, value_set=pa.array(_TRUE))
    return pc.utf8_trim_whitespace(text) if kind == "id" else text


def _numbers(array: pa.Array) -> pa.Array:
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        try:
            array = pc.if_else(pc.equal(array, ""), None, array).cast(pa.float64())
        except pa.ArrowInvalid:  # some value is no number: one by one
            array = pa.array([_number(value) for value in array.to_pylist()], pa.float64())
    elif pa.types.is_nested(array.type) or pa.types.is_temporal(array.type):
        return pa.nulls(len(array), pa.float64())
    numbers = array.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(numbers), numbers, None)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _between(numbers: pa.Array, low: float, high: float) -> pa.Array:
    return pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high))


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

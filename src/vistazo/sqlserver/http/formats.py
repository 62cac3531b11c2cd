"""Formats by name: what they are called in HTTP, and which are taken as data."""

from __future__ import annotations

TEXT = "text/plain; charset=UTF-8"
_BINARY = "application/octet-stream"
_CONTENT_TYPES = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONLines": "application/x-ndjson; charset=UTF-8",
    "NDJSON": "application/x-ndjson; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
}
_BINARY_FORMATS = ("Native", "RowBinary", "Parquet", "Arrow", "ORC", "Avro", "BSON", "MsgPack")
# What data may come in; others could name a schema file, or hold SQL.
INPUTS = (
    *("Native", "RowBinary", "JSON", "NDJSON", "BSONEachRow", "CSV", "TabSeparated", "TSV", "TSKV"),
    *("CustomSeparated", "Values", "Parquet", "Arrow", "ORC", "Avro", "MsgPack", "LineAsString"),
    "Raw",
)


def content_type(fmt: str | None) -> str:
    """The Content-Type of a result; None is a statement without one."""
    if fmt is None:
        return TEXT
    if fmt in _CONTENT_TYPES:
        return _CONTENT_TYPES[fmt]
    if fmt.startswith(("JSON", "PrettyJSON")):
        return "application/json; charset=UTF-8"
    if fmt.startswith(("TabSeparated", "TSV")):
        return "text/tab-separated-values; charset=UTF-8"
    return _BINARY if fmt.startswith(_BINARY_FORMATS) else TEXT

"""What a caller's SQL may name: functions, tables of the engine, settings, formats, engines.

Lists of what is allowed, so that whatever a newer engine brings stays out until it is reviewed;
`functions.txt` and `settings.txt` are the long ones.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

# Tables of vistazo's own that a writer may fill and empty; the others of `schema.OWN_TABLES` he
# leaves alone, and the definitions of all.
FILLABLE = frozenset({"photos", "conversions", "keywords", "collections", "colors"})
OWN_FUNCTIONS = frozenset({"distance"})

# The one database with tables of people, and those of the engine that hold only descriptions.
DATABASE = "default"
INFORMATION_SCHEMA = frozenset({"information_schema", "INFORMATION_SCHEMA"})
SYSTEM = "system"
SYSTEM_TABLES = frozenset(
    # What a client needs to know tables, columns and types by.
    {"aggregate_function_combinators", "codecs", "collations", "columns", "constraints"}
    | {"data_skipping_indices", "data_skipping_index_types", "data_type_families"}
    | {"database_engines", "databases", "dictionaries", "formats", "functions", "keywords"}
    | {"merge_tree_settings", "settings", "table_engines", "table_functions", "tables"}
    | {"time_zones", "vector_indices", "views"}
    # How its tables do.
    | {"merges", "mutations", "parts", "parts_columns", "projections", "projection_parts"}
    # Numbers.
    | {"numbers", "numbers_mt", "one", "zeros", "zeros_mt"}
    # What the engine is.
    | {"build_options", "contributors", "licenses"}
)

# Table functions that make rows from their arguments alone; `view` holds a checked SELECT.
TABLE_FUNCTIONS = frozenset(
    {"generate_series", "generateseries", "generaterandom", "null", "numbers", "numbers_mt"}
    | {"values", "view", "zeros", "zeros_mt", "primes"}
)

TYPES = frozenset(
    {"aggregatefunction", "array", "bfloat16", "bigint", "binary", "bit", "blob", "bool", "byte"}
    | {"bytea", "char", "character", "clob", "date", "date32", "datetime", "datetime32"}
    | {"datetime64", "dec", "decimal", "decimal128", "decimal256", "decimal32", "decimal64"}
    | {"double", "dynamic", "enum", "enum16", "enum8", "fixed", "fixedstring", "float", "float32"}
    | {"float64", "int", "int1", "int16", "int32", "int64", "int8", "integer", "json", "longtext"}
    | {"lowcardinality", "map", "mediumint", "mediumtext", "nchar", "nested", "nullable"}
    | {"numeric", "nvarchar", "object", "qbit", "real", "set", "signed", "single", "smallint"}
    | {"simpleaggregatefunction", "text", "time", "time64", "timestamp", "tinyint", "tinytext"}
    | {"tuple", "unsigned", "varbinary", "varchar", "varchar2", "variant"}
)
CODECS = frozenset(
    {"codec", "zstd", "lz4", "lz4hc", "delta", "doubledelta", "gorilla", "fpc", "gcd", "t64"}
    | {"none", "default", "quantized"}
)
INDEX_TYPES = frozenset(
    {"bloom_filter", "hypothesis", "minmax", "ngrambf_v1", "set", "sparse_grams", "text"}
    | {"tokenbf_v1", "vector_similarity", "full_text", "inverted", "statistics", "tdigest"}
    | {"uniq", "countmin"}
)
ENGINES = frozenset(
    {"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree"}
    | {"CollapsingMergeTree", "VersionedCollapsingMergeTree", "CoalescingMergeTree"}
    | {"GraphiteMergeTree", "Memory", "Log", "TinyLog", "StripeLog", "Null"}
)

# Words that stand before a bracket and call nothing.
BEFORE_BRACKET = frozenset(
    {"ALL", "AND", "ANY", "AS", "ASC", "BETWEEN", "BY", "CHECK", "COLUMNS", "CUBE", "DEFAULT"}
    | {"DESC", "DISTINCT", "ELSE", "EPHEMERAL", "EXCEPT", "EXISTS", "FROM", "GROUPING", "HAVING"}
    | {"ILIKE", "IN", "INTERPOLATE", "INTERSECT", "IS", "JOIN", "KEY", "LIKE", "LIMIT"}
    | {"MATERIALIZED", "NOT", "OFFSET", "ON", "OR", "OVER", "PREWHERE", "QUALIFY", "REGEXP"}
    | {"REPLACE", "ROLLUP", "SELECT", "SETS", "STEP", "THEN", "TO", "TTL", "UNION", "USING"}
    | {"WHEN", "WHERE", "WITH", "ALIAS", "ASSUME", "APPLY", "SAMPLE", "SET", "RENAME", "STRICT"}
    | {"PARTITION", "VALUES", "SETTINGS", "TABLE"}
)


def is_function(name: str) -> bool:
    """Whether a scalar or aggregate function, with combinators, may be called."""
    name = name.lower()
    return name in _functions() or _is_aggregate(name)


def is_setting(name: str) -> bool:
    """Whether a caller may give this setting; those that bound a query are judged apart."""
    return name in _settings()[0]


def is_table_setting(name: str) -> bool:
    """Whether a MergeTree table may be made with this setting."""
    return name in _settings()[1]


def is_format(name: str) -> bool:
    """Whether rows may come or go in this format."""
    return name.lower() in _FORMATS


# No format that reads a schema from a file, asks a registry, or holds another one's files.
_FORMATS = frozenset(
    """
    Arrow ArrowStream Avro BSONEachRow Buffers CSV CSVWithNames CSVWithNamesAndTypes
    CustomSeparated CustomSeparatedIgnoreSpaces CustomSeparatedIgnoreSpacesWithNames
    CustomSeparatedIgnoreSpacesWithNamesAndTypes CustomSeparatedWithNames
    CustomSeparatedWithNamesAndTypes Hash JSON JSONAsObject JSONAsString JSONColumns
    JSONColumnsWithMetadata JSONCompact JSONCompactColumns JSONCompactEachRow
    JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes
    JSONCompactEachRowWithProgress JSONCompactStrings JSONCompactStringsEachRow
    JSONCompactStringsEachRowWithNames JSONCompactStringsEachRowWithNamesAndTypes
    JSONCompactStringsEachRowWithProgress JSONEachRow JSONEachRowWithProgress JSONL JSONLines
    JSONObjectEachRow JSONStrings JSONStringsEachRow JSONStringsEachRowWithProgress LineAsString
    LineAsStringWithNames LineAsStringWithNamesAndTypes MD Markdown MsgPack MySQLWire NDJSON
    Native Npy Null ODBCDriver2 ORC Parquet PostgreSQLWire Pretty PrettyCompact
    PrettyCompactMonoBlock PrettyCompactNoEscapes PrettyCompactNoEscapesMonoBlock
    PrettyJSONEachRow PrettyJSONLines PrettyMonoBlock PrettyNDJSON PrettyNoEscapes
    PrettyNoEscapesMonoBlock PrettySpace PrettySpaceMonoBlock PrettySpaceNoEscapes
    PrettySpaceNoEscapesMonoBlock Prometheus Raw RawBLOB RawWithNames RawWithNamesAndTypes Regexp
    RowBinary RowBinaryWithDefaults RowBinaryWithNames RowBinaryWithNamesAndTypes
    RowBinaryWithNamesAndTypesAndDefaults SQLInsert TSKV TSV TSVRaw TSVRawWithNames
    TSVRawWithNamesAndTypes TSVWithNames TSVWithNamesAndTypes TabSeparated TabSeparatedRaw
    TabSeparatedRawWithNames TabSeparatedRawWithNamesAndTypes TabSeparatedWithNames
    TabSeparatedWithNamesAndTypes Values Vertical XML
    """.lower().split()
)

_COMBINATORS = tuple(
    name.lower()
    for name in [
        "If",
        "Array",
        "Map",
        "State",
        "SimpleState",
        "Merge",
        "MergeState",
        "Distinct",
        "ForEach",
        "OrNull",
        "OrDefault",
        "Resample",
        "ArgMin",
        "ArgMax",
        "Tuple",
    ]
)
_MOST_COMBINATORS = 5


def _sections(name: str) -> dict[str, frozenset[str]]:
    text = (files("vistazo.sqlserver.guard") / name).read_text("utf-8")
    text = re.sub(r"(?m)^#.*$", "", text)
    parts = re.split(r"(?m)^\[([^\]]+)\]$", text)[1:]
    return {parts[n]: frozenset(parts[n + 1].split()) for n in range(0, len(parts), 2)}


@cache
def _functions() -> frozenset[str]:
    return frozenset(name.lower() for part in _sections("functions.txt").values() for name in part)


@cache
def _aggregates() -> frozenset[str]:
    return frozenset(name.lower() for name in _sections("functions.txt")["aggregate"])


@cache
def _settings() -> tuple[frozenset[str], frozenset[str]]:
    parts = _sections("settings.txt")
    tables = parts.pop("tables")
    return frozenset().union(*parts.values()), tables


def _is_aggregate(name: str) -> bool:
    names = {name}
    for _ in range(_MOST_COMBINATORS):
        if names & _aggregates():
            return True
        names = {each[: -len(end)] for each in names for end in _COMBINATORS if each.endswith(end)}
    return False

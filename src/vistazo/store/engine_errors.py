"""The driver's errors as ours, each in one sentence; the only place where that happens."""

from __future__ import annotations

import errno
import re
import ssl

from vistazo.errors import InvalidSQL, StorageFull, StoreError, VistazoError
from vistazo.records import printable

# The engine's codes for what the author of the SQL can mend.
AUTHOR_ERRORS = frozenset(
    # CANNOT_PARSE_TEXT, THERE_IS_NO_COLUMN, NOT_FOUND_COLUMN_IN_BLOCK, NO_SUCH_COLUMN_IN_TABLE,
    # NUMBER_OF_COLUMNS_DOESNT_MATCH, CANNOT_PARSE_ESCAPE_SEQUENCE, CANNOT_PARSE_QUOTED_STRING,
    # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    {6, 8, 10, 16, 20, 25, 26, 27}
    # TOO_MANY_ and TOO_FEW_ARGUMENTS_FOR_FUNCTION, BAD_ARGUMENTS, CANNOT_PARSE_DATE,
    # CANNOT_PARSE_DATETIME, NUMBER_OF_ARGUMENTS_DOESNT_MATCH, ILLEGAL_TYPE_OF_ARGUMENT,
    # ILLEGAL_COLUMN
    | {34, 35, 36, 38, 41, 42, 43, 44}
    # UNKNOWN_FUNCTION, UNKNOWN_IDENTIFIER, UNKNOWN_TYPE, EMPTY_LIST_OF_COLUMNS_QUERIED,
    # TYPE_MISMATCH, TABLE_ALREADY_EXISTS, ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER, UNKNOWN_TABLE,
    # SYNTAX_ERROR, UNKNOWN_AGGREGATE_FUNCTION
    | {46, 47, 50, 51, 53, 57, 59, 60, 62, 63}
    # ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE, CANNOT_PARSE_NUMBER, UNKNOWN_FORMAT,
    # INCORRECT_QUERY, UNKNOWN_DATABASE, UNKNOWN_SETTING, INCORRECT_DATA (a vector of another
    # length than the index's), INCORRECT_RESULT_OF_SCALAR_SUBQUERY, CANNOT_READ_ARRAY_FROM_TEXT
    | {69, 70, 72, 73, 80, 81, 115, 117, 125, 130}
    # ILLEGAL_DIVISION, READONLY, CYCLIC_ALIASES, MULTIPLE_EXPRESSIONS_FOR_ALIAS,
    # ILLEGAL_AGGREGATION, SIZES_OF_ARRAYS_DONT_MATCH
    | {153, 164, 174, 179, 184, 190}
    # ALIAS_REQUIRED, AMBIGUOUS_IDENTIFIER, NOT_AN_AGGREGATE,
    # UNION_ALL_RESULT_STRUCTURES_MISMATCH, INDEX_NOT_USED, FUNCTION_CANNOT_HAVE_PARAMETERS
    | {206, 207, 215, 258, 277, 309}
    # AMBIGUOUS_COLUMN_NAME, NO_COMMON_TYPE, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO,
    # INVALID_JOIN_ON_EXPRESSION, CANNOT_COMPILE_REGEXP, INVALID_LIMIT_EXPRESSION
    | {352, 386, 395, 403, 427, 440}
    # UNKNOWN_QUERY_PARAMETER, BAD_QUERY_PARAMETER, VIOLATED_CONSTRAINT (`vector_len`),
    # INVALID_SETTING_VALUE, INTERSECT_OR_EXCEPT_RESULT_STRUCTURES_MISMATCH,
    # FUNCTION_ALREADY_EXISTS, CANNOT_EXTRACT_TABLE_STRUCTURE, INVALID_IDENTIFIER
    | {456, 457, 469, 471, 596, 609, 636, 703}
)
_DISK_FULL = frozenset({243})  # NOT_ENOUGH_SPACE


def mapped(error: Exception) -> VistazoError:
    """The vistazo error for anything the driver raises."""
    from clickhouse_connect.driver import exceptions as driver

    code = int(getattr(error, "code", 0) or 0)
    text = _first_sentence(str(error)) or type(error).__name__
    # Before the disk: the engine's text quotes the statement, which may hold any words.
    if code in AUTHOR_ERRORS:
        return InvalidSQL(text, engine_code=code)
    if (
        code in _DISK_FULL
        or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
        or re.search("No space left on device|Disk quota exceeded", str(error))
    ):
        return StorageFull(
            "the disk under the library is full: free some space and run the same command again",
            engine_code=code,
        )
    # Without a code it is the driver that refuses: the values to bind (the author's), or, from
    # another exception, the engine that does not open, or a use of it after its end (ours).
    ours = isinstance(error, driver.StreamClosedError) or error.__cause__ or "closed" in text
    if isinstance(error, driver.ProgrammingError) and not code and not ours:
        return InvalidSQL(text)
    if not code and isinstance(error, driver.OperationalError) and (why := network_failure(error)):
        return StoreError(f"the database's server failed: {why}")
    return StoreError(f"the database failed: {text}", engine_code=code)


def _first_sentence(text: str) -> str:
    text = " ".join(text.split())
    # What the driver puts before an answer it got over HTTP.
    text = re.sub(
        r"^(?:Received ClickHouse exception, code: \d+|HTTP driver received HTTP status \d+)"
        r"(?:, server response: )?",
        "",
        text,
    )
    text = re.sub(r"^(?:Code: \d+\. |DB::\w*Exception: )+", "", text)
    # The name of the error and the engine's version, in brackets at the end.
    text = re.sub(r"(?:[.\s]*\((?:version (?:[^()]|\([^()]*\))*|[A-Z][A-Z0-9_]+)\))+$", "", text)
    # What could have stood there instead, and the statement once more.
    text = re.split(r"\. Expected one of:|[.:?] In (?:scope|query) |: while executing ", text)[0]
    # The driver's own ending of the statement.
    early = "the SQL ends too early, or has a FORMAT, which is chosen for it"
    text = re.sub(r"failed at position \d+ \((?:FORMAT|Arrow)\).*", early, text)
    text = re.sub(r" FORMAT Arrow\b", "", text)
    text = re.sub(r"\.+ ([A-Z])", lambda begin: f"; {begin[1].lower()}", text)
    return printable(text[:500]).rstrip(". :")


def network_failure(error: BaseException) -> str:
    """Why a server could not be talked to, with a remedy; empty when it is another failure."""
    from urllib3 import exceptions as http

    chain: list[BaseException] = []
    reason: object = error
    while isinstance(reason, BaseException) and reason not in chain:
        chain.append(reason)
        reason = getattr(reason, "reason", None) or reason.__cause__ or reason.__context__
    kinds = tuple(type(each) for each in chain)

    def has(*wanted: type[BaseException]) -> bool:
        return any(issubclass(kind, wanted) for kind in kinds)

    if has(http.NameResolutionError):
        return "no such host is known; check the host in the DSN and this machine's network"
    if has(ssl.SSLError, http.SSLError):
        cause = next(
            each for each in reversed(chain) if isinstance(each, (ssl.SSLError, http.SSLError))
        )
        return (
            f"TLS failed ({_first_sentence(str(getattr(cause, 'verify_message', '') or cause))});"
            " check secure=, the port and the certificate (ca_cert=FILE, verify=false)"
        )
    if has(ConnectionRefusedError):
        return "the connection was refused; check that it runs, and the port (usually 8123, with secure=true 8443)"
    if has(http.TimeoutError, TimeoutError):
        return "it did not answer in time; check host, port and firewall, or try again"
    if has(http.ProtocolError, ConnectionError):
        return "it closed the connection without an answer; check the port, and secure=true where it wants TLS"
    if has(http.HTTPError, OSError):
        return f"the network failed ({_first_sentence(str(chain[-1]))})"
    return ""

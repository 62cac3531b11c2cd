"""How much one request, and all of them together, may take of this process."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of the HTTP side; those of the engine's queries are the guard's.

    Attributes:
        max_query_bytes: a statement's text; what follows an INSERT's head does not count.
        max_body_bytes: a request's body, after decompression.
        max_values_bytes: data of `INSERT .. VALUES`, which is looked through before it runs.
        buffer_bytes: of a result, before its status is sent: an error within it has its own.
        max_buffer_bytes: the same where a client asks for more, as `wait_end_of_query` does.
        queries: how many run at once; others wait.
        waiting: how many may wait; more are refused.
        sessions: how many are kept; the longest unused goes first.
    """

    max_query_bytes: int = 4 * MIB
    max_body_bytes: int = 1024 * MIB
    max_values_bytes: int = 64 * MIB
    buffer_bytes: int = MIB
    max_buffer_bytes: int = 256 * MIB
    queries: int = 16
    waiting: int = 200
    sessions: int = 200

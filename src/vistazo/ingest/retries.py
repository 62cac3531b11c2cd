"""What goes wrong with a download, whether it may pass, and how long to wait before trying again."""

from __future__ import annotations

import datetime as dt
import random
from email.utils import parsedate_to_datetime

# Besides 5xx: 408 and 425 are timing, 429 is too many requests.
_PASSING = frozenset({408, 425, 429})


class Fault(Exception):
    """One try has failed; what a `FetchError` is made of when no further one is due.

    Attributes:
        reason: half a sentence, after "cannot be downloaded:".
        code: the cause, as the failures table groups it.
        again: whether another try may fare better.
        wait_s: how long the server asks to be left alone; None where it says nothing.
    """

    def __init__(
        self, reason: str, *, code: str, again: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.again = again
        self.wait_s = wait_s


def fault_of_status(status: int, phrase: str, retry_after: str) -> Fault:
    """The fault of an answer that is neither a success nor a redirect.

    Args:
        retry_after: the header of this name; empty where there is none.
    """
    again = status in _PASSING or 500 <= status <= 599
    wait_s = retry_after_s(retry_after, dt.datetime.now(dt.UTC)) if again else None
    reason = f"the server answered {status} {phrase}".rstrip()
    if wait_s is not None:
        reason += f", and to come back in {wait_s:.0f} s"
    return Fault(reason, code=f"status-{status}", again=again, wait_s=wait_s)


def retry_after_s(value: str, now: dt.datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or as a date; None if neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())


def pause_s(fault: Fault, tries: int, backoff_s: float) -> float:
    """Seconds before the next try.

    Chance spreads the tries of many items that failed together.

    Args:
        tries: how many there have been.
    """
    growing = backoff_s * 2 ** (tries - 1) * random.uniform(0.5, 1.5)
    return growing if fault.wait_s is None else fault.wait_s + random.uniform(0, backoff_s)

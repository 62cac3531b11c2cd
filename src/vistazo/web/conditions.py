"""Conditional and partial requests: what of a picture a client wants, if it wants it at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Version:
    """One state of what an address answers with.

    Attributes:
        etag: in its quotes.
        modified_s: seconds since 1970; None when unknown.
    """

    etag: str
    modified_s: float | None = None

    def headers(self) -> dict[str, str]:
        """`ETag` and, where known, `Last-Modified`."""
        headers = {"ETag": self.etag}
        if self.modified_s is not None:
            headers["Last-Modified"] = formatdate(self.modified_s, usegmt=True)
        return headers

    def is_had(self, request: Mapping[str, str]) -> bool:
        """Whether the client says that it has this state: the answer is 304."""
        tags = request.get("if-none-match")
        if tags is not None:
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return self.etag in known or "*" in known
        since = _seconds(request.get("if-modified-since", ""))
        return None not in (since, self.modified_s) and int(self.modified_s or 0) <= (since or 0)

    def part(self, request: Mapping[str, str], size: int) -> tuple[int, int] | None:
        """The bytes asked for, from the first up to the one after the last; None for all.

        Several parts at once, and what does not read as a part, are answered with all.

        Raises:
            LookupError: the part lies behind the end.
        """
        found = _RANGE.fullmatch(request.get("range", ""))
        condition = request.get("if-range")
        if found is None or (condition is not None and condition not in self.headers().values()):
            return None
        first, last, final = found.groups()
        if final is not None:
            start, end = max(0, size - int(final)), size
        else:
            start, end = int(first), size if last is None else min(int(last) + 1, size)
            if last is not None and int(last) < start:
                return None
        if start >= end:
            raise LookupError(size)
        return start, end


def _seconds(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

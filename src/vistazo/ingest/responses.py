"""What a server's answer must be before and while its body is read."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from vistazo.ingest.retries import Fault, fault_of_status
from vistazo.records import printable

if TYPE_CHECKING:
    import httpx

    from vistazo.ingest.download_plan import DownloadPlan

_OPT_OUT = frozenset({"noai", "noimageai"})
# Directives that have a colon themselves: what stands before it is no robot's name.
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
# S3 gives the second name to whatever was stored without one.
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def opted_out(tags: Sequence[str], agent: str) -> bool:
    """Whether `X-Robots-Tag` headers keep a picture from being learnt from.

    `noai` and `noimageai` count when they address everybody or us, as in `vistazo: noai`.
    `noindex` does not: it speaks of public search engines.

    Args:
        tags: the headers' values, one for each header.
        agent: our name, lower case.
    """
    for tag in tags:
        meant = True
        for part in tag.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _VALUED:
                meant = name.strip().partition("/")[0] in (agent, "*")
                part = rest
            if meant and part.strip() in _OPT_OUT:
                return True
    return False


def check_head(response: httpx.Response, plan: DownloadPlan) -> None:
    """Refuse an answer by its headers.

    Raises:
        Fault: `opted-out`, `status-NNN`, `content-type` or `too-large`.
    """
    headers = response.headers
    if opted_out(headers.get_list("x-robots-tag"), plan.user_agent.partition("/")[0].lower()):
        raise Fault("its publisher opts out of such use (X-Robots-Tag)", code="opted-out")
    if response.next_request is not None:
        return
    if not response.is_success:
        phrase, wait = printable(response.reason_phrase)[:60], headers.get("retry-after", "")
        raise fault_of_status(response.status_code, phrase, wait)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _UNTYPED and not kind.startswith("image/"):
        shown = printable(kind)[:60]
        raise Fault(f"the server sends {shown} instead of a picture", code="content-type")
    length = headers.get("content-length", "")
    if length.isdigit() and len(length) < 16 and int(length) > plan.max_bytes:
        raise _too_large(f"{int(length):,} bytes", plan.max_bytes)


async def read_body(
    response: httpx.Response, max_bytes: int, take: Callable[[int], Awaitable[None]]
) -> bytes:
    """The picture's bytes, unpacked.

    Args:
        take: is told of every piece before it is kept, and may make it wait.
    Raises:
        Fault: `too-large`, `cut` or `content-type`.
    """
    # No packing was asked for; httpx's own unpacking would let a few kB become any size.
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        shown = printable(packing)[:60]
        raise Fault(f"the server packs it as {shown}, unasked", code="content-type")
    unpacker = zlib.decompressobj(wbits=47) if packing not in ("", "identity") else None
    body = bytearray()
    async for piece in response.aiter_raw():
        if unpacker is not None:
            try:
                piece = unpacker.decompress(piece, max_bytes + 1 - len(body))
            except zlib.error as error:
                raise Fault(f"its {packing} packing is damaged", code="content-type") from error
        if len(body) + len(piece) > max_bytes:
            raise _too_large("more bytes", max_bytes)
        await take(len(piece))
        body += piece
    if unpacker is not None and body and not unpacker.eof:
        raise Fault("the body ends early", code="cut", again=True)
    return bytes(body)


async def skip_body(response: httpx.Response) -> None:
    """Read a small body to its end, which leaves the connection fit for another request."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and len(length) < 5:
        async for _ in response.aiter_raw():
            pass


def _too_large(size: str, max_bytes: int) -> Fault:
    return Fault(f"it has {size}, more than the limit of {max_bytes:,}", code="too-large")

"""Web addresses: which they are, where they may lead, and how to ask for a smaller picture."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

_SHAPE = frozenset({"w", "h", "fit", "crop", "ar", "rect", "dpr"})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Numbers that look public: under the first lies Oracle's metadata, the second is Azure's host.
_CLOSED = [ipaddress.ip_network(network) for network in ("192.0.0.0/24", "168.63.129.16/32")]


def is_web(url: str) -> bool:
    """Whether an item is downloaded instead of read by its source."""
    return url[:8].lower().startswith(("http://", "https://"))


def with_image_query(url: str, query: str, hosts: Iterable[str]) -> str:
    """The address of a smaller picture where the host makes them, else the address itself.

    What the address says already stays: only parameters that it lacks are added, and of those
    that shape the picture none when it has any, lest half a crop come out. An address that is
    signed (imgix: `s`) is left alone, as any change breaks the signature.

    Args:
        query: such as `w=200&fit=max`; empty changes nothing.
        hosts: names, `*.` standing for any subdomain.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # the download itself says what is wrong
        return url
    if not query or not any(_matches(host, pattern) for pattern in hosts):
        return url
    given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if "s" in given:
        return url
    shaped = bool(given & _SHAPE)
    added = [
        pair
        for pair in query.split("&")
        if (name := pair.partition("=")[0]) not in given and not (shaped and name in _SHAPE)
    ]
    address = url.partition("#")[0]
    if not added:
        return address
    if not parts.query:
        return f"{address.rstrip('?')}?{'&'.join(added)}"
    return f"{address.rstrip('&')}&{'&'.join(added)}"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large.

    Not so this machine, private and link-local networks, where clouds keep their metadata,
    multicast, what is reserved, and IPv6 addresses that only wrap such an IPv4 one.
    """
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv6Address):
        wrapped = _wrapped(number)
        if wrapped is not None:
            return is_public(str(wrapped))
        if number.is_site_local:
            return False
    usual = number.is_global and not number.is_multicast and not number.is_reserved
    return usual and not any(number in network for network in _CLOSED)


def _wrapped(number: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets for an IPv6 one end at."""
    if number in _NAT64:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    if number.teredo is not None:
        return number.teredo[1]
    return number.ipv4_mapped or number.sixtofour


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower()
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern

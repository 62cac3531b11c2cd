"""How pictures are downloaded; importing it loads no HTTP client."""

from __future__ import annotations

from dataclasses import dataclass

import vistazo
from vistazo.config import IMAGE_QUERY, IMAGE_QUERY_HOSTS, Settings


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """Limits and manners of downloads.

    Attributes:
        concurrency: downloads at once.
        host_concurrency: of these, from one host (the one an item's own address names).
        deadline_s: for one item from its first connection on, redirects and retries included.
        connect_timeout_s: for one connection, TLS included.
        read_timeout_s: without a single byte.
        retries: of what may pass: no connection, a timeout, a cut body, status 408, 429, 5xx.
        backoff_s: before the first retry, doubled for each further one, plus or minus a half.
        max_bytes: larger pictures are refused, packed or not.
        memory_bytes: of pictures that are being received or wait to be decoded; one picture more
            may come on top.
        max_redirects: every hop is checked like the first.
        allow_private_addresses: also fetch from this machine and from private networks.
        image_query: asks a host that scales pictures for a small one; empty asks for none.
        image_query_hosts: the hosts that are asked, `*.` standing for any subdomain.
        user_agent: what servers are told; its part before `/` is looked for in opt-out headers.
    """

    concurrency: int = 64
    host_concurrency: int = 16
    deadline_s: float = 60.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 20.0
    retries: int = 3
    backoff_s: float = 0.5
    max_bytes: int = 64 * 1024 * 1024
    memory_bytes: int = 256 * 1024 * 1024
    max_redirects: int = 5
    allow_private_addresses: bool = False
    image_query: str = IMAGE_QUERY
    image_query_hosts: tuple[str, ...] = tuple(IMAGE_QUERY_HOSTS.split())
    user_agent: str = f"vistazo/{vistazo.__version__}"

    @classmethod
    def of(cls, settings: Settings) -> DownloadPlan:
        """The plan that a user's settings make."""
        return cls(
            concurrency=settings.download_concurrency,
            host_concurrency=settings.per_host_concurrency,
            deadline_s=settings.download_deadline_s,
            retries=settings.download_retries,
            max_bytes=settings.download_max_bytes,
            allow_private_addresses=settings.allow_private_addresses,
            image_query="" if settings.image_query == "off" else settings.image_query,
            image_query_hosts=tuple(settings.image_query_hosts.replace(",", " ").split()),
        )

"""Images that a caller names by an address: fetched only from the internet at large.

The address of every host is checked after its name was looked up, at each redirection too, and the
connection goes to the checked address; see `ingest/connections.py`.
"""

from __future__ import annotations

import concurrent.futures
import threading
from typing import TYPE_CHECKING

from vistazo.errors import FetchError
from vistazo.ingest.download_plan import DownloadPlan

if TYPE_CHECKING:
    from vistazo.ingest.fetch import Downloader

DEADLINE_S = 15.0
MAX_BYTES = 32 * 1024 * 1024
_AT_ONCE = 8


class RemoteImages:
    """Fetches images of the web; close it.

    Args:
        allow_private_addresses: also from this machine and private networks.
    """

    def __init__(
        self,
        *,
        allow_private_addresses: bool = False,
        max_bytes: int = MAX_BYTES,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._plan = DownloadPlan(
            concurrency=_AT_ONCE,
            host_concurrency=4,
            deadline_s=deadline_s,
            connect_timeout_s=5.0,
            read_timeout_s=10.0,
            retries=1,
            max_bytes=min(max_bytes, MAX_BYTES),
            memory_bytes=4 * MAX_BYTES,
            allow_private_addresses=allow_private_addresses,
            image_query="",
        )
        self._downloader: Downloader | None = None
        self._closed = False
        self._guard = threading.Lock()

    def fetch(self, url: str) -> bytes:
        """The bytes behind an address.

        Raises:
            FetchError: it may not be fetched, or does not answer; `code` says which.
        """
        downloader = self._started()
        try:
            data = downloader.submit(url).result(self._plan.deadline_s + 5)
        except (concurrent.futures.CancelledError, TimeoutError) as error:
            raise FetchError("the image could not be fetched in time", code="deadline") from error
        downloader.release(len(data))
        return data

    def close(self) -> None:
        """Stop what is under way."""
        with self._guard:
            self._closed = True
            if self._downloader is not None:
                self._downloader.close()

    def _started(self) -> Downloader:
        from vistazo.ingest.fetch import Downloader

        with self._guard:
            if self._closed:
                raise FetchError("the server is stopping", code="deadline")
            if self._downloader is None:
                self._downloader = Downloader(self._plan)
            return self._downloader

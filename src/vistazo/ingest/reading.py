"""Fetching and decoding ahead of the encoder: files in threads, web addresses in the downloader.

works -> files:  threads (read, decode, shrink)     -> results, in the order they are done
      -> web:    downloader -> threads (decode ...)  ->
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from vistazo.errors import FetchError, ItemError
from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.hosts import is_web
from vistazo.ingest.prepare import Prepared, Preparer
from vistazo.ingest.triage import Work

if TYPE_CHECKING:
    from vistazo.ingest.fetch import Downloader

_IDLE_S = 0.5


class Reading:
    """Prepares items, a bounded number at a time; the slow ones hold nobody up.

    Args:
        threads: that read and decode.
        ahead: items under way at once; with downloads among them at least two for each of those.
    """

    def __init__(self, preparer: Preparer, plan: DownloadPlan, *, threads: int, ahead: int) -> None:
        self._preparer = preparer
        self._plan = plan
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(threads, "vistazo-decode")
        self._web: Downloader | None = None
        self._done: queue.SimpleQueue[tuple[Work, Future[Prepared | ItemError]]] = (
            queue.SimpleQueue()
        )

    def results(self, works: Iterator[Work]) -> Iterator[tuple[Work, Prepared | ItemError] | None]:
        """Every work with what has become of it, in the order they are done.

        None comes twice a second while nothing is done.
        """
        pending = 0
        while True:
            while pending < self._ahead and (work := next(works, None)) is not None:
                self._start(work)
                pending += 1
            if not pending:
                return
            try:
                work, future = self._done.get(timeout=_IDLE_S)
            except queue.Empty:
                yield None
                continue
            pending -= 1
            yield work, future.result()

    def again(self, work: Work) -> Prepared | ItemError:
        """Prepare one more time, with pixels whatever the library has."""
        if not is_web(work.item.url):
            return self._preparer.prepare(work, reuse=False)
        try:
            data = self._downloader().submit(work.item.url).result()
        except FetchError as error:
            return error
        return self._decode(work, data, reuse=False)

    def close(self) -> None:
        """Stop what is under way; only a decoder that runs is waited for."""
        if self._web is not None:
            self._web.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, work: Work) -> None:
        if is_web(work.item.url):
            fetched = self._downloader().submit(work.item.url)
            fetched.add_done_callback(lambda future: self._fetched(work, future))
        else:
            self._report(work, self._pool.submit(self._preparer.prepare, work))

    def _fetched(self, work: Work, fetched: Future[bytes]) -> None:
        """Have the bytes decoded; in the downloader's thread, which must not wait."""
        if fetched.cancelled():
            return  # by `close`: nobody asks any more
        error = fetched.exception()
        if error is None:
            self._report(work, self._pool.submit(self._decode, work, fetched.result()))
            return
        failed: Future[Prepared | ItemError] = Future()
        if isinstance(error, ItemError):
            failed.set_result(error)
        else:
            failed.set_exception(error)
        self._done.put((work, failed))

    def _report(self, work: Work, future: Future[Prepared | ItemError]) -> None:
        future.add_done_callback(lambda done: self._done.put((work, done)))

    def _decode(self, work: Work, data: bytes, *, reuse: bool = True) -> Prepared | ItemError:
        try:
            return self._preparer.prepare(work, data, reuse=reuse)
        finally:
            self._downloader().release(len(data))

    def _downloader(self) -> Downloader:
        """Made when the first web address comes: a folder needs no HTTP client."""
        if self._web is None:
            from vistazo.ingest.fetch import Downloader

            self._web = Downloader(self._plan)
            self._ahead = max(self._ahead, 2 * self._plan.concurrency)
        return self._web

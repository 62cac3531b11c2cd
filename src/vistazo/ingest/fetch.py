"""Downloads: many at once, each with a deadline that nothing outlives.

One event loop in a thread of its own does all of it; everybody else holds plain futures.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.cookiejar
import itertools
import math
import threading
import time
import weakref
from concurrent.futures import Future, InvalidStateError

import httpx

from vistazo.errors import FetchError
from vistazo.ingest.budget import Budget
from vistazo.ingest.connections import CheckedTransport, faults_named
from vistazo.ingest.download_plan import DownloadPlan
from vistazo.ingest.hosts import with_image_query
from vistazo.ingest.responses import check_head, read_body, skip_body
from vistazo.ingest.retries import Fault, pause_s
from vistazo.records import printable

_BEAT_S = 0.25
_GRACE_S = 2.0  # after a deadline, before the watchdog does what the loop should have done
_CLOSING_S = 0.7
_PLAIN = {"Accept-Encoding": "identity"}  # pictures are packed already
_UNREACHED = frozenset({"dns", "connect", "timeout"})


class Downloader:
    """Downloads pictures; `submit` and `release` may be called from any thread.

    Two things end a download that does not end itself: the deadline within the event loop, and,
    should that loop hang, a watchdog in a second thread. Neither thread keeps a program alive.
    """

    def __init__(self, plan: DownloadPlan) -> None:
        self._plan = plan
        self._budget = Budget(plan.memory_bytes)
        self._slots = asyncio.Semaphore(plan.concurrency)
        self._hosts: weakref.WeakValueDictionary[str, _Host] = weakref.WeakValueDictionary()
        self._items: set[_Item] = set()
        self._client = httpx.AsyncClient(
            transport=CheckedTransport(plan),
            headers={"User-Agent": plan.user_agent, "Accept": "image/*", **_PLAIN},
            timeout=httpx.Timeout(plan.read_timeout_s, connect=plan.connect_timeout_s, pool=None),
            cookies=http.cookiejar.CookieJar(
                http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
            ),
            trust_env=False,
        )
        self._closed = threading.Event()
        self._beats = 0
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._threads = [
            threading.Thread(target=target, name=f"vistazo-{name}", daemon=True)
            for name, target in (("download", self._serve), ("watchdog", self._watch))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, url: str) -> Future[bytes]:
        """Download a picture.

        Returns:
            Its bytes, which count as held until `release`; or a `FetchError` whose code is one
            of the causes in docs/errors.md. Cancelled by `close`.
        """
        item = _Item(url)
        self._items.add(item)
        if self._closed.is_set():
            item.future.cancel()
        else:
            with contextlib.suppress(RuntimeError):  # closed this very moment
                self._loop.call_soon_threadsafe(self._start, item)
        return item.future

    def release(self, size_bytes: int) -> None:
        """Say that so many bytes of downloaded pictures are no longer kept."""
        with contextlib.suppress(RuntimeError):  # closed
            self._loop.call_soon_threadsafe(self._budget.give_back, size_bytes)

    def close(self) -> None:
        """Stop everything at once; unfinished downloads are cancelled."""
        if self._closed.is_set():
            return
        self._closed.set()
        for item in list(self._items):
            item.future.cancel()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopped.set)
        for thread in self._threads:
            thread.join(_CLOSING_S)

    # In the event loop's thread

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._beat())

    async def _beat(self) -> None:
        """Live until `close`, and show the watchdog that the loop turns."""
        async with self._client:
            while not self._stopped.is_set():
                self._beats += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), _BEAT_S)
            tasks = [item.task for item in list(self._items) if item.task is not None]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_CLOSING_S / 2)

    def _start(self, item: _Item) -> None:
        item.task = self._loop.create_task(self._download(item))

    async def _download(self, item: _Item) -> None:
        try:
            data = await self._fetch(item)
        except Fault as fault:
            item.fail(fault.reason, fault.code)
        except Exception as error:  # a worker's edge: a bug must not leave a future open
            reason = printable(str(error) or type(error).__name__)[:200]
            item.fail(f"unexpectedly, {reason}", code="unexpected")
        else:
            if not item.finish(data):
                self._budget.give_back(len(data))
        finally:
            self._items.discard(item)

    async def _fetch(self, item: _Item) -> bytes:
        plan = self._plan
        with faults_named():
            url = httpx.URL(with_image_query(item.url, plan.image_query, plan.image_query_hosts))
            if not _can_be_asked(url):
                raise Fault("the address is malformed", code="bad-url")
            request = self._client.build_request("GET", url)
        host = self._hosts.get(url.host)
        if host is None:
            host = self._hosts[url.host] = _Host(plan.host_concurrency)
        async with host.slots, self._slots:
            try:
                async with asyncio.timeout(plan.deadline_s) as timeout:
                    item.start(timeout)
                    return await self._persist(item, request, host)
            except TimeoutError as error:
                if not timeout.expired():
                    raise
                message = f"it took longer than {plan.deadline_s:g} s"
                raise Fault(message, code="deadline") from error

    async def _persist(self, item: _Item, request: httpx.Request, host: _Host) -> bytes:
        """Try until it succeeds, or nothing speaks for another try."""
        for tries in itertools.count(1):
            try:
                data = await self._try(item, request)
            except Fault as fault:
                host.missed = host.missed + 1 if fault.code in _UNREACHED else 0
                # A host that has gone must not cost each of its thousand pictures every retry.
                dead = host.missed > self._plan.host_concurrency
                if not fault.again or dead or tries > self._plan.retries:
                    raise
                wait_s = pause_s(fault, tries, self._plan.backoff_s)
                if self._loop.time() + wait_s >= item.due:
                    raise  # says more than that the deadline passed while waiting
            else:
                host.missed = 0
                return data
            await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    async def _try(self, item: _Item, request: httpx.Request) -> bytes:
        with faults_named():
            for _ in range(self._plan.max_redirects + 1):
                response = await self._client.send(request, stream=True)
                try:
                    check_head(response, self._plan)
                    if response.next_request is None:
                        return await self._read(item, response)
                    await skip_body(response)
                    request = response.next_request
                    if not _can_be_asked(request.url):
                        raise Fault("it redirects to no web address", code="redirects")
                finally:
                    await response.aclose()
        limit = self._plan.max_redirects
        raise Fault(f"it redirects more than {limit} times", code="redirects")

    async def _read(self, item: _Item, response: httpx.Response) -> bytes:
        share = self._budget.share(item)
        kept = False
        try:
            data = await read_body(response, self._plan.max_bytes, share.take)
            kept = True
            return data
        finally:
            share.end(keep=kept)

    # In the watchdog's thread

    def _watch(self) -> None:
        seen, silent_s = -1, 0.0
        while not self._closed.wait(_BEAT_S):
            # Counted in own turns, so that a program that was stopped as a whole (Ctrl-Z) does
            # not look like a loop that hangs.
            silent_s = silent_s + _BEAT_S if seen == self._beats else 0.0
            seen = self._beats
            late = time.monotonic() - _GRACE_S
            hangs = silent_s > self._plan.deadline_s + _GRACE_S
            for item in list(self._items):
                if hangs or item.due < late:
                    self._items.discard(item)
                    item.fail("the download hangs", code="deadline")
                    if item.task is not None:
                        with contextlib.suppress(RuntimeError):  # closed
                            self._loop.call_soon_threadsafe(item.task.cancel)


def _can_be_asked(url: httpx.URL) -> bool:
    """Whether an address is one of the web; httpx lets spaces and any port pass."""
    named = url.host != "" and "%" not in url.host
    return url.scheme in ("http", "https") and named and 0 < (url.port or 80) < 65536


class _Host:
    """What all downloads from one host share.

    Attributes:
        missed: tries in a row that did not get as far as an answer.
    """

    def __init__(self, concurrency: int) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self.missed = 0


class _Item:
    """One download; the clock of its own deadline.

    Attributes:
        due: the deadline, in the event loop's time, which is `time.monotonic`; infinite while it
            does not count.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.future: Future[bytes] = Future()
        self.task: asyncio.Task[None] | None = None
        self.due = math.inf
        self._timeout: asyncio.Timeout | None = None
        self._left_s = 0.0

    def start(self, timeout: asyncio.Timeout) -> None:
        """The deadline counts from now on."""
        self._timeout = timeout
        self.due = timeout.when() or math.inf

    def pause(self) -> None:
        """The deadline does not count while others fill the memory."""
        assert self._timeout is not None
        self._left_s = self.due - time.monotonic()
        self._timeout.reschedule(None)
        self.due = math.inf

    def resume(self) -> None:
        """The deadline counts again."""
        assert self._timeout is not None
        self.due = time.monotonic() + self._left_s
        self._timeout.reschedule(self.due)

    def finish(self, data: bytes) -> bool:
        """Hand over the bytes; False when it is too late."""
        try:
            self.future.set_result(data)
        except InvalidStateError:
            return False
        return True

    def fail(self, reason: str, code: str) -> None:
        """Hand over the failure, unless it is too late."""
        shown = printable(self.url)
        shown = shown if len(shown) <= 300 else f"{shown[:297]}..."
        error = FetchError(f"{shown} cannot be downloaded: {reason}", code=code)
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)

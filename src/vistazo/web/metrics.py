"""`/metrics`: what Prometheus collects of the server and its library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from vistazo.library import Library
    from vistazo.web.jobs import Jobs

_API = "/api/v1"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts of one application."""

    def __init__(self, library: Library, jobs: Jobs) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the text and say nothing that is used
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "vistazo_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "vistazo_request_seconds",
            "Seconds until an answer begins.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Holdings(library, jobs))

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def router(self) -> APIRouter:
        """The route `/metrics`."""
        routes = APIRouter()

        @routes.get("/metrics", include_in_schema=False)
        def metrics() -> Response:
            """The counts, as Prometheus reads them."""
            return Response(generate_latest(self.registry), media_type=_TYPE)

        return routes


class Measured:
    """ASGI middleware that counts every request."""

    def __init__(self, app: ASGIApp, note: Callable[[str, str, int, float], None]) -> None:
        self._app = app
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and see how long that takes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, took = 500, 0.0

        async def noted(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - started
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            # Never the address itself: callers could make as many series as they like.
            route = getattr(scope.get("route"), "path_format", "other")
            if scope["path"].startswith(_API) and route != "other":
                route = _API + route.removeprefix(_API)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._note(route, method, status, took or time.perf_counter() - started)


_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})


class _Holdings(Collector):
    """What the library holds, asked when Prometheus asks."""

    def __init__(self, library: Library, jobs: Jobs) -> None:
        self._library = library
        self._jobs = jobs

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        photos, conversions, failures = self._library.paging.counts()
        yield GaugeMetricFamily("vistazo_photos", "Photos in the library.", photos)
        yield GaugeMetricFamily("vistazo_conversions", "Downloads in the log.", conversions)
        yield GaugeMetricFamily("vistazo_failures", "Items that stand as failed.", failures)
        known, asked = self._library.paging.text_cache()
        yield GaugeMetricFamily("vistazo_text_cache_hits", "Texts whose vector was kept.", known)
        yield GaugeMetricFamily("vistazo_text_cache_requests", "Texts searched for.", asked)
        states = dict.fromkeys(("waiting", "running", "done", "failed", "cancelled"), 0)
        for job in self._jobs.all():
            states[job.state] += 1
        family = GaugeMetricFamily("vistazo_jobs", "Jobs remembered, by state.", labels=["state"])
        for state, count in states.items():
            family.add_metric([state], count)
        yield family

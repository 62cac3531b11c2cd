"""The application over one library; rooms are added to it as the house grows."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import FastAPI

import vistazo
from vistazo.config import Settings
from vistazo.web import answers, api, images, pages, reference, session
from vistazo.web.attempts import Attempts
from vistazo.web.door import ANYBODY_HERE, Door, Entry
from vistazo.web.headers import SafeHeaders
from vistazo.web.jobs import Jobs
from vistazo.web.keys import Keys
from vistazo.web.metrics import Measured, Metrics
from vistazo.web.remote_image import RemoteImages
from vistazo.web.uploads import BodyLimit

if TYPE_CHECKING:
    from vistazo.library import Library
    from vistazo.store.bounded import Guard


def create(
    library: Library,
    entry: Entry = ANYBODY_HERE,
    settings: Settings | None = None,
    *,
    guard: Guard,
) -> FastAPI:
    """The application.

    Args:
        library: an open one; who opened it closes it when the application has ended.
        entry: who may come in.
        settings: limits of decoding, and which hosts scale their pictures; None takes the defaults.
        guard: judges the SQL that people type.
    """
    settings = settings or Settings()
    keys, attempts, jobs = Keys(entry), Attempts(), Jobs()
    metrics = Metrics(library, jobs)
    remote = RemoteImages(allow_private_addresses=settings.allow_private_addresses)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        remote.close()
        await to_thread.run_sync(jobs.close)

    app = FastAPI(
        title="vistazo",
        version=vistazo.__version__,
        # Its pages load scripts from elsewhere; the description itself is ours.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=life,
    )
    answers.answer_errors(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Door, entry=entry, keys=keys, attempts=attempts)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Measured, note=metrics.note)
    pictures = images.router(library, images.ImagePlan.of(settings))
    app.include_router(pictures, responses=images.RESPONSES | api.ERRORS)
    app.include_router(
        api.router(library, settings, remote, guard, session.router(keys, attempts), jobs)
    )
    app.include_router(metrics.router())
    app.include_router(reference.router(app))
    app.include_router(pages.router())

    @app.get("/healthz")
    def health() -> dict[str, str]:
        """Whether the server is up; asks the library nothing."""
        return {"status": "ok", "version": vistazo.__version__}

    return app

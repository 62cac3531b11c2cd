"""The application over one library; rooms are added to it as the house grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

import vistazo
from vistazo.config import Settings
from vistazo.web import answers, images
from vistazo.web.door import ANYBODY_HERE, Door, Entry

if TYPE_CHECKING:
    from vistazo.library import Library


def create(
    library: Library, entry: Entry = ANYBODY_HERE, settings: Settings | None = None
) -> FastAPI:
    """The application.

    Args:
        library: an open one; who opened it closes it when the application has ended.
        entry: who may come in.
        settings: limits of decoding, and which hosts scale their pictures; None takes the defaults.
    """
    app = FastAPI(
        title="vistazo",
        version=vistazo.__version__,
        # Its pages load scripts from elsewhere; the description itself is ours.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    answers.answer_errors(app)
    app.add_middleware(Door, entry=entry)
    app.include_router(images.router(library, images.ImagePlan.of(settings or Settings())))

    @app.get("/healthz")
    def health() -> dict[str, str]:
        """Whether the server is up; asks the library nothing."""
        return {"status": "ok", "version": vistazo.__version__}

    return app

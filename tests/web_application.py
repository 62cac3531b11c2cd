"""The web application over a library that is open here, as `vistazo serve` puts it together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

import vistazo
from loopback import served
from vistazo.config import Settings
from vistazo.sqlserver.reading import ReadingGuard
from vistazo.web.app import create
from vistazo.web.door import ANYBODY_HERE, Entry


@contextlib.contextmanager
def application(
    library: vistazo.Library, entry: Entry = ANYBODY_HERE, settings: Settings | None = None
) -> Iterator[FastAPI]:
    with contextlib.closing(ReadingGuard(library)) as guard:
        yield create(library, entry, settings, guard=guard)


@contextlib.contextmanager
def served_web(
    library: vistazo.Library,
    entry: Entry = ANYBODY_HERE,
    settings: Settings | None = None,
    **options: Any,
) -> Iterator[str]:
    """Its address, for as long as it answers; `options` are uvicorn's."""
    with application(library, entry, settings) as app, served(app, **options) as url:
        yield url

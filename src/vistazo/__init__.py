"""Image search whose photo library is also a SQL database.

    import vistazo
    lib = vistazo.open("my-library")
    lib.index("pictures")
    lib.search("a red car", k=10).show()

Names load on first use: `import vistazo` alone takes milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vistazo import errors
    from vistazo.config import Settings
    from vistazo.errors import VistazoError
    from vistazo.library import Library, open
    from vistazo.records import (
        Candidate,
        Demand,
        EncoderSpec,
        Failure,
        Hit,
        IngestReport,
        LoadReport,
        Metadata,
        Photo,
        Query,
    )
    from vistazo.search.hits import Hits

__version__ = "0.1.0"

_HOMES = {
    "Library": "library",
    "open": "library",
    "Settings": "config",
    "VistazoError": "errors",
    "Hits": "search.hits",
    "Candidate": "records",
    "Demand": "records",
    "EncoderSpec": "records",
    "Failure": "records",
    "Hit": "records",
    "IngestReport": "records",
    "LoadReport": "records",
    "Metadata": "records",
    "Photo": "records",
    "Query": "records",
}

__all__ = [
    "Candidate",
    "Demand",
    "EncoderSpec",
    "Failure",
    "Hit",
    "Hits",
    "IngestReport",
    "Library",
    "LoadReport",
    "Metadata",
    "Photo",
    "Query",
    "Settings",
    "VistazoError",
    "__version__",
    "errors",
    "open",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("vistazo.errors")
    if name in _HOMES:
        value = getattr(importlib.import_module(f"vistazo.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'vistazo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

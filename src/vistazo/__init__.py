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
    from vistazo.analytics.trends import Downloads
    from vistazo.config import Settings
    from vistazo.errors import VistazoError
    from vistazo.evaluation.report import Evaluation
    from vistazo.library import Library
    from vistazo.opening import open
    from vistazo.records import (
        Candidate,
        CountryDownloads,
        Demand,
        EncoderSpec,
        Failure,
        Hit,
        IngestReport,
        KeywordDownloads,
        LoadReport,
        Metadata,
        Mismatch,
        MonthDownloads,
        Photo,
        Query,
        RisingKeyword,
    )
    from vistazo.remote.library import RemoteLibrary
    from vistazo.search.hits import Hits
    from vistazo.search.overview.atlas import PhotoMap
    from vistazo.search.overview.copies import DuplicateGroup

__version__ = "0.1.0"

_HOMES = {
    "Library": "library",
    "RemoteLibrary": "remote.library",
    "open": "opening",
    "Settings": "config",
    "VistazoError": "errors",
    "Downloads": "analytics.trends",
    "DuplicateGroup": "search.overview.copies",
    "Evaluation": "evaluation.report",
    "Hits": "search.hits",
    "PhotoMap": "search.overview.atlas",
    "Candidate": "records",
    "CountryDownloads": "records",
    "Demand": "records",
    "EncoderSpec": "records",
    "Failure": "records",
    "Hit": "records",
    "IngestReport": "records",
    "KeywordDownloads": "records",
    "LoadReport": "records",
    "Metadata": "records",
    "Mismatch": "records",
    "MonthDownloads": "records",
    "Photo": "records",
    "Query": "records",
    "RisingKeyword": "records",
}

__all__ = [
    "Candidate",
    "CountryDownloads",
    "Demand",
    "Downloads",
    "DuplicateGroup",
    "EncoderSpec",
    "Evaluation",
    "Failure",
    "Hit",
    "Hits",
    "IngestReport",
    "KeywordDownloads",
    "Library",
    "LoadReport",
    "Metadata",
    "Mismatch",
    "MonthDownloads",
    "Photo",
    "PhotoMap",
    "Query",
    "RemoteLibrary",
    "RisingKeyword",
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

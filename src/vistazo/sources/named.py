"""Sources by name: `unsplash:DIR`, `urls:FILE`, `parquet:PATH`, `hf:OWNER/DATASET`, or a folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vistazo.errors import UsageError
from vistazo.sources.folder import FolderSource

if TYPE_CHECKING:
    from vistazo.sources.base import Source

_KINDS = frozenset({"unsplash", "urls", "parquet", "hf"})


def source_of(source: str | os.PathLike[str] | Source, *, vectors_of: str | None = None) -> Source:
    """The source a name stands for; a source stays itself.

    A path that exists is a folder of pictures, whatever it is called.

    Args:
        vectors_of: name of the encoder that made a data set's embeddings, where it does not say.
    Raises:
        SourceError: there is no such folder, file or data set.
        UsageError: `vectors_of` with a source that has no embeddings.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    kind, rest = kind_of(source)
    if kind == "parquet":
        from vistazo.sources.parquet import ParquetSource

        return ParquetSource(rest, vectors_of=vectors_of)
    if kind == "hf":
        from vistazo.sources.hub import HubSource

        return HubSource(rest, vectors_of=vectors_of)
    if vectors_of is not None:
        raise UsageError("only parquet: and hf: sources bring vectors; leave --vectors-of out")
    if kind == "unsplash":
        from vistazo.sources.unsplash import UnsplashSource

        return UnsplashSource(rest)
    if kind == "urls":
        from vistazo.sources.urls import UrlsSource

        return UrlsSource(rest)
    return FolderSource(source)


def kind_of(source: str | os.PathLike[str]) -> tuple[str, str]:
    """(kind, what follows it) of a source's name; a plain path has the kind ''."""
    text = os.fspath(source)
    kind, _, rest = text.partition(":")
    plain = not isinstance(source, str) or not rest or os.path.lexists(text)
    return ("", text) if plain or kind not in _KINDS else (kind, rest)

"""A source of web addresses, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vistazo.sources.base import Item


class WebSource:
    """Addresses, in their order; `read` must never be called for them."""

    def __init__(self, urls: Sequence[str], name: str = "urls:test", fingerprint: str = "") -> None:
        self._urls = urls
        self._name = name
        self._fingerprint = fingerprint

    @property
    def name(self) -> str:
        return self._name

    def items(self) -> Iterator[Item]:
        for url in self._urls:
            yield Item(url, name=url, fingerprint=self._fingerprint)

    def read(self, item: Item) -> bytes:
        raise AssertionError(f"{item.url} is not the source's to read")

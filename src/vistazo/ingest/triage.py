"""Which items of a source need work, and under which id they are or will be in the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vistazo.errors import FetchError, ItemError
from vistazo.records import Failure, Photo, printable, uri_of
from vistazo.sources.base import Item, hashed_id
from vistazo.store.store import Store


@dataclass(frozen=True, slots=True)
class Work:
    """An item that must be read.

    Attributes:
        photo_id: the id its row gets.
        old: the row that stands under this id now.
        stale_ids: rows of the same file under other ids, to be taken out.
    """

    item: Item
    photo_id: str
    old: Photo | None = None
    stale_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sorted:
    """A chunk of items, sorted by what is to be done with them."""

    work: list[Work]
    unchanged: int
    standing: list[Failure]
    failed: list[tuple[Item, ItemError]]


class Triage:
    """Sorts items against the library.

    Args:
        store: the library's photos.
        source_name: tells a second folder's `a/1.jpg` from the first one's.
        failures: those that stand, by URL.
        retry_failed: take up only items that failed before.
    """

    def __init__(
        self,
        store: Store,
        source_name: str,
        failures: Mapping[str, Failure],
        *,
        retry_failed: bool,
    ) -> None:
        self._store = store
        self._source = source_name
        self._failures = failures
        self._retry_failed = retry_failed
        self._claimed: dict[str, str] = {}

    def sort(self, items: Sequence[Item]) -> Sorted:
        """Sort a chunk with two look-ups in the database, however long it is."""
        ids = {name for item in items for name in self._possible_ids(item)}
        by_id = self._store.get(sorted(ids))
        by_url = {
            photo.url: photo
            for photo in self._store.find("photo_image_url", [item.url for item in items])
        }
        result = Sorted(work=[], unchanged=0, standing=[], failed=[])
        unchanged = 0
        for item in items:
            failure = self._failures.get(item.url)
            if self._retry_failed and failure is None:
                continue
            if item.problem is not None:
                result.failed.append((item, item.problem))
                continue
            if failure is not None and not self._retry_failed and _still_stands(failure, item):
                result.standing.append(failure)
                continue
            try:
                work = self._identify(item, by_id, by_url)
            except ItemError as error:
                result.failed.append((item, error))
                continue
            if _is_current(work):
                unchanged += 1
            else:
                result.work.append(work)
        return Sorted(result.work, unchanged, result.standing, result.failed)

    def _possible_ids(self, item: Item) -> tuple[str, ...]:
        if item.photo_id:
            return (item.photo_id,)
        return (hashed_id(item.name), self._apart(item))

    def _apart(self, item: Item) -> str:
        """The id of an item whose relative path is taken by a living file of another source."""
        return hashed_id(f"{self._source}/{item.name}")

    def _identify(
        self, item: Item, by_id: Mapping[str, Photo], by_url: Mapping[str, Photo]
    ) -> Work:
        same_file = by_url.get(item.url)
        if item.photo_id:
            owner = by_id.get(item.photo_id)
            first = self._claimed.setdefault(item.photo_id, item.url)
            if owner is not None and owner.url != item.url and alive(owner.url):
                first = owner.url
            if first != item.url:
                raise FetchError(
                    f"its photo_id {item.photo_id} belongs to {printable(uri_of(first))} already;"
                    " give one of them another id in the captions table",
                    code="duplicate-id",
                )
            moved = same_file is not None and same_file.photo_id != item.photo_id
            stale = (same_file.photo_id,) if moved and same_file else ()
            return Work(item, item.photo_id, owner, stale)
        if same_file is not None:
            return Work(item, same_file.photo_id, same_file)
        plain, apart = self._possible_ids(item)
        owner = by_id.get(plain)
        if owner is not None and alive(owner.url):
            return Work(item, apart, by_id.get(apart))
        return Work(item, plain, owner)


def alive(url: str) -> bool:
    """Whether a local photo's file is still there; web addresses are taken to be."""
    if not url.startswith("file:"):
        return True
    try:
        return Path(uri_of(url)).exists()
    except OSError:
        return True


def _is_current(work: Work) -> bool:
    old = work.old
    return (
        old is not None
        and not work.stale_ids
        and old.url == work.item.url
        and old.fingerprint == work.item.fingerprint
    )


def _still_stands(failure: Failure, item: Item) -> bool:
    # What could not be read may be readable now; a bad file stays bad until it changes.
    return failure.stage == "decode" and failure.fingerprint == item.fingerprint

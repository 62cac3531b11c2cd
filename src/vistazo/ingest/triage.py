"""Which items of a source need work, and under which id they are or will be in the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vistazo.errors import FetchError, ItemError
from vistazo.records import Failure, Photo, printable, uri_of
from vistazo.sources.base import Item, hashed_id
from vistazo.store.store import Store

_REMEMBERED = 50_000  # far more than can be under way
_FINAL = frozenset({"status-404", "status-410", "opted-out", "content-type"})


@dataclass(frozen=True, slots=True)
class Work:
    """An item that must be read.

    Attributes:
        photo_id: the id its row gets.
        old: the row that stands under this id now.
        stale: the row of the same file under another id, to be taken out.
    """

    item: Item
    photo_id: str
    old: Photo | None = None
    stale: Photo | None = None


@dataclass(slots=True)
class Sorted:
    """A chunk of items, sorted by what is to be done with them.

    Attributes:
        standing: failures of files that have not changed since.
        mended: URLs of failures whose file is again as the library has it.
    """

    work: list[Work] = field(default_factory=list)
    unchanged: int = 0
    standing: list[Failure] = field(default_factory=list)
    failed: list[tuple[Item, ItemError]] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)


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
        self._hashed: dict[str, str] = {}  # the latest ones, which may not be written yet

    def sort(self, items: Sequence[Item]) -> Sorted:
        """Sort a chunk with two look-ups in the database, however long it is."""
        ids = {name for item in items for name in self._possible_ids(item)}
        by_id = self._store.get(sorted(ids))
        by_url = {
            photo.url: photo
            for photo in self._store.find("photo_image_url", [item.url for item in items])
        }
        result = Sorted()
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
                result.unchanged += 1
                if failure is not None:
                    result.mended.append(item.url)
            else:
                result.work.append(work)
        return result

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
            first = self._hashed.get(item.photo_id) or self._claimed.setdefault(
                item.photo_id, item.url
            )
            if owner is not None and owner.url != item.url and alive(owner.url):
                first = owner.url
            if first != item.url:
                raise id_taken(item.photo_id, first)
            renamed = same_file is not None and same_file.photo_id != item.photo_id
            return Work(item, item.photo_id, owner, same_file if renamed else None)
        if same_file is not None:
            return Work(item, same_file.photo_id, same_file)
        plain, apart = self._possible_ids(item)
        owner = by_id.get(plain)
        if (owner is not None and alive(owner.url)) or self._claim_hashed(plain, item.url):
            return Work(item, apart, by_id.get(apart))
        return Work(item, plain, owner)

    def _claim_hashed(self, photo_id: str, url: str) -> bool:
        """Whether another item of this run has the id; else it is this one's.

        Items are written in the order they are done. Without this, one whose own id is the hash
        of an earlier one's name could be written first, or not, by chance.
        """
        first = self._claimed.get(photo_id) or self._hashed.setdefault(photo_id, url)
        if len(self._hashed) > _REMEMBERED:
            del self._hashed[next(iter(self._hashed))]
        return first != url


def id_taken(photo_id: str, url: str) -> FetchError:
    """The failure of an item that wants the id of another file."""
    return FetchError(
        f"its photo_id {photo_id} belongs to {printable(uri_of(url))} already;"
        " give one of them another id in the captions table",
        code="duplicate-id",
    )


def alive(url: str) -> bool:
    """Whether a local photo's file may still be there; web addresses are taken to be.

    Only a file that is certainly gone is not: one behind a link whose target is missing may come
    back with the disk it lies on, and one that cannot be looked at may be there.
    """
    if not url.startswith("file:"):
        return True
    path = Path(uri_of(url))
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return any(place.is_symlink() and not place.exists() for place in (path, *path.parents))
    except ValueError:  # no path of this system
        return False
    except OSError:
        return True
    return True


def _is_current(work: Work) -> bool:
    old = work.old
    return (
        old is not None
        and work.stale is None
        and old.url == work.item.url
        and old.fingerprint == work.item.fingerprint
    )


def _still_stands(failure: Failure, item: Item) -> bool:
    """Whether asking again would bring the same answer.

    What could not be read may be readable now; a bad file stays bad until it changes. A web
    server that says for good that there is no such picture, or that its publisher opts out, is
    not asked by every run; one that was silent, busy or unknown is. So is an address that was
    refused here (private, too large), as a setting may have changed.
    """
    final = failure.stage == "decode" or (failure.stage == "fetch" and failure.code in _FINAL)
    return final and failure.fingerprint == item.fingerprint

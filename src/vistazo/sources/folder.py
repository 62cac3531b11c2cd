"""Pictures in a folder and the folders below it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vistazo.errors import FetchError, SourceError
from vistazo.records import printable, url_of
from vistazo.sources.base import Item
from vistazo.sources.captions import NO_CAPTION, Caption, CaptionsTable
from vistazo.sources.local import MAX_BYTES, fingerprint, read_file, unreadable_file

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"}
    | {".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)
# What operating systems, archivers and network drives leave in folders of pictures.
LITTER = frozenset(
    {
        "#recycle",
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "desktop.ini",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)


@dataclass(frozen=True, slots=True)
class _Captions:
    """The table that applies in a folder, and that folder's path from the table's, with `/`."""

    table: CaptionsTable | None = None
    prefix: str = ""

    def below(self, folder: str | Path, name: str) -> _Captions:
        own = CaptionsTable.in_folder(folder)
        return _Captions(own) if own else replace(self, prefix=f"{self.prefix}{name}/")

    def of(self, name: str) -> Caption:
        return self.table.caption(self.prefix + name) if self.table else NO_CAPTION


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to walk.

    Attributes:
        name: path from the root, empty for the root itself.
        outer: the captions that apply in the folder above.
    """

    path: Path
    name: str = ""
    outer: _Captions = field(default_factory=_Captions)


class FolderSource:
    """Every picture of a folder, recursively, with what captions tables say of it.

    Hidden files, files without an image suffix and what systems leave behind are passed over.
    Symlinks are followed. Each real folder is walked once: under its own name where it lies below
    the root, and only else under the name of the first link to it; a link to a folder above the
    root is not followed, as it would bring in everything else there.

    Args:
        root: the folder.
        max_bytes: larger files are refused when read.
    Raises:
        SourceError: the root is missing or no folder.
    """

    def __init__(self, root: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        shown = printable(os.fspath(root))
        try:
            self._root = Path(os.path.realpath(root))
            status = self._root.stat()
        except FileNotFoundError as error:
            raise SourceError(f"the folder {shown} does not exist") from error
        except (OSError, ValueError) as error:
            raise _unreadable_root(shown, error) from error
        if not stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{shown} is not a folder; give the folder that holds it")

    @property
    def name(self) -> str:
        """`file:` URL of the root, links resolved."""
        return url_of(self._root)

    def items(self) -> Iterator[Item]:
        """Every picture, ordered by name within each folder, linked folders last.

        A dangling link with an image's name and a folder that cannot be listed come as items with
        a `problem`; the latter's `url` is the folder's.

        Raises:
            SourceError: the root cannot be listed, or a captions table cannot be read.
        """
        taken: set[str] = set()
        for item in self._walk():
            if item.photo_id and item.photo_id in taken:
                item = replace(item, photo_id="")  # two files of one id: the first has it
            taken.add(item.photo_id)
            yield item

    def read(self, item: Item) -> bytes:
        """The bytes of one picture; called from several threads.

        Raises:
            FetchError: `missing`, `unreadable` or `too-large`.
        """
        if item.problem is not None:
            raise item.problem
        return read_file(item.url, self._max_bytes)

    def _walk(self) -> Iterator[Item]:
        seen = self._above()
        links: deque[_Folder] = deque()
        outer = _Captions(CaptionsTable.in_folder(self._root.parent))
        pending = [self._list(_Folder(self._root, outer=outer), seen, links)]
        while pending or links:
            if not pending:
                # Only now, so that no link takes a folder away from its own name.
                pending.append(self._list(links.popleft(), seen, links))
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
            elif isinstance(found, _Folder):
                pending.append(self._list(found, seen, links))
            else:
                yield found

    def _above(self) -> set[tuple[int, int]]:
        """Identities of the folders that hold the root: a link to one of them is a loop."""
        seen: set[tuple[int, int]] = set()
        for path in self._root.parents:
            with contextlib.suppress(OSError):
                seen.add(_identity(path.stat()))
        return seen

    def _list(
        self, folder: _Folder, seen: set[tuple[int, int]], links: deque[_Folder]
    ) -> Iterator[Item | _Folder]:
        """What a folder holds: pictures and folders in order; linked folders go to `links`."""
        try:
            identity = _identity(folder.path.stat())
            if identity in seen:
                return
            seen.add(identity)
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            shown = printable(str(folder.path))
            if not folder.name:
                raise _unreadable_root(shown, error) from error
            if not isinstance(error, FileNotFoundError):  # else gone since its parent was listed
                problem = unreadable_file(shown, error)
                yield Item(url_of(folder.path), folder.name, problem=problem)
            return
        captions = folder.outer.below(folder.path, folder.path.name)
        prefix = f"{folder.name}/" if folder.name else ""
        for entry in entries:
            if entry.name.startswith(".") or entry.name.casefold() in LITTER:
                continue
            found = _look_at(entry, prefix + entry.name, captions)
            if isinstance(found, _Folder) and entry.is_symlink():
                links.append(found)
            elif found is not None:
                yield found


def _look_at(entry: os.DirEntry[str], name: str, captions: _Captions) -> Item | _Folder | None:
    """A picture, a folder, or neither; `name` is the path from the root."""
    pictured = Path(entry.name).suffix.lower() in IMAGE_SUFFIXES
    linked = entry.is_symlink()
    if not linked and not pictured and not entry.is_dir(follow_symlinks=False):
        return None  # spares a system call for each file that is no picture
    try:
        status = entry.stat()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        if not pictured or (gone and not linked):
            return None
        shown = printable(entry.path)
        problem = unreadable_file(shown, error)
        if gone:
            problem = FetchError(f"the link {shown} points at nothing", code="missing")
        return Item(url_of(entry.path), name, problem=problem)
    if stat.S_ISDIR(status.st_mode):
        return _Folder(Path(entry.path), name, captions)
    if not pictured or not stat.S_ISREG(status.st_mode):
        return None
    caption = captions.of(entry.name)
    return Item(
        url=url_of(entry.path),
        name=name,
        photo_id=caption.photo_id,
        fingerprint=fingerprint(status, caption.signature),
        metadata=caption.metadata,
    )


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _unreadable_root(shown: str, error: Exception) -> SourceError:
    reason = getattr(error, "strerror", None) or str(error)
    return SourceError(f"the folder {shown} cannot be read: {reason}")


if TYPE_CHECKING:
    from vistazo.sources.base import Source

    def _conforms(source: FolderSource) -> Source:
        return source

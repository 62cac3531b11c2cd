"""What a search returns: a list of hits that can show itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from vistazo.records import Hit

if TYPE_CHECKING:
    from vistazo.display.grid import Grid

NOTHING_MATCHES = (
    "nothing in the library really matches: these are the nearest, and stand out no more than some"
    " photos do for any query"
)


class Hits(list[Hit]):
    """Hits, best first.

    Args:
        thumbnails: gives WebP or JPEG bytes by photo id.
        title: shown above the grid.
    """

    def __init__(
        self,
        hits: Iterable[Hit],
        thumbnails: Callable[[Sequence[str]], Mapping[str, bytes]],
        title: str = "",
    ) -> None:
        super().__init__(hits)
        self._thumbnails = thumbnails
        self._title = title

    @overload
    def __getitem__(self, at: SupportsIndex) -> Hit: ...

    @overload
    def __getitem__(self, at: slice) -> Hits: ...

    def __getitem__(self, at: SupportsIndex | slice) -> Hit | Hits:
        """One hit, or a part of them that can show itself too."""
        if isinstance(at, slice):
            return Hits(super().__getitem__(at), self._thumbnails, self._title)
        return super().__getitem__(at)

    def thumbnails(self) -> Mapping[str, bytes]:
        """WebP or JPEG bytes, longer side at most 320 pixels, by photo id."""
        return self._thumbnails([hit.photo_id for hit in self])

    def grid(self, *, columns: int = 5, captions: bool = True) -> Grid:
        """The pictures with scores and descriptions, as a figure: `.save(path)`, `.figure`.

        Raises:
            Unsupported: matplotlib is not installed.
        """
        from vistazo.display.grid import Grid, image_grid

        figure = image_grid(
            self, self.thumbnails(), columns=columns, title=self._title, captions=captions
        )
        return Grid(figure)

    def show(self, *, columns: int = 5, captions: bool = True) -> None:
        """Show the grid: inline in a notebook, elsewhere with the system's picture viewer.

        Raises:
            Unsupported: matplotlib is not installed, or there is no viewer.
        """
        grid = self.grid(columns=columns, captions=captions)
        ipython: Any = sys.modules.get("IPython")
        if ipython is not None and ipython.get_ipython() is not None:
            ipython.display.display(grid)
        else:
            grid.open_viewer()

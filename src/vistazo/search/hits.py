"""What a search returns: a list of hits that can show itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from vistazo.records import Hit, uri_of

if TYPE_CHECKING:
    from vistazo.asking import Query
    from vistazo.display.grid import Grid


@dataclass(frozen=True, slots=True)
class Ranked:
    """A photo in its place; the fields are those of `Hit`.

    Attributes:
        points: what its place comes from, higher first; the score where nothing else counts.
    """

    photo_id: str
    score: float = float("nan")
    why: tuple[str, ...] = ()
    unusual: float = float("nan")
    weak: bool = False
    points: float = float("nan")


def hits_of(found: Sequence[Ranked], rows: Mapping[str, Mapping[str, Any]]) -> list[Hit]:
    """Hits of what was found, in its order.

    Args:
        rows: the columns `HIT_COLUMNS` by photo id; what is not there has gone, and is left out.
    """
    return [_hit(rows[each.photo_id], each) for each in found if each.photo_id in rows]


def _hit(row: Mapping[str, Any], found: Ranked) -> Hit:
    score = found.score
    return Hit(
        photo_id=row["photo_id"],
        uri=uri_of(row["photo_image_url"]),
        score=max(-1.0, min(1.0, score)) if score == score else score,
        description=row["description"],
        width=row["width"],
        height=row["height"],
        attributes=dict(row["attributes"]),
        why=found.why,
        unusual=found.unusual,
        weak=found.weak,
    )


def title_of(query: Query) -> str:
    """What stands above the hits of a query."""
    if query.text is not None:
        return query.text
    if query.photo_id:
        return f"like {query.photo_id}"
    return "like the image" if query.image is not None or not query.like else "like what is liked"


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

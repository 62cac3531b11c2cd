"""The part of a served library's facade that looks at photos without a query."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vistazo.records import Photo
from vistazo.remote import files, jobs, reading
from vistazo.search.hits import Hits
from vistazo.search.overview.atlas import PhotoMap, Place, Theme
from vistazo.search.overview.copies import Copy, DuplicateGroup

if TYPE_CHECKING:
    from vistazo.evaluation.report import Evaluation
    from vistazo.remote.address import ServerAddress
    from vistazo.remote.transport import Transport

_THUMBNAILS = 500  # in one request


class RemoteBrowsing:
    """What `RemoteLibrary` has of these methods; it brings the attributes."""

    _transport: Transport

    @property
    def address(self) -> ServerAddress:
        """Where the server is."""
        return self._transport.address

    def random(self, k: int = 1, *, where: str = "") -> Hits:
        """Up to k different photos by chance; their score is NaN."""
        rows = self._transport.post("/library/random", {"k": k, "where": where})["hits"]
        return Hits(map(reading.hit, rows), self.thumbnails)

    def photo(self, photo_id: str) -> Photo:
        """One photo with all that is known of it; see `Library`."""
        return reading.photo(self._transport.post("/library/photo", {"photo_id": photo_id}))

    def thumbnails(self, photo_ids: Sequence[str]) -> dict[str, bytes]:
        """WebP or JPEG bytes by photo id, longer side at most 320 pixels; see `Library`."""
        ids = list(dict.fromkeys(photo_ids))
        found: dict[str, bytes] = {}
        for start in range(0, len(ids), _THUMBNAILS):
            body = {"photo_ids": ids[start : start + _THUMBNAILS]}
            line, _, data = self._transport.ask("/library/thumbnails", body).partition(b"\n")
            at = 0
            for photo_id, size in json.loads(line):
                found[photo_id] = data[at : at + size]
                at += size
        return found

    def map(self, *, where: str = "", themes: int | None = None, limit: int = 25_000) -> PhotoMap:
        """Photos in the plane, and their themes, made at the server; see `Library`."""
        body = {"where": where, "themes": themes, "limit": limit}
        made = self._transport.post("/library/map", body)
        themes_made = [{**each, "words": tuple(each["words"])} for each in made["themes"]]
        return PhotoMap(
            places=tuple(Place(*each) for each in made["places"]),
            themes=tuple(Theme(**each) for each in themes_made),
            total=made["total"],
            method=made["method"],
        )

    def evaluate(
        self,
        labels: str | os.PathLike[str],
        *,
        split: str = "test",
        column: str | None = None,
        template: str = "a photo of {}",
        among: str = "set",
        search: bool = False,
        depth: int = 100,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Evaluation:
        """How well texts find the pictures of a labelled set, measured at the server; see `Library`.

        Args:
            labels: a path of the server's machine.
        Raises:
            Unsupported: only this machine has the set.
            AccessDenied: the token does not let its holder have the server work so long.
        """
        from vistazo.evaluation.plan import plan_of
        from vistazo.evaluation.report import Evaluation

        plan_of(among, search=search, depth=depth)
        path = files.path_there(os.fspath(labels), self.address)
        body = {
            "labels": path,
            "split": split,
            "column": column,
            "template": template,
            "among": among,
            "search": search,
            "depth": depth,
        }
        with files.only_here(path, self.address):
            report = jobs.run(self._transport, "/evaluations", body, _counting(on_progress))
        return Evaluation(**report)

    def duplicates(
        self,
        *,
        exact: bool = False,
        where: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[DuplicateGroup]:
        """Groups of photos that are the same, compared at the server; see `Library`.

        Paths come in one printable line.

        Raises:
            AccessDenied: the token does not let its holder have the server work so long.
        """

        body = {"exact": exact, "where": where}
        report = jobs.run(self._transport, "/duplicates", body, _counting(on_progress))
        return [
            DuplicateGroup(Copy(**group["best"]), tuple(Copy(**each) for each in group["copies"]))
            for group in report["groups"]
        ]


def _counting(
    on_progress: Callable[[int, int], None] | None,
) -> Callable[[Mapping[str, Any]], None] | None:
    if on_progress is None:
        return None

    def tell(state: Mapping[str, Any]) -> None:
        on_progress(state["done"], state["total"] or 0)

    return tell

"""The part of the library's facade that looks at photos without a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vistazo.analytics.selection import Selection
from vistazo.errors import PhotoNotFound
from vistazo.records import Photo, printable
from vistazo.search.hits import Hits
from vistazo.store.filters import compile_filter

if TYPE_CHECKING:
    import os

    from vistazo.encoders.choice import EncoderChoice
    from vistazo.evaluation.report import Evaluation
    from vistazo.records import Float32Array
    from vistazo.search.engine import Engine
    from vistazo.search.memory.resident import ResidentPath
    from vistazo.search.overview.atlas import PhotoMap
    from vistazo.search.overview.copies import DuplicateGroup
    from vistazo.store.connection import Connection
    from vistazo.store.store import Store


class Browsing:
    """What `Library` has of these methods; it brings the attributes."""

    connection: Connection
    _store: Store
    _engine: Engine
    _resident: ResidentPath
    _encoder: EncoderChoice

    def random(self, k: int = 1, *, where: str = "") -> Hits:
        """Up to k different photos by chance; their score is NaN."""
        return Hits(self._engine.random(k, where), self.thumbnails)

    def photo(self, photo_id: str) -> Photo:
        """One photo with all that is known of it.

        Raises:
            PhotoNotFound: there is no such photo.
        """
        found = self._store.get([photo_id])
        if photo_id not in found:
            shown = printable(photo_id)
            raise PhotoNotFound(f"there is no photo with the id '{shown}' in the library")
        return found[photo_id]

    def thumbnails(self, photo_ids: Sequence[str]) -> dict[str, bytes]:
        """WebP or JPEG bytes by photo id, longer side at most 320 pixels.

        Ids that are unknown, or of a photo that came with its vector, are left out.
        """
        return self._store.thumbnails(photo_ids)

    def selection(self, photo_ids: Sequence[str]) -> Selection:
        """Photos that somebody picked: their downloads, ranked, and their rows."""
        return Selection(self.connection, photo_ids)

    def duplicates(
        self,
        *,
        exact: bool = False,
        where: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[DuplicateGroup]:
        """Groups of photos that are the same, each with the copy to keep; nothing is removed.

        Args:
            exact: only files of the same bytes; else also pictures that were scaled, saved anew or
                touched up a little.
            where: look only among the photos of this filter.
            on_progress: called with how many photos have been compared, and how many there are.
        """
        from vistazo.search.overview.duplicates import find_duplicates

        filters = compile_filter(where)
        self._engine.check_filled()
        return find_duplicates(
            self.connection, self._store, filters, exact_only=exact, on_progress=on_progress
        )

    def map(
        self,
        *,
        where: str = "",
        themes: int | None = None,
        limit: int = 25_000,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> PhotoMap:
        """Photos in the plane, like ones near each other, and sorted into themes with names.

        The same photos have the same map each time.

        Args:
            where: only the photos of this filter.
            themes: how many, 1 to 60; None takes as many as suit the photos.
            limit: of more photos than this, 1 to 100,000, so many by chance.
            on_progress: called with how many steps were taken, and how many there are.
        """
        from vistazo.search.overview.map import check_map, make_map

        check_map(themes, limit)
        filters = compile_filter(where)
        self._engine.check_filled()

        def encode(texts: Sequence[str]) -> Float32Array:
            return self._encoder.get().encode_texts(texts)

        return make_map(
            self.connection,
            encode,
            filters,
            themes=themes,
            limit=limit,
            on_progress=on_progress,
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
        """Measure how well texts find the pictures that a labelled set says they should.

        Args:
            labels: a captions table, a JSON file of Karpathy's splits, or a folder of classes; its
                pictures must have been indexed.
            split: of a file of Karpathy's.
            column: of a captions table; None takes `caption_en`, `caption` or `description`.
            template: the text of a class, `{}` being its name.
            among: `set` looks among the set's pictures, `library` among all photos.
            search: search as the library does, instead of comparing all vectors exactly.
            depth: with `search`, how many places are looked at, 1 to 100,000.
            on_progress: called with how many steps were taken, and how many there are.
        Raises:
            SourceError: the set cannot be read, or the library has none of its pictures.
        """
        from vistazo.evaluation.labels import read_labels
        from vistazo.evaluation.plan import plan_of
        from vistazo.evaluation.retrieval import evaluate
        from vistazo.store.filters import Filter

        plan = plan_of(among, search=search, depth=depth)
        read = read_labels(Path(labels), split=split, column=column, template=template)
        state = self._engine.check_filled()

        def nearest(vector: Float32Array, k: int) -> list[str]:
            found = self._resident.nearest(vector, k, Filter(), state)
            return [each.photo_id for each in found]

        def named() -> str:
            return self._resident.explain(depth, Filter(), state)[0]

        encoder = self._encoder.get()
        return evaluate(read, self.connection, encoder, plan, (nearest, named), on_progress)

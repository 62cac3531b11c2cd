"""The part of the library's facade that looks at photos without a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistazo.analytics.selection import Selection
from vistazo.errors import PhotoNotFound
from vistazo.records import Photo, printable
from vistazo.search.hits import Hits

if TYPE_CHECKING:
    from vistazo.search.engine import Engine
    from vistazo.store.connection import Connection
    from vistazo.store.store import Store


class Browsing:
    """What `Library` has of these methods; it brings the attributes."""

    connection: Connection
    _store: Store
    _engine: Engine

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

"""From a query to hits: check it, turn it into a vector and a filter, ask a path, fill in rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from vistazo.errors import InvalidQuery, LibraryEmpty, PhotoNotFound
from vistazo.records import Hit, Photo, Query, printable
from vistazo.search.fusion import Blend, Ranked, Ranker, Ranking
from vistazo.search.limits import check_k
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.records import EncoderSpec, Float32Array
    from vistazo.store.store import Neighbour, State, Statement, Store

_TEXTS = 256  # whose vectors are kept: who pages through hits sends the same text again


class SearchPath(Protocol):
    """A way to read the k nearest photos; the tables stay the only truth."""

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """The k nearest that match, exact scores, best first, ties by photo id.

        Args:
            state: of the photos, as it was read for this search; None has the path read it.
        """
        ...

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> tuple[pa.Array, Float32Array]:
        """All photos that match, in the order of their ids, with exact scores: (n,) and (n,)."""
        ...


class DatabasePath:
    """The database's own exact scan, or its vector index where that answers right.

    A filter is answered by an exact scan of the rows that match where the index applies filters to
    its candidates afterwards, and so would return too few.
    """

    # Three times k candidates must fit under the index's own limit of 10,000.
    _MAX_INDEXED_K = 3000

    def __init__(self, store: Store) -> None:
        self._store = store
        self._has_index: bool | None = None

    def refresh(self) -> None:
        """Look again whether there is an index, at the next search."""
        self._has_index = None

    def uses_index(self, k: int, filters: Filter) -> bool:
        """Whether the vector index answers."""
        if k > self._MAX_INDEXED_K or (filters.sql and not self._store.prefilters):
            return False
        if self._has_index is None:
            self._has_index = self._store.index_status().state in ("Built", "InProgress")
        return self._has_index

    def explain(self, k: int, filters: Filter) -> tuple[str, str]:
        """Which way k hits are found, and a sentence that says why."""
        if self.uses_index(k, filters):
            return "index", "the vector index covers the library and nothing is filtered"
        if filters.sql:
            return "database", "a filter is answered by reading the rows that match"
        if k > self._MAX_INDEXED_K:
            return "database", "so many hits are found by reading every row"
        return "database", "there is no vector index: every row is read"

    def nearest(
        self, vector: Float32Array, k: int, filters: Filter, state: State | None = None
    ) -> list[Neighbour]:
        """See `SearchPath`."""
        indexed = self.uses_index(k, filters)
        return self._store.nearest(vector, k, filters, indexed=indexed)

    def everything(
        self, vector: Float32Array, filters: Filter, state: State | None = None
    ) -> tuple[pa.Array, Float32Array]:
        """See `SearchPath`."""
        return self._store.scores(vector, filters)

    def statement(self, target: Target) -> Statement:
        """The search as SQL (columns photo_id, score), to be a subquery of another."""
        # `nearest` counts what it got and reads on; a statement inside another cannot.
        indexed = self.uses_index(target.k, target.filters) and not self._store.has_deleted_rows()
        filters = target.filters
        if target.exclude:
            filters = filters.excluding(target.exclude)
        return self._store.statement(target.vector, target.k, filters, indexed=indexed)


@dataclass(frozen=True, slots=True)
class Target:
    """A query, ready for a path.

    Attributes:
        vector: (dim,) float32, L2 norm 1.
        exclude: a photo id that is not wanted, or empty.
        state: of the photos when the query was checked.
        words: what is looked for among the photos' words.
        blend: how the hits are put in order.
    """

    vector: Float32Array
    k: int
    filters: Filter
    exclude: str = ""
    state: State | None = None
    words: str = ""
    blend: Blend = field(default_factory=Blend)


class Engine:
    """Answers queries over one library.

    Args:
        encoder: gives the library's encoder, loaded at the first query that needs it.
        read_image: a path, bytes or PIL image to an upright RGB image; raises InvalidQuery.
    """

    def __init__(
        self,
        store: Store,
        path: SearchPath,
        encoder: Callable[[], Encoder],
        read_image: Callable[[Any], Image],
    ) -> None:
        self._store = store
        self._ranker = Ranker(store.connection, path)
        self._encoder = encoder
        self._read_image = read_image
        self._texts: OrderedDict[tuple[EncoderSpec, str], Float32Array] = OrderedDict()
        self._guard = threading.Lock()
        self.texts_asked = self.texts_known = 0

    def search(self, query: Query) -> list[Hit]:
        """The k photos that fit the query best, best first; never the query's own photo.

        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: there is nothing to find.
            PhotoNotFound: the query's `photo_id` is not in the library.
        """
        return self.hits(self.ranked(self.target(query)).found)

    def ranked(self, target: Target, offset: int = 0) -> Ranking:
        """What fits a query that was checked, in the order it wants, after the first `offset`."""
        return self._ranker.rank(target, target.state or self._store.state(), offset)

    def statement(self, query: Query, database: DatabasePath) -> Statement:
        """What a query finds as SQL (columns photo_id, score), to be a subquery of another."""
        target = self.target(query)
        if target.blend.by_picture:
            return database.statement(target)
        # The database counts these scores once more, so that they are the same whoever ranked.
        ids = [each.photo_id for each in self.ranked(target).found]
        listed = Filter("photo_id IN (SELECT arrayJoin({listed:Array(String)}))", {"listed": ids})
        return self._store.statement(target.vector, max(len(ids), 1), listed, indexed=False)

    def hits(self, found: Sequence[Ranked]) -> list[Hit]:
        """The photos that were found; those that have gone meanwhile are left out."""
        photos = self._store.get([each.photo_id for each in found])
        return [
            replace(
                hit_of(photos[each.photo_id], each.score),
                why=each.why,
                unusual=each.unusual,
                weak=each.weak,
            )
            for each in found
            if each.photo_id in photos
        ]

    def random(self, k: int, where: str) -> list[Hit]:
        """Up to k different photos by chance; their score is NaN."""
        check_k(k)
        filters = compile_filter(where)
        self.check_filled()
        ids = self._store.random_ids(k, filters)
        photos = self._store.get(ids)
        return [hit_of(photos[each], float("nan")) for each in ids if each in photos]

    def target(self, query: Query) -> Target:
        """Check a query and embed it."""
        blend = Blend.of(query)
        return replace(self._target(query), words=query.text or "", blend=blend)

    def _target(self, query: Query) -> Target:
        check_k(query.k)
        given = (query.text, query.image, query.photo_id, query.vector)
        if sum(each is not None for each in given) != 1:
            raise InvalidQuery("give exactly one of: a text, an image, the id of a photo")
        filters = compile_filter(query.where)
        if query.text is not None and not query.text.strip():
            raise InvalidQuery("the query is empty; say in words what you are looking for")
        image = None if query.image is None else self._read_image(query.image)
        state = self.check_filled()
        if query.text is not None:
            return Target(self._of_text(query.text), query.k, filters, state=state)
        if query.vector is not None:
            return Target(query.vector, query.k, filters, state=state)
        if image is not None:
            vector = self._encoder().encode_images([image])[0]
            return Target(vector, query.k, filters, state=state)
        assert query.photo_id is not None
        vector = self._of_photo(query.photo_id)
        return Target(vector, query.k, filters, query.photo_id, state)

    def _of_text(self, text: str) -> Float32Array:
        encoder = self._encoder()
        key = (encoder.spec, text)
        with self._guard:
            self.texts_asked += 1
            if (known := self._texts.get(key)) is not None:
                self.texts_known += 1
                self._texts.move_to_end(key)
                return known
        vector: Float32Array = encoder.encode_texts([text]).reshape(-1)
        with self._guard:
            self._texts[key] = vector
            while len(self._texts) > _TEXTS:
                self._texts.popitem(last=False)
        return vector

    def _of_photo(self, photo_id: str) -> Float32Array:
        vectors = self._store.embeddings([photo_id])
        if photo_id not in vectors:
            shown = printable(photo_id)
            raise PhotoNotFound(f"there is no photo with the id '{shown}' in the library")
        return vectors[photo_id]

    def check_filled(self) -> State:
        """The state of the photos; raises LibraryEmpty where there is nothing to find."""
        state = self._store.state()
        if not state.photos:
            raise LibraryEmpty("the library is empty. Run: vistazo index FOLDER")
        return state


def hit_of(photo: Photo, score: float) -> Hit:
    """A photo that was found with this score, NaN where nothing was compared."""
    return Hit(
        photo_id=photo.photo_id,
        uri=photo.uri,
        score=max(-1.0, min(1.0, score)) if score == score else score,
        description=photo.metadata.description,
        width=photo.width,
        height=photo.height,
        attributes=photo.metadata.attributes,
    )

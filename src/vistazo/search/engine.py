"""From a query to hits: check it, turn it into a vector and a filter, ask a path, fill in rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vistazo.errors import InvalidQuery, LibraryEmpty, PhotoNotFound
from vistazo.records import Hit, Photo, Query, printable
from vistazo.search.diversity import arranged, check_diverse
from vistazo.search.feedback import MAX_JUDGED, refined
from vistazo.search.limits import check_k
from vistazo.search.query import Parsed, Term, parse
from vistazo.search.sums import weighted_sum
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
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

    def statement(self, target: Target) -> Statement:
        """The search as SQL (columns photo_id, score), to be a subquery of another."""
        # `nearest` counts what it got and reads on; a statement inside another cannot.
        indexed = self.uses_index(target.k, target.filters) and not self._store.has_deleted_rows()
        filters = target.filters
        if target.exclude:
            filters = filters.excluding(*target.exclude)
        return self._store.statement(target.vector, target.k, filters, indexed=indexed)


@dataclass(frozen=True, slots=True)
class Target:
    """A query, ready for a path.

    Attributes:
        vector: (dim,) float32, L2 norm 1.
        exclude: ids of photos that are not wanted: those that are searched with, and disliked.
        state: of the photos when the query was checked.
        fold, diverse: as in `Query`; only `Engine.nearest` heeds them.
    """

    vector: Float32Array
    k: int
    filters: Filter
    exclude: tuple[str, ...] = ()
    state: State | None = None
    fold: bool = False
    diverse: float = 0.0


class Engine:
    """Answers queries over one library.

    Args:
        encoder: gives the library's encoder, loaded at the first query that needs it.
        read_image: a path, bytes or PIL image to an upright RGB image; raises InvalidQuery.
        read_named: the same for what a text names: a path, or an address of the web.
    """

    def __init__(
        self,
        store: Store,
        path: SearchPath,
        encoder: Callable[[], Encoder],
        read_image: Callable[[Any], Image],
        read_named: Callable[[str], Image],
    ) -> None:
        self._store = store
        self._path = path
        self._encoder = encoder
        self._read_image = read_image
        self._read_named = read_named
        self._texts: OrderedDict[tuple[EncoderSpec, str], Float32Array] = OrderedDict()
        self._guard = threading.Lock()
        self.texts_asked = self.texts_known = 0

    def search(self, query: Query) -> list[Hit]:
        """The k photos nearest to the query, best first; never the query's own photo.

        Raises:
            InvalidQuery, InvalidFilter: the query cannot be searched with.
            LibraryEmpty: there is nothing to find.
            PhotoNotFound: the query's `photo_id` is not in the library.
        """
        if is_filter_only(query):
            filters = compile_filter(parse(query.text or "").where(query.where))
            self.check_filled()
            ids = self._store.newest_ids(query.k, 0, filters)
            return self.hits([(each, float("nan")) for each in ids])
        found = self.nearest(self.target(query))
        return self.hits([(each.photo_id, each.score) for each in found])

    def nearest(self, target: Target) -> list[Neighbour]:
        """The k first photos, without those that are excluded."""

        def nearest(k: int) -> list[Neighbour]:
            # Some more than wanted, so that leaving photos out needs no filter, which would keep
            # the index from answering.
            wanted = k + len(target.exclude)
            found = self._path.nearest(target.vector, wanted, target.filters, target.state)
            return [each for each in found if each.photo_id not in target.exclude][:k]

        if not (target.fold or target.diverse):
            return nearest(target.k)
        return arranged(nearest, self._store, target.k, fold=target.fold, diverse=target.diverse)

    def hits(self, found: Sequence[tuple[str, float]]) -> list[Hit]:
        """Photos by id, with their scores; those that have gone meanwhile are left out."""
        photos = self._store.get([photo_id for photo_id, _ in found])
        return [hit_of(photos[each], score) for each, score in found if each in photos]

    def random(self, k: int, where: str) -> list[Hit]:
        """Up to k different photos by chance; their score is NaN."""
        check_k(k)
        filters = compile_filter(where)
        self.check_filled()
        return self.hits([(each, float("nan")) for each in self._store.random_ids(k, filters)])

    def target(self, query: Query) -> Target:
        """Check a query and embed it."""
        check_k(query.k)
        check_diverse(query.diverse)
        given = (query.text, query.image, query.photo_id, query.vector)
        count = sum(each is not None for each in given)
        if count > 1 or (not count and not query.like):
            raise InvalidQuery("give exactly one of: a text, an image, the id of a photo")
        if query.text is not None and not query.text.strip():
            raise InvalidQuery("the query is empty; say in words what you are looking for")
        parsed = parse(query.text or "")
        filters = compile_filter(parsed.where(query.where))
        image = None if query.image is None else self._read_image(query.image)
        state = self.check_filled()
        vector = query.vector
        exclude: tuple[str, ...] = ()
        if query.text is not None:
            vector, exclude = self._of_parsed(parsed, query)
        elif image is not None:
            vector = self._encoder().encode_images([image])[0]
        elif query.photo_id is not None:
            vector, exclude = self._of_photo(query.photo_id), (query.photo_id,)
        if query.like or query.dislike:
            vector = self._judged(vector, query)
            exclude = tuple(dict.fromkeys((*exclude, *query.dislike)))
        assert vector is not None
        return Target(vector, query.k, filters, exclude, state, query.fold, query.diverse)

    def _judged(self, vector: Float32Array | None, query: Query) -> Float32Array:
        """A query's vector, moved by what was liked and disliked."""
        ids = [*dict.fromkeys(query.like)], [*dict.fromkeys(query.dislike)]
        if len(ids[0]) + len(ids[1]) > MAX_JUDGED:
            raise InvalidQuery(f"no more than {MAX_JUDGED:,} photos can be liked or disliked")
        if both := sorted(set(ids[0]) & set(ids[1])):
            raise InvalidQuery(f"the photo '{printable(both[0])}' is both liked and disliked")
        known = self._store.embeddings([*ids[0], *ids[1]])
        for photo_id in (*ids[0], *ids[1]):
            if photo_id not in known:
                shown = printable(photo_id)
                raise PhotoNotFound(f"there is no photo with the id '{shown}' in the library")
        dim = len(next(iter(known.values())))
        liked, disliked = (
            np.array([known[each] for each in part], dtype=np.float32).reshape(-1, dim)
            for part in ids
        )
        return refined(vector, liked, disliked)

    def _of_parsed(
        self, parsed: Parsed, query: Query
    ) -> tuple[Float32Array | None, tuple[str, ...]]:
        """The vector of a text's terms, and the photos among them."""
        if not parsed.terms and query.like:
            return None, ()
        if not parsed.terms:
            raise InvalidQuery("there are only filters; say in words what you are looking for")
        if parsed.plain:
            return self._of_text(parsed.terms[0].value), ()
        try:
            vectors = [self._of_term(term, query) for term in parsed.terms]
        except PhotoNotFound:
            # Somebody who types a hashtag knows nothing of photo ids.
            if len(parsed.terms) > 1:
                raise
            return self._of_text(f"#{parsed.terms[0].value}"), ()
        return weighted_sum(vectors, [term.weight for term in parsed.terms]), parsed.photo_ids

    def _of_term(self, term: Term, query: Query) -> Float32Array:
        if term.kind == "text":
            return self._of_text(term.value)
        if term.kind == "photo":
            return self._of_photo(term.value)
        if query.images is None:
            vector: Float32Array = self._encoder().encode_images([self._read_named(term.value)])[0]
            return vector
        if term.value not in query.images:
            shown = printable(term.value[:200])
            raise InvalidQuery(
                f"the picture {shown} is not read here: a server takes the addresses of pictures,"
                " not the names of its own files; send it as an image, or quote it to search for"
                " the words"
            )
        return query.images[term.value]

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


def is_filter_only(query: Query) -> bool:
    """Whether a query's text has filters and says nothing of what the photos show."""
    if query.text is None or (query.image, query.photo_id, query.vector) != (None, None, None):
        return False
    parsed = parse(query.text)
    return bool(parsed.conditions) and not parsed.terms and not query.like


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

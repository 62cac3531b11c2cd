"""A query, checked and made into a vector and a filter."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from vistazo.errors import InvalidQuery, LibraryEmpty, PhotoNotFound
from vistazo.records import Query, printable
from vistazo.search.diversity import check_diverse
from vistazo.search.feedback import MAX_JUDGED, refined
from vistazo.search.fusion import Blend
from vistazo.search.limits import check_k
from vistazo.search.query import Parsed, Term, parse
from vistazo.search.sums import weighted_sum
from vistazo.store.filters import Filter, compile_filter

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.records import EncoderSpec, Float32Array
    from vistazo.search.paths import SearchPath
    from vistazo.store.state import State
    from vistazo.store.store import Store

_TEXTS = 256  # whose vectors are kept: who pages through hits sends the same text again

Wanted = tuple[tuple[str, float], ...]  # words, and what they count


@dataclass(frozen=True, slots=True)
class Target:
    """A query, ready for a path.

    Attributes:
        vector: (dim,) float32, L2 norm 1.
        exclude: ids of photos that are not wanted: those that are searched with, and disliked.
        state: of the photos when the query was checked.
        words: what is looked for among the photos' words, with what each counts; below 0 for what
            is not wanted.
        blend: how the photos are put in order.
        fold, diverse: as in `Query`.
    """

    vector: Float32Array
    k: int
    filters: Filter
    exclude: tuple[str, ...] = ()
    state: State | None = None
    words: Wanted = ()
    blend: Blend = field(default_factory=Blend)
    fold: bool = False
    diverse: float = 0.0


class Aim:
    """Makes targets of queries; safe to use from several threads.

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

    def target(self, query: Query) -> Target:
        """Check a query and embed it."""
        check_k(query.k)
        check_diverse(query.diverse)
        blend = Blend.of(query)
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
        words: Wanted = ()
        if query.text is not None:
            vector, exclude, words = self._of_parsed(parsed, query, state)
            blend.check_words(words)
        elif image is not None:
            vector = self._encoder().encode_images([image])[0]
        elif query.photo_id is not None:
            vector, exclude = self._of_photo(query.photo_id, state), (query.photo_id,)
        if query.like or query.dislike:
            vector = self._judged(vector, query, state)
            exclude = tuple(dict.fromkeys((*exclude, *query.dislike)))
        assert vector is not None
        return Target(
            vector,
            query.k,
            filters,
            exclude,
            state,
            words=words,
            blend=blend,
            fold=query.fold,
            diverse=query.diverse,
        )

    def check_filled(self) -> State:
        """The state of the photos; raises LibraryEmpty where there is nothing to find."""
        state = self._store.state()
        if not state.photos:
            raise LibraryEmpty("the library is empty. Run: vistazo index FOLDER")
        return state

    def _judged(self, vector: Float32Array | None, query: Query, state: State) -> Float32Array:
        """A query's vector, moved by what was liked and disliked."""
        ids = [*dict.fromkeys(query.like)], [*dict.fromkeys(query.dislike)]
        if len(ids[0]) + len(ids[1]) > MAX_JUDGED:
            raise InvalidQuery(f"no more than {MAX_JUDGED:,} photos can be liked or disliked")
        if both := sorted(set(ids[0]) & set(ids[1])):
            raise InvalidQuery(f"the photo '{printable(both[0])}' is both liked and disliked")
        known = self._path.vectors([*ids[0], *ids[1]], state)
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
        self, parsed: Parsed, query: Query, state: State
    ) -> tuple[Float32Array | None, tuple[str, ...], Wanted]:
        """The vector of a text's terms, the photos among them, and its words."""
        if not parsed.terms and query.like:
            return None, (), ()
        if not parsed.terms:
            raise InvalidQuery("there are only filters; say in words what you are looking for")
        words = tuple((each.value, each.weight) for each in parsed.terms if each.kind == "text")
        if parsed.plain:
            return self._of_text(parsed.terms[0].value), (), words
        try:
            vectors = [self._of_term(term, query, state) for term in parsed.terms]
        except PhotoNotFound:
            # Somebody who types a hashtag knows nothing of photo ids.
            if len(parsed.terms) > 1:
                raise
            tag = parsed.terms[0].value
            return self._of_text(f"#{tag}"), (), ((tag, 1.0),)
        vector = weighted_sum(vectors, [term.weight for term in parsed.terms])
        return vector, parsed.photo_ids, words

    def _of_term(self, term: Term, query: Query, state: State) -> Float32Array:
        if term.kind == "text":
            return self._of_text(term.value)
        if term.kind == "photo":
            return self._of_photo(term.value, state)
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

    def _of_photo(self, photo_id: str, state: State) -> Float32Array:
        vector = self._path.vectors([photo_id], state).get(photo_id)
        if vector is None:
            shown = printable(photo_id)
            raise PhotoNotFound(f"there is no photo with the id '{shown}' in the library")
        return vector


def is_filter_only(query: Query) -> bool:
    """Whether a query's text has filters and says nothing of what the photos show.

    It then finds the newest photos.

    Raises:
        InvalidQuery: it wishes for an order that needs something to look for.
    """
    if query.text is None or (query.image, query.photo_id, query.vector) != (None, None, None):
        return False
    parsed = parse(query.text)
    if not parsed.conditions or parsed.terms or query.like:
        return False
    asked = {
        "mode words": query.mode == "words",
        "popular": query.popular != 0,
        "popular_for words": query.popular_for == "words",
        "dislike": bool(query.dislike),
        "fold": query.fold,
        "diverse": query.diverse != 0,
    }
    for name, wished in asked.items():
        if wished:
            raise InvalidQuery(
                f"{name} needs something to look for, and there are only filters: they give the"
                " newest photos; say also in words what you are looking for"
            )
    return True

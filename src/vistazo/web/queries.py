"""What a request looks for: its parameters as a query, and where its page begins."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Depends
from fastapi import Query as Parameter

from vistazo.errors import InvalidQuery
from vistazo.ingest.hosts import is_web
from vistazo.records import Query
from vistazo.search.feedback import MAX_JUDGED
from vistazo.search.paging import MAX_OFFSET
from vistazo.search.query import parse
from vistazo.search.target import is_filter_only
from vistazo.web.refusals import ImageGone
from vistazo.wishes import Mode, PopularFor

if TYPE_CHECKING:
    from collections.abc import Callable

    from vistazo.records import Float32Array
    from vistazo.search.query import Parsed
    from vistazo.web.kept_images import KeptImages
    from vistazo.web.remote_image import RemoteImages

MAX_K = 500
MAX_TEXT = 10_000
_MAX_ADDRESSES = 5
Kind = Literal["text", "image", "url", "photo", "liked", "newest"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request looks for.

    Attributes:
        query: None asks for the photos that came last.
        image_key: under which the image is kept.
    """

    kind: Kind
    query: Query | None
    k: int
    where: str
    text: str | None = None
    image_key: str | None = None

    def with_k(self, k: int) -> Asked:
        """The same, for so many hits."""
        return replace(self, k=k, query=None if self.query is None else replace(self.query, k=k))


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters that say what is looked for; at most one of the first four."""

    q: Annotated[
        str | None, Parameter(max_length=MAX_TEXT, description="words, weights, pictures, filters")
    ] = None
    url: Annotated[
        str | None, Parameter(max_length=4096, description="address of an image, http or https")
    ] = None
    photo_id: Annotated[
        str | None, Parameter(max_length=1024, description="photos like this one")
    ] = None
    image_key: Annotated[
        str | None, Parameter(max_length=64, description="an image sent before")
    ] = None
    k: Annotated[int, Parameter(ge=1, le=MAX_K, description="hits on a page")] = 20
    where: Annotated[str, Parameter(max_length=MAX_TEXT, description="a filter")] = ""
    like: Annotated[
        list[str] | None, Parameter(max_length=MAX_JUDGED, description="ids: more of these")
    ] = None
    dislike: Annotated[
        list[str] | None, Parameter(max_length=MAX_JUDGED, description="ids: less of these")
    ] = None
    mode: Annotated[Mode, Parameter(description="where words are looked for")] = "both"
    words_weight: Annotated[
        float, Parameter(ge=0, le=1, description="of photos' words beside their pictures")
    ] = 0.5
    popular: Annotated[float, Parameter(ge=0, le=1, description="weight of downloads")] = 0.0
    popular_for: Annotated[
        PopularFor, Parameter(description="all downloads, or those after a search for the words")
    ] = "all"
    half_life_days: Annotated[
        float | None, Parameter(ge=0.001, le=100_000, description="a download then counts half")
    ] = None
    cut: Annotated[bool, Parameter(description="say where nothing really matches")] = True
    fold: Annotated[bool, Parameter(description="leave out near-duplicates")] = False
    diverse: Annotated[
        float, Parameter(ge=0, le=1, description="how much likeness to hits before costs")
    ] = 0.0

    def asks(self) -> Query:
        """A query with these wishes, that says nothing yet of what is looked for."""
        return Query(
            k=self.k,
            where=self.where,
            like=tuple(self.like or ()),
            dislike=tuple(self.dislike or ()),
            mode=self.mode,
            words_weight=self.words_weight,
            popular=self.popular,
            popular_for=self.popular_for,
            half_life_days=self.half_life_days,
            cut=self.cut,
            fold=self.fold,
            diverse=self.diverse,
        )


Parameters = Annotated[Given, Depends()]


class Reader:
    """Turns parameters into queries.

    Args:
        kept: images of earlier requests.
        remote: fetches images of the web.
        vector: an image to its vector.
    """

    def __init__(
        self, kept: KeptImages, remote: RemoteImages, vector: Callable[[bytes], Float32Array]
    ) -> None:
        self._kept = kept
        self._remote = remote
        self._vector = vector

    def read(self, given: Given) -> Asked:
        """What the parameters ask for.

        Raises:
            InvalidQuery: several things at once, or no image.
            ImageGone: the image of the key is not kept any more.
            FetchError: the address does not give an image.
        """
        wanted = {
            name: value
            for name in ("q", "url", "photo_id", "image_key")
            if (value := getattr(given, name)) is not None and value.strip()
        }
        if len(wanted) > 1:
            raise InvalidQuery(f"give one of {' and '.join(wanted)}, not {len(wanted)}")
        query = given.asks()
        if not wanted and query.like:
            return Asked("liked", query, given.k, given.where)
        if not wanted:
            return Asked("newest", None, given.k, given.where)
        ((name, value),) = wanted.items()
        match name:
            case "q":
                parsed = parse(value)
                if is_filter_only(replace(query, text=value)):
                    return Asked("newest", None, given.k, parsed.where(given.where), text=value)
                query = replace(query, text=value, images=self.images(parsed))
                return Asked("text", query, given.k, given.where, text=value)
            case "photo_id":
                return Asked("photo", replace(query, photo_id=value), given.k, given.where)
            case "image_key":
                vector = self._kept.vector(value)
                if vector is None:
                    raise ImageGone(
                        "the image of this address is no longer kept: drop or paste it once more"
                    )
                query = replace(query, vector=vector)
                return Asked("image", query, given.k, given.where, image_key=value)
            case _:
                key = self._of_url(value)
                query = replace(query, vector=self._kept.vector(key))
                return Asked("url", query, given.k, given.where, text=value, image_key=key)

    def image(self, data: bytes, wishes: Query) -> Asked:
        """A query by an image that was sent."""
        key = self._keep(data)
        query = replace(wishes, vector=self._kept.vector(key))
        return Asked("image", query, query.k, query.where, image_key=key)

    def images(self, parsed: Parsed) -> dict[str, Float32Array]:
        """The vectors of the pictures that a text names by their addresses.

        Its files are not looked at: they would be this machine's, and a caller's never are.

        Raises:
            InvalidQuery: there are too many of them.
            FetchError: an address does not give an image.
        """
        addresses = [name for name in parsed.images if is_web(name)]
        if len(addresses) > _MAX_ADDRESSES:
            raise InvalidQuery(
                f"a query names at most {_MAX_ADDRESSES} pictures of the web; leave some out"
            )
        found = {name: self._kept.vector(self._of_url(name)) for name in addresses}
        return {name: vector for name, vector in found.items() if vector is not None}

    def _of_url(self, url: str) -> str:
        key = self._kept.key_of_url(url)
        if key is None or self._kept.vector(key) is None:
            key = self._keep(self._remote.fetch(url))
            self._kept.note_url(url, key)
        return key

    def _keep(self, data: bytes) -> str:
        key = self._kept.key(data)
        if self._kept.vector(key) is None:
            self._kept.keep(key, self._vector(data))
        return key


def cursor_of(offset: int, version: int) -> str:
    """Where the next page begins, in a form that callers hand back as it is."""
    text = json.dumps([offset, version], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[int, int | None]:
    """The offset, and the library's version when the first page was made.

    Raises:
        InvalidQuery: it is none of ours.
    """
    if not cursor:
        return 0, None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        offset, version = json.loads(base64.b64decode(padded, b"-_", validate=True))
        if type(offset) is int and type(version) is int and 0 <= offset <= MAX_OFFSET:
            return offset, version
    except (ValueError, TypeError, UnicodeError, binascii.Error, RecursionError):
        pass
    raise InvalidQuery("the cursor is not one that this server gave; begin with the first page")

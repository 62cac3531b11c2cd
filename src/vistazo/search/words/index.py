"""Which photos have the words of a query in their texts, and how much of the query that is.

An index in memory over captions, keywords, file names and the words that people had searched for
when they downloaded a photo. It counts for one state of the tables and is made anew when they have
changed, unless `saved` has it: the tables stay the only truth, and the same statements read them on
every engine. The engine's own index for texts only filters: it neither ranks nor knows accents or
endings.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vistazo.search.words import saved as saved_words
from vistazo.search.words.postings import Postings, Records, postings
from vistazo.search.words.roster import Roster
from vistazo.search.words.saved import Parts
from vistazo.search.words.terms import terms
from vistazo.search.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from vistazo.records import Float32Array
    from vistazo.store.connection import Connection
    from vistazo.store.state import State, Usage, Watched

MAX_TERMS = 32  # of a query
_UNKNOWN = 0.5  # of the weight of a term that no photo has
_SAVED_AGAIN_S = 60.0
_SHOWN = 5  # terms of one kind of text, when a hit says why it is there
# Kinds of texts, and what a term in one counts. What people searched for counts less where few did.
_WEIGHTS = {"caption": 1.0, "keyword": 0.9, "place": 0.9, "searched": 0.8, "file": 0.7}

_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*")

# Attributes that say what a picture shows, by the beginning or a part of their name.
_TELLING = "^(caption|title|headline|alt|subject|tags?$|keywords?$|category)|description"
_PHOTOS = f"""
    SELECT photo_id, toValidUTF8(place) AS place, toValidUTF8(file_stem) AS file,
        toValidUTF8(concat(description, '\\n', arrayStringConcat(mapValues(
            mapFilter((k, v) -> match(lower(k), '{_TELLING}'), attributes)), '\\n'))) AS caption
    FROM photos ORDER BY photo_id
"""
_KEYWORDS = "SELECT toValidUTF8(keyword) AS word, photo_id, count() AS n FROM {} WHERE keyword != '' GROUP BY keyword, photo_id"


@dataclass(frozen=True, slots=True)
class Matched:
    """Photos that have words of a query.

    Attributes:
        rows: (n,) int, numbers of photos in the index.
        shares: (n,) float32, how much of the query each has, rare words counting more; in (0, 1].
        meanings: numbers of the terms that were looked for.
    """

    rows: NDArray[np.intp]
    shares: Float32Array
    meanings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WordIndex:
    """The terms of all photos at one state of the tables.

    Attributes:
        roster: the n photos in the order of their ids.
        told: share of the photos that have any term besides their file's name, 0 to 1.
    """

    roster: Roster
    told: float
    vocabulary: Vocabulary
    fields: dict[str, Postings]

    def match(self, words: Sequence[tuple[str, float]]) -> Matched:
        """The photos that have words of a query.

        Args:
            words: texts and what each counts, below 0 for what is not wanted: a photo's share is
                less by what it has of that, and who has nothing left is not found.
        """
        weights: dict[str, float] = {}
        for text, weight in words:
            for term in dict.fromkeys(terms(text)):
                weights[term] = weights.get(term, 0.0) + weight
        photos = len(self.roster)
        points, possible = np.zeros(photos, dtype=np.float32), 0.0
        looked_for: dict[int, None] = {}
        for term, weight in list(weights.items())[:MAX_TERMS]:
            if not weight:
                continue
            meanings = self.vocabulary.meanings(term) if weight > 0 else self.vocabulary.forms(term)
            if weight > 0:
                looked_for.update(dict.fromkeys(meanings))
            best = self._best(meanings)
            having = int(np.count_nonzero(best))
            rarity = weight * math.log(1 + (photos - having + 0.5) / (having + 0.5))
            possible += max(0.0, rarity if having else _UNKNOWN * rarity)
            points += np.float32(rarity) * best
        found = np.flatnonzero(points > 0)
        shares = points[found] / np.float32(possible or 1)
        return Matched(found, shares, tuple(looked_for))

    def _best(self, meanings: Mapping[int, float]) -> Float32Array:
        """What each photo has of a term: (n,) 0 to 1."""
        best = np.zeros(len(self.roster), dtype=np.float32)
        for number, weight in meanings.items():
            for name, field in self.fields.items():
                rows, counts = field.of(number)
                worth = np.float32(weight * _WEIGHTS[name])
                gained = worth * counts / (counts + 2) if name == "searched" else worth
                best[rows] = np.maximum(best[rows], gained)
        return best

    def why(self, matched: Matched, rows: NDArray[np.intp]) -> list[tuple[str, ...]]:
        """What each of these photos has of the query, such as `caption: boat, lake`."""
        found: list[dict[str, list[str]]] = [{} for _ in rows]
        for name, field in self.fields.items():
            for number in matched.meanings:
                having, counts = field.of(number)
                if not len(having):
                    continue
                places = np.minimum(np.searchsorted(having, rows), len(having) - 1)
                for at in np.flatnonzero(having[places] == rows).tolist():
                    shown = self.vocabulary.terms[number]
                    if name == "searched":
                        many = int(counts[places[at]])
                        shown += f" ({many} download{'s' if many > 1 else ''})"
                    found[at].setdefault(name, []).append(shown)
        return [
            tuple(f"{name}: {', '.join(words[:_SHOWN])}" for name, words in each.items())
            for each in found
        ]


class Words:
    """The index of words of a library's present state; safe to use from several threads.

    Args:
        connection: an open one, with migrated tables.
        watched: what keywords and downloads are at.
        folder: to keep the index in for the next process; None keeps none.
    """

    def __init__(
        self, connection: Connection, watched: Watched[Usage], folder: Path | None = None
    ) -> None:
        self._connection = connection
        self._watched = watched
        self._folder = folder
        self._saved_at = -_SAVED_AGAIN_S
        self._guard = threading.Lock()
        self._known: tuple[object, WordIndex] | None = None

    def index(self, state: State) -> WordIndex:
        """The index for this state of the photos, made now if there is none.

        While photos come in, each search makes it anew: bench/words.py says what that takes.
        """
        key = (state, self._watched.now())
        with self._guard:  # who waits here needs the same index
            if self._known is None or self._known[0] != key:
                self._known = None
                parts = self._made() if self._folder is None else self._kept(self._folder)
                index = WordIndex(
                    Roster(parts.ids), parts.told, Vocabulary(parts.terms), parts.fields
                )
                self._known = (key, index)
            return self._known[1]

    def _kept(self, folder: Path) -> Parts:
        """The index from its file if that is of these texts, else made and saved."""
        content = saved_words.content(self._connection)
        if (known := saved_words.load(folder, content)) is not None:
            return known
        made = self._made()
        now = time.monotonic()
        # While photos come in, each search makes one. What was read meanwhile may be of other texts.
        due = now >= self._saved_at + _SAVED_AGAIN_S
        if due and saved_words.content(self._connection) == content:
            self._saved_at = now
            # A full disk, or one that may only be read: the next process makes its own.
            with contextlib.suppress(OSError):
                saved_words.save(made, folder, content)
        return made

    def _made(self) -> Parts:
        photos = self._connection.table(_PHOTOS).combine_chunks()
        ids = _chunk(photos["photo_id"], pa.string())
        vocabulary = Vocabulary()
        every = np.arange(len(ids))
        texts = {name: photos[name].to_pylist() for name in ("caption", "place", "file")}
        names = ids.to_pylist()
        # A source's own ids are no words, nor are numbers.
        texts["file"] = [
            "" if stem == own else _NUMBERED.sub(" ", stem)
            for stem, own in zip(texts["file"], names, strict=True)
        ]
        fields: dict[str, Postings] = {}
        for name in ("caption", "place", "file"):
            fields[name] = postings(vocabulary, Records(texts[name], every, every), len(ids))
        for name, table in (("keyword", "keywords"), ("searched", "conversions")):
            fields[name] = postings(vocabulary, self._pairs(table, ids), len(ids))
        told = np.zeros(len(ids), dtype=np.bool_)
        for name, field in fields.items():
            if name != "file":
                told[field.rows] = True
        ordered = {name: fields[name] for name in _WEIGHTS}
        share = float(told.mean()) if len(ids) else 0.0
        return Parts(ids, share, vocabulary.terms, ordered)

    def _pairs(self, table: str, ids: pa.Array) -> Records:
        found = self._connection.table(_KEYWORDS.format(table)).combine_chunks()
        rows = pc.index_in(found["photo_id"].cast(pa.string()), value_set=ids)
        found = found.append_column("row", rows)
        found = found.filter(pc.is_valid(found["row"])).combine_chunks()
        words = pc.dictionary_encode(_chunk(found["word"], pa.string()))
        codes, rows = np.asarray(words.indices), np.asarray(_chunk(found["row"], pa.int32()))
        counts = np.asarray(_chunk(found["n"], pa.int64()))
        return Records(words.dictionary.to_pylist(), codes, rows, counts)


def _chunk(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A column as one array of this type."""
    return pa.concat_arrays([each.cast(kind) for each in column.chunks] or [pa.array([], kind)])

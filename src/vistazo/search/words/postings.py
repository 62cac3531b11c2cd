"""Which photos have a term in one of their texts: arrays, made in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistazo.search.words.terms import terms
from vistazo.search.words.vocabulary import Vocabulary

_NONE = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Postings:
    """For each term the photos that have it in texts of one kind, and how often.

    Attributes:
        starts: (terms + 1,) int64, where a term's photos begin.
        rows: (n,) int32, numbers of photos, rising within a term.
        counts: (n,) int64, rows as `rows`.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.int64]

    def of(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Photos with this term, and how often each has it; none for terms met later."""
        if term + 1 >= len(self.starts):
            return _NONE, _NONE.astype(np.int64)
        part = slice(self.starts[term], self.starts[term + 1])
        return self.rows[part], self.counts[part]


@dataclass(frozen=True, slots=True)
class Records:
    """Texts of photos.

    Attributes:
        texts: different texts.
        codes: (n,) which of the texts.
        rows: (n,) the photo that has it.
        counts: (n,) how often it has it; None is once.
    """

    texts: Sequence[str]
    codes: NDArray[Any]
    rows: NDArray[Any]
    counts: NDArray[Any] | None = None


def postings(vocabulary: Vocabulary, records: Records, photos: int) -> Postings:
    """Take the texts apart; the vocabulary grows by their terms.

    Args:
        photos: how many there are.
    """
    numbered = [vocabulary.number(terms(text)) for text in records.texts]
    sizes = np.array([len(each) for each in numbered], dtype=np.int64)
    flat = np.array([number for each in numbered for number in each], dtype=np.int64)
    begin = np.cumsum(sizes) - sizes
    # One line for each term of each record.
    lengths = sizes[records.codes]
    record = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(record)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    term = flat[begin[records.codes][record] + place] if len(record) else flat[:0]
    keys = term * photos + records.rows[record]
    counts = np.ones(len(keys), np.int64) if records.counts is None else records.counts[record]
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order].astype(np.int64)
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    summed = np.add.reduceat(counts, first) if len(first) else counts[:0]
    pairs = keys[first]
    starts = np.searchsorted(pairs, np.arange(len(vocabulary) + 1, dtype=np.int64) * photos)
    return Postings(starts, (pairs % max(photos, 1)).astype(np.int32), summed)

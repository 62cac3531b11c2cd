"""The terms that a library's texts are made of, and which of them a query's term stands for."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistazo.search.words.terms import are_alike, beginnings, trigrams

_INFLECTED = 0.9  # what another form of a word counts, the word itself being 1
_SIMILAR = 0.5  # of the trigrams that two terms must share (Dice)
_RESEMBLING = 0.5  # what a term counts that is only written alike, times what is shared
_MOST_SIMILAR = 5
_MIN_LETTERS = 4  # of terms that are looked for by how they are written


class Vocabulary:
    """Terms and their numbers, in the order in which they were first met.

    Args:
        terms: different ones to begin with.
    """

    def __init__(self, terms: Sequence[str] = ()) -> None:
        self._numbers = {term: number for number, term in enumerate(terms)}
        self._sorted: list[str] | None = None
        self._by_trigram: dict[str, NDArray[np.int32]] | None = None
        self._trigrams: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.terms = list(terms)

    def __len__(self) -> int:
        return len(self.terms)

    def number(self, terms: Sequence[str]) -> list[int]:
        """Numbers of terms; new terms get one."""
        numbers = self._numbers
        for term in terms:
            if term not in numbers:
                numbers[term] = len(numbers)
                self.terms.append(term)
        return [numbers[term] for term in terms]

    def meanings(self, term: str) -> dict[int, float]:
        """Numbers of the terms that one stands for, with what each counts, 0 to 1.

        The term itself and other forms of the word. Where there are none, up to five terms that are
        written alike: a slip of the pen, or the same word in another language.
        """
        return self.forms(term) or self._resembling(term)

    def forms(self, term: str) -> dict[int, float]:
        """Numbers of the term and of other forms of the word, with what each counts."""
        found: dict[int, float] = {}
        own = self._numbers.get(term)
        if own is not None:
            found[own] = 1.0
        for beginning in beginnings(term):
            for other in self._beginning_with(beginning):
                if other != term and are_alike(term, other):
                    found[self._numbers[other]] = _INFLECTED
        return found

    def _beginning_with(self, beginning: str) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self.terms)
        first = bisect.bisect_left(self._sorted, beginning)
        last = bisect.bisect_left(self._sorted, beginning + "\U0010ffff")
        return self._sorted[first:last]

    def _resembling(self, term: str) -> dict[int, float]:
        if len(term) < _MIN_LETTERS or not term.isalpha():
            return {}
        if self._by_trigram is None:
            self._by_trigram = self._index_trigrams()
        wanted = trigrams(term)
        met = [self._by_trigram[each] for each in wanted if each in self._by_trigram]
        if not met:
            return {}
        numbers, shared = np.unique(np.concatenate(met), return_counts=True)
        dice = 2 * shared / (len(wanted) + self._trigrams[numbers])
        kept = np.flatnonzero(dice >= _SIMILAR)
        best = sorted(kept, key=lambda at: (-dice[at], self.terms[numbers[at]]))[:_MOST_SIMILAR]
        return {int(numbers[at]): _RESEMBLING * float(dice[at]) for at in best}

    def _index_trigrams(self) -> dict[str, NDArray[np.int32]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        sizes = np.ones(len(self.terms), dtype=np.int32)
        for number, term in enumerate(self.terms):
            if len(term) >= _MIN_LETTERS and term.isalpha():
                parts = trigrams(term)
                sizes[number] = len(parts)
                for part in parts:
                    found[part].append(number)
        self._trigrams = sizes
        return {part: np.array(numbers, dtype=np.int32) for part, numbers in found.items()}

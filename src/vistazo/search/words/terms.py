"""Texts as terms: folded, without stop words, and what else a term may stand as in a text."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

# Articles, prepositions, pronouns and forms of `be` and `have` of the four languages that the
# sample's captions are in; folded.
_STOP_WORDS = frozenset(
    """
    a an the this that these those of on in at and or with to from for is are was were be been it
    its as by into over under up out there he she they you we i my your his her their our not no

    el la los las lo un una unos unas de del en y e o u con sin a al por para su sus sobre es son
    esta este estos estas se que como mas muy ha han hay mi tu nos entre desde hasta

    une le les des du au aux et ou dans sur sous avec pour par sans ce cet cette ces son sa ses leur
    leurs est sont qui que ne pas il elle ils elles nous vous mon ma mes plus d l qu

    der die das den dem des ein eine einer eines einem einen und oder mit ohne auf im am an zu
    zum zur von vom fur ist sind war es sie er wir ihr sein seine ihre nicht auch aus bei als wie
    """.split()  # noqa: SIM905  (a list would be a page long)
)
_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f]")
_LANGUAGES = ("english", "spanish")
_SHORT = 3  # letters that a stem has at least; shorter ones stand for themselves


def fold(text: str) -> str:
    """Lower case, without accents: `Fußgänger` becomes `fussganger`."""
    text = text.casefold()
    if text.isascii():
        return text
    return _MARKS.sub("", unicodedata.normalize("NFKD", text))


def terms(text: str) -> list[str]:
    """The terms of a text in their order, repeated as they are; no stop words, no single letters."""
    return [
        word for word in _WORD.findall(fold(text)) if word not in _STOP_WORDS and _is_term(word)
    ]


def _is_term(word: str) -> bool:
    # A single Latin letter says nothing, a single Chinese character is a word.
    return len(word) > 1 or word > "\u2fff" or word.isdigit()


@functools.cache
def _stemmer(language: str) -> Callable[[str], str]:
    # Here, because it loads every language, and a search by an image needs none.
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem


@functools.lru_cache(maxsize=200_000)
def stems(term: str) -> tuple[str, ...]:
    """The stems of a term, one for each language.

    Source:
        Snowball's stemmers for English and Spanish. Which language a text is in is not known, so
        two terms are alike when either gives them the same stem.
    """
    return tuple(_stemmer(language)(term) for language in _LANGUAGES)


def beginnings(term: str) -> tuple[str, ...]:
    """What every term with the same stem begins with; empty for terms that have no long stem."""
    # English ends `happy` and `happiness` alike in `happi`.
    kept = {stem.removesuffix("i") for stem in stems(term) if len(stem) >= _SHORT}
    return tuple(each for each in kept if len(each) >= _SHORT)


def are_alike(one: str, other: str) -> bool:
    """Whether two terms have the same stem."""
    pairs = zip(stems(one), stems(other), strict=True)
    return any(a == b and len(a) >= _SHORT for a, b in pairs)


def trigrams(term: str) -> frozenset[str]:
    """Every three letters in a row, with the beginning and the end marked."""
    marked = f"^{term}$"
    return frozenset(marked[at : at + 3] for at in range(len(marked) - 2))

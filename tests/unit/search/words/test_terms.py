"""Words as people write them, and as captions have them."""

from __future__ import annotations

import numpy as np
import pytest

from vistazo.search.words.postings import Records, postings
from vistazo.search.words.terms import fold, stems, terms
from vistazo.search.words.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("text", "folded"),
    [("CAFÉ", "cafe"), ("Fußgänger", "fussganger"), ("Ñandú", "nandu"), ("ﬁsh", "fish"), ("", "")],
)
def test_accents_and_capitals_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The boats on a lake!", ["boats", "lake"]),
        ("Una barca en el lago", ["barca", "lago"]),
        ("Une barque sur l'eau", ["barque", "eau"]),
        ("Ein Boot auf dem See", ["boot", "see"]),
        ("写真 of 2 dogs_and-cats", ["写真", "2", "dogs", "cats"]),
        ("… — 'the' a", []),
    ],
)
def test_stop_words_of_four_languages_are_left_out(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_english_and_spanish_endings() -> None:
    assert stems("running")[0] == stems("runs")[0] == "run"
    assert stems("caballos")[1] == stems("caballo")[1]


def words(*known: str) -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.number(known)
    return vocabulary


def meant(vocabulary: Vocabulary, term: str) -> dict[str, float]:
    found = vocabulary.meanings(term)
    return {vocabulary.terms[number]: round(weight, 2) for number, weight in found.items()}


def test_a_word_means_itself_and_its_other_forms() -> None:
    vocabulary = words("boat", "boats", "boating", "bottle", "barca", "barcas", "happiness")
    assert meant(vocabulary, "boats") == {"boats": 1.0, "boat": 0.9, "boating": 0.9}
    assert meant(vocabulary, "barca") == {"barca": 1.0, "barcas": 0.9}
    assert meant(vocabulary, "happy") == {"happiness": 0.9}


def test_a_word_that_nobody_has_means_what_is_written_alike() -> None:
    vocabulary = words("elefante", "tigre", "dromedary", "cat")
    assert list(meant(vocabulary, "dromedaire")) == ["dromedary"]
    assert meant(vocabulary, "dromedaire")["dromedary"] < 0.5
    assert meant(vocabulary, "tiger") == {}  # two trigrams of five
    assert meant(vocabulary, "car") == {}  # too short to resemble anything
    vocabulary.number(["dromedaire"])  # now it is known
    assert meant(vocabulary, "dromedaire") == {"dromedaire": 1.0}


def test_postings_count_each_photo_once() -> None:
    vocabulary = Vocabulary()
    records = Records(
        ["red boat, red", "boat", ""], np.array([0, 1, 1, 2]), np.array([2, 0, 2, 1]), None
    )
    made = postings(vocabulary, records, photos=3)
    red, boat = vocabulary.number(["red", "boat"])
    assert [each.tolist() for each in made.of(red)] == [[2], [2]]
    assert [each.tolist() for each in made.of(boat)] == [[0, 2], [1, 2]]
    (later,) = vocabulary.number(["green"])
    assert [each.tolist() for each in made.of(later)] == [[], []]


def test_postings_of_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    made = postings(Vocabulary(), Records([], none, none), photos=0)
    assert made.of(0)[0].tolist() == []

"""A query's normal form reads as the same query, whatever was typed."""

from __future__ import annotations

import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vistazo.errors import InvalidQuery
from vistazo.search.conditions import Condition
from vistazo.search.query import Parsed, Term, parse

# What means something, and what stands around it.
pieces = st.sampled_from(
    [" ", " ", "+", "-", " + ", " - ", '"', "\\", ":", "2:", "0.5:", "#", "./x.jpg", "image:", "a"]
    + [
        "dog",
        "red car",
        "camera:",
        "width:>",
        "year:2019..2021",
        "has:place",
        "=",
        "..",
        "https://",
    ]
)
typed = st.lists(pieces | st.text(max_size=4), max_size=12).map("".join)
words = st.text(min_size=1, max_size=12).filter(str.strip)
weights = st.integers(1, 10**6).map(lambda thousandths: thousandths / 1000)


@st.composite
def queries(draw: st.DrawFn) -> Parsed:
    def term(sign: int) -> Term:
        kind = draw(st.sampled_from(["text", "text", "image", "photo"]))
        return Term(kind, draw(words), sign * draw(st.just(1.0) | weights))

    wanted = [term(1) for _ in range(draw(st.integers(1, 3)))]
    unwanted = [term(-1) for _ in range(draw(st.integers(0, 2)))]
    texts = st.builds(
        Condition,
        st.sampled_from(["camera", "place", "attributes.a-b", "photo_id", "country"]),
        st.sampled_from([":", "=", "<", ">="]),
        st.text(max_size=8),
        negated=st.booleans(),
    )
    numbers = st.builds(
        Condition, st.just("width"), st.just(".."), *2 * [st.integers(0, 99).map(str)]
    )
    having = st.builds(Condition, st.just("taken"), st.just("has"), negated=st.booleans())
    conditions = draw(st.lists(texts | numbers | having, max_size=3))
    return Parsed((*wanted, *unwanted), tuple(conditions))


@settings(max_examples=150, deadline=None)
@given(queries())
@example(Parsed((Term("text", "a - b"), Term("text", "c"))))
@example(Parsed((Term("text", '"'), Term("text", "+", -2.5))))
@example(Parsed((Term("image", "https://x"), Term("image", "a b", -1))))
def test_every_query_can_be_written(query: Parsed) -> None:
    assert parse(str(query)) == query


@settings(max_examples=300, deadline=None)
@given(typed | st.text(max_size=30) | st.text(string.printable, max_size=30))
@example('-"a" - b')
@example('"a "b" c"')
@example("dog -image:x -#y")
def test_the_normal_form_of_what_was_typed_reads_the_same(text: str) -> None:
    try:
        parsed = parse(text)
    except InvalidQuery as error:
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        return
    assert parse(str(parsed)) == parsed


@settings(max_examples=80, deadline=None)
@given(st.text(string.ascii_letters + " ,.'!?/()&;0123456789é写", max_size=40))
def test_words_without_signs_stay_as_they_are(text: str) -> None:
    parsed = parse(text)
    assert [term.value for term in parsed.terms] == ([text] if text.strip() else [])

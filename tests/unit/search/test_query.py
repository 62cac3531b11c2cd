"""The query language: what plain words stay, what is more than words, and where errors point."""

from __future__ import annotations

import pytest

from vistazo.errors import InvalidQuery
from vistazo.search.query import MAX_TERMS, Term, parse


@pytest.mark.parametrize(
    "text",
    [
        "a dog - at the beach",
        "dog - snow",
        "3:4 portrait",
        "16:9",
        "T-shirt",
        "C++",
        "C++ - a book",
        "it's 5:30",
        "rock'n'roll",
        '19" monitor',
        'say "hello there" loud',
        'red "car',
        '"red car',
        '"><img src=x>',
        "2: dog",
        "score 3:a",
        "-5 degrees",
        "dog --- cat",
        "camera: canon",
        "title: a dog",
        "a photo of:me",
        "file:///home/x",
        "see https://example.org/x.jpg now",
        "w/o people",
        "$5 - cheap",
        "don't - stop",
        "  two  spaces ",
        "A+ 1+1",
        "número 1: el perro",
        "",
    ],
)
def test_plain_words_mean_what_they_say(text: str) -> None:
    parsed = parse(text)
    assert parsed.terms == ((Term("text", text),) if text else ())
    assert parsed.conditions == ()
    assert str(parsed) == text


def T(value: str, weight: float = 1.0) -> Term:  # noqa: N802
    return Term("text", value, weight)


@pytest.mark.parametrize(
    ("text", "terms", "normal"),
    [
        ("2:dog + beach - snow", [T("dog", 2), T("beach"), T("snow", -1)], "2:dog + beach -snow"),
        ("dog + red beach", [T("dog"), T("red beach")], "dog + red beach"),
        ("dog -snow at night", [T("dog at night"), T("snow", -1)], "dog at night -snow"),
        ('dog -"deep snow"', [T("dog"), T("deep snow", -1)], 'dog -"deep snow"'),
        ("dog -0.25:snow", [T("dog"), T("snow", -0.25)], "dog -0.25:snow"),
        ("- snow + dog", [T("dog"), T("snow", -1)], "dog -snow"),
        ('dog - "snow"', [T("dog"), T("snow", -1)], "dog -snow"),
        ('"a - b + c"', [T("a - b + c")], '"a - b + c"'),
        (r'"say \"hi\" \\"', [T('say "hi" \\')], 'say "hi" \\'),
        ('2:"3 dogs"', [T("3 dogs", 2)], '2:"3 dogs"'),
        ('"camera:canon" + x', [T("camera:canon"), T("x")], '"camera:canon" + x'),
        ("1:dog", [T("dog")], "dog"),
        ("./x.jpg + night", [Term("image", "./x.jpg"), T("night")], "./x.jpg + night"),
        ("~/a/x.HEIC", [Term("image", "~/a/x.HEIC")], "~/a/x.HEIC"),
        ("image:x", [Term("image", "x")], 'image:"x"'),
        ('image:"my x.jpg" - dog', [Term("image", "my x.jpg"), T("dog", -1)], None),
        ("https://e.org/?a=1", [Term("image", "https://e.org/?a=1")], "https://e.org/?a=1"),
        ("#kLqP-_x - 2:snow", [Term("photo", "kLqP-_x"), T("snow", -2)], "#kLqP-_x -2:snow"),
        ('#"an id" + dog', [Term("photo", "an id"), T("dog")], '#"an id" + dog'),
    ],
)
def test_sums(text: str, terms: list[Term], normal: str | None) -> None:
    parsed = parse(text)
    assert list(parsed.terms) == terms
    assert parsed.conditions == ()
    if normal is not None:
        assert str(parsed) == normal
    assert parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("camera:canon", "camera ~ 'canon'"),
        ("Camera:Canon", "camera ~ 'Canon'"),
        ('camera:"EOS 5D"', "camera ~ 'EOS 5D'"),
        ("camera:=x's", r"camera = 'x\'s'"),
        ("-keyword:sold", "not (keyword = 'sold')"),
        ("category:animals", "category = 'animals'"),
        ("format:jpeg", "format = 'jpeg'"),
        ("width:>1000", "width > '1000'"),
        ("width:<=10", "width <= '10'"),
        ("year:2019..2021", "(year >= '2019' and year <= '2021')"),
        ("year:2019..", "year >= '2019'"),
        ("-taken:..2019-05", "not (taken <= '2019-05')"),
        ("taken:2019-05", "taken = '2019-05'"),
        ("file:a..b", "file ~ 'a..b'"),
        ("has:place", "has(place)"),
        ("-has:attributes.licence", "not (has(attributes['licence']))"),
        ("attributes.licence:CC0", "attributes['licence'] ~ 'CC0'"),
        ("country:spain", "country ~ 'spain'"),
    ],
)
def test_filters(text: str, where: str) -> None:
    parsed = parse(text)
    assert parsed.terms == ()
    assert parsed.where() == where
    assert parsed.where("width > 3 or height > 3") == f"(width > 3 or height > 3) and {where}"
    assert parse(str(parsed)) == parsed
    mixed = parse(f"red {text}  car")
    assert mixed.terms == (T("red car"),)
    assert mixed.conditions == parsed.conditions


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("dog +", 4, "something is missing behind '\\+'"),
        ("+ dog", 0, "something is missing before '\\+'"),
        ("dog + + cat", 4, "something is missing behind '\\+'"),
        ("-snow", 0, "say also what you are looking for"),
        ('"red + car', 0, "this quote is never closed"),
        ('image:"red car', 6, "this quote is never closed"),
        ('car -"red', 5, "this quote is never closed"),
        ('x + 2:"red car', 6, "this quote is never closed"),
        ('red camera:"canon', 11, "this quote is never closed"),
        ('red camera:"canon"x', 11, "a quote goes around the whole value"),
        ("red width:>wide", 11, "'wide' is not a number"),
        ("taken:2019-13..2020", 6, "'2019-13' is not a date"),
        ("width:>", 7, "a value is missing behind '>'"),
        ("year:..", 5, "a range needs a beginning or an end"),
        ("has:plce", 4, "there is no field 'plce'; did you mean 'place'"),
        ("5000:dog", 0, "a weight is from 0.001 to 1,000"),
        ("dog - 0:cat + x", 6, "a weight is from"),
        ("dog + image:x.png car", 18, "put a \\+ between a picture and words"),
        ('dog + ""', 6, "there is nothing between the quotes"),
        (" + ".join(["x"] * (MAX_TERMS + 1)), 200, "more than 50 terms"),
    ],
)
def test_errors_point_at_the_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(InvalidQuery, match=problem) as raised:
        parse(text)
    assert raised.value.position == position
    assert raised.value.text == text
    assert f"fails at character {position + 1}: " in str(raised.value)

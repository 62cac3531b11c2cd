"""What a picture becomes under any parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistazo.errors import UsageError
from vistazo.web.shape import MAX_SIDE, NAMES, Shape

SIDES = st.integers(1, 20_000)
ASKED = st.integers(0, MAX_SIDE)


@given(width=SIDES, height=SIDES, w=ASKED, h=ASKED, crop=st.booleans())
def test_never_larger_than_asked_or_than_the_picture(
    width: int, height: int, w: int, h: int, crop: bool
) -> None:
    (made_w, made_h), (left, top, right, bottom) = Shape(w, h, crop).box(width, height)
    assert 1 <= made_w <= min(w or MAX_SIDE, width)
    assert 1 <= made_h <= min(h or MAX_SIDE, height)
    assert 0 <= left < right <= width + 1e-6
    assert 0 <= top < bottom <= height + 1e-6


@given(width=SIDES, height=SIDES, w=st.integers(1, MAX_SIDE), h=ASKED, crop=st.booleans())
def test_what_is_shown_keeps_its_form(width: int, height: int, w: int, h: int, crop: bool) -> None:
    (made_w, made_h), (left, top, right, bottom) = Shape(w, h, crop).box(width, height)
    part_w, part_h = right - left, bottom - top
    scale = made_w / part_w if part_w >= part_h else made_h / part_h
    assert made_w == pytest.approx(part_w * scale, abs=1.01)
    assert made_h == pytest.approx(part_h * scale, abs=1.01)


@given(width=SIDES, height=SIDES, w=ASKED, h=ASKED, crop=st.booleans())
def test_decoding_keeps_pixels_enough(width: int, height: int, w: int, h: int, crop: bool) -> None:
    shape = Shape(w, h, crop)
    (made_w, made_h), (left, top, right, bottom) = shape.box(width, height)
    kept = shape.min_side(width, height) / min(width, height)  # pixels of each original one
    assert (right - left) * kept >= made_w - 1
    assert (bottom - top) * kept >= made_h - 1


@given(st.dictionaries(st.sampled_from([*NAMES, "dpr", "ixid"]), st.text(max_size=12)))
def test_any_parameters_are_read_or_refused(params: dict[str, str]) -> None:
    try:
        shape = Shape.read(params)
    except UsageError as error:
        assert str(error).isprintable()
        return
    if shape is None:
        assert not any(params.get(name) for name in NAMES)
        return
    assert 1 <= shape.quality <= 100
    assert 0 <= shape.width <= MAX_SIDE
    assert 0 <= shape.height <= MAX_SIDE


def test_what_the_address_says() -> None:
    shape = Shape.read({"q": "75", "fm": "JPG", "w": "200", "fit": "max", "ixlib": "x"})
    assert shape == Shape(200, 0, False, 75, "jpg", "q=75&fm=JPG&w=200&fit=max")
    assert Shape.read({"ixlib": "x", "w": ""}) is None

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from conftest import paint
from vistazo.errors import InvalidQuery
from vistazo.ingest.query_image import read_query_image


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("name", ["q.png", "q.jpg", "q.webp", "q.heic", "q.avif"])
def test_a_path(tmp_path: Path, name: str) -> None:
    path = paint(tmp_path / name, "red", (40, 20))
    for given in (path, str(path)):
        image = read_query_image(given)
        assert (image.mode, image.size) == ("RGB", (40, 20))
        red, green, blue = image.getpixel((20, 10))  # type: ignore[misc]
        assert red > 240
        assert max(green, blue) < 15


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: type) -> None:
    image = read_query_image(kind(png(Image.new("RGB", (3, 4), "lime"))))
    assert (image.size, image.getpixel((1, 1))) == ((3, 4), (0, 255, 0))


def test_a_picture_is_turned_upright_whichever_way_it_comes(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "q.jpg", exif=exif)
    assert read_query_image(tmp_path / "q.jpg").size == (20, 40)
    with Image.open(tmp_path / "q.jpg") as opened:
        assert read_query_image(opened).size == (20, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_shows_white_whichever_way_it_comes(mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    image = clear.convert("P").convert("PA") if mode == "PA" else clear.convert(mode)
    if mode == "PA":
        image.putalpha(0)
    assert read_query_image(image).getpixel((1, 1)) == (255, 255, 255)
    assert read_query_image(png(clear)).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = read_query_image(Image.new(mode, (8, 8)))
    assert (image.mode, image.size) == ("RGB", (8, 8))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_greys_of_more_than_eight_bits_look_the_same_whichever_way_they_come(mode: str) -> None:
    image = Image.new(mode, (8, 8), 0.5 if mode == "F" else 0x8000)
    assert read_query_image(image).getpixel((1, 1)) == (128, 128, 128)
    if mode == "I;16":
        assert read_query_image(png(image)).getpixel((1, 1)) == (128, 128, 128)


def test_the_callers_picture_is_left_alone() -> None:
    image = Image.new("RGBA", (8, 8), (1, 2, 3, 4))
    read_query_image(image)
    assert (image.mode, image.getpixel((0, 0))) == ("RGBA", (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("/nowhere/q.jpg", "the image /nowhere/q.jpg cannot be read: No such file or directory"),
        ("/", "the image / cannot be read: Is a directory"),
        ("a\0b.jpg", "the image a\\x00b.jpg cannot be read: embedded null byte"),
        (b"", "the image cannot be searched with: the file is empty (0 bytes)"),
        (b"text", "the image cannot be searched with: the content is not a JPEG, PNG, WebP, GIF,"),
        (7, "an image is a path, bytes or a PIL image, not int"),
        ([1], "an image is a path, bytes or a PIL image, not list"),
    ],
)
def test_what_is_no_image(given: object, message: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        read_query_image(given)
    assert str(caught.value).startswith(message)


def test_a_truncated_picture(tmp_path: Path) -> None:
    path = paint(tmp_path / "q.jpg", "red", (200, 200))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InvalidQuery, match=r"q\.jpg cannot be searched with: the JPEG data ends"):
        read_query_image(path)
    with Image.open(path) as opened, pytest.raises(InvalidQuery, match="cannot be searched with"):
        read_query_image(opened)

from __future__ import annotations

import datetime as dt
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

from vistazo.errors import ImageError
from vistazo.ingest.decode import DecodeLimits, Picture, decode, thumbnail, thumbnail_of
from vistazo.ingest.exif import read_exif

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    if kind == "HEIF":
        heif = pillow_heif.from_pillow(image)
        heif.save(out, quality=90, **options)
    else:
        image.save(out, kind, **options)
    return out.getvalue()


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red, green / blue, white quarters, from the upper left."""
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), RED)
    draw.rectangle((width // 2, 0, width - 1, height // 2 - 1), GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height - 1), BLUE)
    return image


def corners(image: Image.Image) -> list[str]:
    """Names of the colours in the corners: upper left, upper right, lower left, lower right."""
    names = {RED: "red", GREEN: "green", BLUE: "blue", WHITE: "white"}
    w, h = image.size
    found = []
    for at in (
        (w // 4, h // 4),
        (3 * w // 4, h // 4),
        (w // 4, 3 * h // 4),
        (3 * w // 4, 3 * h // 4),
    ):
        pixel = np.asarray(image.getpixel(at), dtype=int)
        found.append(names[min(names, key=lambda c: int(np.abs(pixel - np.asarray(c)).sum()))])
    return found


def near(
    image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], by: int = 3
) -> bool:
    assert image.mode == "RGB"
    pixel = np.asarray(image.getpixel(at), dtype=int)
    return bool(np.abs(pixel - np.asarray(colour)).max() <= by)


def refused(data: bytes, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data, min_side=224, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.stage == "decode"
    return caught.value


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format(kind: str) -> None:
    picture = decode(saved(quarters(), kind), min_side=224)
    assert (picture.format, picture.width, picture.height) == (kind, 96, 64)
    assert (picture.image.mode, picture.image.size) == ("RGB", (96, 64))
    assert corners(picture.image) == ["red", "green", "blue", "white"]
    assert picture.image.info == {}


def test_avif_stays_with_pillow_after_a_heic() -> None:
    decode(saved(quarters(), "HEIF"), min_side=1)
    assert decode(saved(quarters(), "AVIF"), min_side=1).format == "AVIF"
    assert "HEIF" not in Image.OPEN  # the caller's Pillow is left as it was


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(decode(data, min_side=1).image, (5, 5), RED), kind


ORIENTED = {
    1: ["red", "green", "blue", "white"],
    2: ["green", "red", "white", "blue"],
    3: ["white", "blue", "green", "red"],
    4: ["blue", "white", "red", "green"],
    5: ["red", "blue", "green", "white"],
    6: ["blue", "red", "white", "green"],
    7: ["white", "green", "blue", "red"],
    8: ["green", "white", "red", "blue"],
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_picture_comes_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(quarters(), kind, exif=exif.tobytes())
    if kind in ("AVIF", "HEIF") and orientation != 1:  # their encoders write it as properties
        assert b"irot" in data or b"imir" in data
    picture = decode(data, min_side=1)
    assert corners(picture.image) == ORIENTED[orientation]
    size = (96, 64) if orientation < 5 else (64, 96)
    assert (picture.width, picture.height) == picture.image.size == size


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_exif_alone_turns_no_avif_and_no_heic(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0113] = 6  # renamed once it is written: encoders make a property of an orientation
    data = saved(quarters(), kind, exif=exif.tobytes())
    entry = b"\x01\x13\0\x03\0\0\0\x01\0\x06"
    assert data.count(entry) == 1
    picture = decode(data.replace(entry, b"\x01\x12" + entry[2:]), min_side=1)
    assert corners(picture.image) == ORIENTED[1]
    assert (picture.width, picture.height) == (96, 64)


def test_a_draft_is_turned_and_reports_the_full_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(saved(quarters(1600, 1000), "JPEG", exif=exif), min_side=224)
    assert (picture.width, picture.height) == (1000, 1600)
    assert picture.image.size == (250, 400)
    assert corners(picture.image) == ORIENTED[6]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("size", [(800, 600), (600, 801), (319, 223), (3000, 230), (5000, 4000)])
def test_reduced_never_below_what_is_needed(kind: str, size: tuple[int, int]) -> None:
    data = saved(Image.new("RGB", size, RED), kind)
    picture = decode(data, min_side=224)
    assert (picture.width, picture.height) == size
    assert min(picture.image.size) >= min(224, *size)
    assert max(picture.image.size) >= min(320, max(size))
    assert picture.image.width * picture.image.height <= 3000 * 1000
    assert near(picture.image, (9, 9), RED)


def alpha(mode: str) -> Image.Image:
    """Left half red (or grey 100) and opaque, right half transparent over black."""
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((100, 100, 100, 255) if mode == "LA" else (255, 0, 0, 255), (0, 0, 10, 10))
    if mode == "P":
        return image.quantize(16)
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("RGBA", "GIF"),  # Pillow writes no transparency for a palette that holds it itself
        ("RGBA", "TIFF"),
        ("RGBA", "AVIF"),
        ("RGBA", "HEIF"),
        ("LA", "PNG"),
        ("LA", "TIFF"),
        ("P", "PNG"),
    ],
)
def test_what_is_transparent_is_white(mode: str, kind: str) -> None:
    image = decode(saved(alpha(mode), kind), min_side=1).image
    left = (100, 100, 100) if mode == "LA" else RED
    assert near(image, (3, 5), left, by=8)
    assert near(image, (16, 5), WHITE, by=3)


def test_half_transparent_is_half_white() -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert near(decode(saved(image, "PNG"), min_side=1).image, (4, 4), (127, 127, 127), by=1)
    large = Image.new("RGBA", (1400, 1400), (0, 0, 0, 128))
    assert near(decode(saved(large, "PNG"), min_side=1).image, (4, 4), (127, 127, 127), by=1)


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_a_transparent_colour_is_white(mode: str, key: object) -> None:
    data = saved(Image.new(mode, (900, 900), 0), "PNG", transparency=key)
    assert near(decode(data, min_side=1).image, (4, 4), WHITE, by=0)


def test_palette_with_alpha_bytes() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    data = saved(image, "PNG", transparency=bytes([255, 0]))
    assert near(decode(data, min_side=1).image, (4, 4), WHITE, by=0)


def grey(values: np.ndarray, kind: str) -> np.ndarray:
    data = saved(Image.fromarray(values), kind)
    image = decode(data, min_side=1).image
    assert image.mode == "RGB"
    return np.asarray(image)[0, :, 0]


def test_greys_of_sixteen_bits() -> None:
    ramp = np.array([[0, 256, 32768, 65535]], dtype=np.uint16)
    assert grey(ramp, "PNG").tolist() == [0, 1, 128, 255]
    assert grey(ramp, "TIFF").tolist() == [0, 1, 128, 255]
    assert grey(np.array([[0, 4095, 2048]], dtype=np.uint16), "TIFF").tolist() == [0, 255, 128]
    assert grey(np.array([[0, 4095, 2048]], dtype=np.uint16), "PNG").tolist() == [0, 15, 8]


def test_greys_of_thirty_two_bits() -> None:
    assert grey(np.array([[-100, 0, 100]], dtype=np.int32), "TIFF").tolist() == [0, 127, 255]
    assert grey(np.array([[0, 2**30]], dtype=np.int32), "TIFF").tolist() == [0, 255]
    assert grey(np.array([[0.0, 0.5, 1.0]], dtype=np.float32), "TIFF").tolist() == [0, 128, 255]
    assert grey(np.array([[0.0, 200.0]], dtype=np.float32), "TIFF").tolist() == [0, 200]
    odd = np.array([[np.nan, -1.0, 1.0, np.inf]], dtype=np.float32)
    assert grey(odd, "TIFF").tolist() == [127, 0, 255, 127]
    widest = np.array([[-3e38, 0.0, 3e38]], dtype=np.float32)
    assert grey(widest, "TIFF").tolist() == [0, 127, 255]
    assert grey(np.full((1, 2), 7e9, dtype=np.float32), "TIFF").tolist() == [0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(kind: str) -> None:
    image = decode(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind), min_side=1).image
    assert near(image, (8, 8), RED, by=8)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_other_modes_become_rgb(mode: str) -> None:
    data = saved(Image.new("L", (700, 700), 255).convert(mode), "PNG")
    assert near(decode(data, min_side=1).image, (4, 4), WHITE, by=0)


def located(
    latitude: tuple[Any, ...], south_north: str, longitude: tuple[Any, ...], east_west: str
) -> Picture:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: south_north, 2: latitude, 3: east_west, 4: longitude})
    return decode(saved(quarters(), "JPEG", exif=exif), min_side=1)


def test_coordinates_are_signed() -> None:
    metadata = located((33.0, 51.0, 36.0), "S", (70.0, 30.0, 0.0), "W").metadata
    assert (metadata.latitude, metadata.longitude) == pytest.approx((-33.86, -70.5))
    metadata = located((40.0, 25.0, 0.0), "N", (3.0, 42.0, 36.0), "E").metadata
    assert (metadata.latitude, metadata.longitude) == pytest.approx((40.4166667, 3.71))


@pytest.mark.parametrize(
    ("latitude", "south_north", "longitude", "east_west"),
    [
        ((91.0, 0.0, 0.0), "N", (3.0, 0.0, 0.0), "E"),
        ((10.0, 0.0, 0.0), "N", (180.0, 0.0, 1.0), "E"),
        ((10.0, 75.0, 0.0), "N", (3.0, 0.0, 0.0), "E"),
        ((10.0, 0.0, 0.0), "X", (3.0, 0.0, 0.0), "E"),
        ((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"),
        ((IFDRational(1, 0), 0.0, 0.0), "N", (3.0, 0.0, 0.0), "E"),
    ],
)
def test_coordinates_that_cannot_be_are_unknown(
    latitude: tuple[Any, ...], south_north: str, longitude: tuple[Any, ...], east_west: str
) -> None:
    metadata = located(latitude, south_north, longitude, east_west).metadata
    assert (metadata.latitude, metadata.longitude) == (None, None)


def described(**tags: str) -> Image.Exif:
    exif = Image.Exif()
    numbers = {"make": 0x010F, "model": 0x0110, "changed": 0x0132}
    for name, number in numbers.items():
        if name in tags:
            exif[number] = tags[name]
    details = {"original": 0x9003, "digitized": 0x9004}
    exif.get_ifd(0x8769).update({details[n]: tags[n] for n in details if n in tags})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_time_and_camera_from_every_format(kind: str) -> None:
    exif = described(make="Apple", model="iPhone 12", original="2021:03:04 05:06:07")
    # as bytes: of an `Exif` object Pillow's TIFF writer drops directories made by `get_ifd`
    data = saved(quarters(), kind, exif=exif.tobytes())
    metadata = decode(data, min_side=1).metadata
    assert metadata.camera == "Apple iPhone 12"
    assert metadata.taken_at == dt.datetime(2021, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("SONY  ", "", "SONY"),
        ("", "X100\x07\n", "X100"),
    ],
)
def test_the_make_is_not_repeated(make: str, model: str, camera: str) -> None:
    assert read_exif(described(make=make, model=model).tobytes()).metadata.camera == camera


@pytest.mark.parametrize(
    ("tags", "taken_at"),
    [
        ({"original": "2001:01:01 00:00:00", "changed": "2010:01:01 00:00:00"}, 2001),
        ({"digitized": "2002:01:01 00:00:00", "changed": "2010:01:01 00:00:00"}, 2002),
        ({"original": "0000:00:00 00:00:00", "changed": "2010:01:01 00:00:00"}, 2010),
        ({"original": "2001:02:30 00:00:00"}, None),
        ({"original": "9999:01:01 00:00:00"}, None),
        ({"original": "    :  :     :  :  "}, None),
    ],
)
def test_the_first_time_that_can_be(tags: dict[str, str], taken_at: int | None) -> None:
    found = read_exif(described(**tags).tobytes()).metadata.taken_at
    assert (found.year if found else None) == taken_at


BROKEN_EXIF = (
    b"garbage",
    b"Exif\0\0garbage!!",
    b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x09" * 30,
    b"Exif\0\0MM\0*\xff\xff\xff\xff",
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0",
)


@pytest.mark.parametrize("exif", BROKEN_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_never_fails_a_picture(kind: str, exif: bytes) -> None:
    picture = decode(saved(quarters(), kind, exif=exif), min_side=1)
    assert corners(picture.image) == ["red", "green", "blue", "white"]
    assert picture.metadata.camera == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda block: b"X" * len(block),
        # the make as a rational number: Pillow cannot write it back, which it does to turn this
        lambda block: block.replace(b"\x0f\0\x02\0\0\0\x0e", b"\x0f\0\x05\0\0\0\x01"),
    ],
)
def test_broken_exif_never_fails_an_avif(damage: Callable[[bytes], bytes]) -> None:
    exif = described(make="A longer name")
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    exif[0x0112] = 6  # the encoder writes `irot` in its place
    data = saved(quarters(), "AVIF", exif=exif.tobytes())
    assert data.count(block) == 1
    assert damage(block) != block
    picture = decode(data.replace(block, damage(block)), min_side=1)
    assert corners(picture.image) == ORIENTED[6]


@given(st.binary(max_size=200))
def test_exif_of_any_bytes(data: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08"):
        assert read_exif(start + data).orientation in range(1, 9)


def test_nothing_and_text() -> None:
    assert refused(b"").code == "empty"
    for data in (
        b"hello",
        b"BMW is a car, and not a picture",
        b"<html>",
        b"RIFF....WAVE",
        b"\0" * 99,
    ):
        assert refused(data).code == "not-an-image"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_short_is_truncated(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 90, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    error = refused(data[: len(data) * 2 // 3])
    assert (error.code, str(error)) == (
        "truncated",
        f"the {kind} data ends early, the file is truncated",
    )


def test_damage_in_the_middle_is_corrupt() -> None:
    data = bytearray(saved(quarters(), "PNG"))
    at = data.index(b"IDAT") + 8
    data[at : at + 20] = b"\xff" * 20
    error = refused(bytes(data))
    assert error.code == "corrupt"
    assert str(error).startswith("the PNG data is damaged (")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def test_a_bomb_is_refused_by_its_header() -> None:
    error = refused(bomb(60_000, 60_000))
    assert error.code == "too-many-pixels"
    assert str(error) == (
        "the picture claims 60000 x 60000 pixels, more than the limit of 200,000,000"
    )


def test_our_limit_applies_and_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in FORMATS:
        if kind != "WEBP":  # Pillow 13 allows WebP twice its own limit whoever asks
            assert decode(saved(quarters(), kind), min_side=1).width == 96, kind
    compressed = saved(quarters(), "TIFF", compression="tiff_lzw")
    assert decode(compressed, min_side=1).width == 96
    data = saved(quarters(), "PNG")
    assert refused(data, limits=DecodeLimits(max_pixels=96 * 64 - 1)).code == "too-many-pixels"
    assert decode(data, min_side=1, limits=DecodeLimits(max_pixels=96 * 64)).height == 64


def test_an_error_keeps_no_frames_alive() -> None:
    error = refused(saved(quarters(), "PNG")[:60])
    assert error.__cause__ is None
    assert error.__context__ is None


def test_pillows_warnings_stay_inside() -> None:
    data = saved(quarters(), "JPEG", exif=BROKEN_EXIF[2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data, min_side=1).width == 96


def test_threads_get_the_same_pixels() -> None:
    sources = [saved(quarters(640, 480), kind) for kind in FORMATS]
    expected = [decode(data, min_side=64).image.tobytes() for data in sources]
    wrong: list[int] = []

    def work() -> None:
        for at, data in enumerate(sources):
            if decode(data, min_side=64).image.tobytes() != expected[at]:
                wrong.append(at)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 600), (320, 240)),
        ((600, 800), (240, 320)),
        ((100, 50), (100, 50)),
        ((9000, 3), (320, 1)),
    ],
)
def test_a_thumbnail_is_a_small_webp(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = Image.new("RGB", size, RED)
    image.info["exif"] = b"Exif\0\0secret"
    data = thumbnail(image)
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("WEBP", expected)
        assert near(opened.convert("RGB"), (0, 0), RED, by=4)


def test_a_thumbnail_of_another_size_and_mode() -> None:
    with Image.open(io.BytesIO(thumbnail(Image.new("L", (200, 100), 90), max_side=50))) as opened:
        assert opened.size == (50, 25)


def kept(data: bytes) -> bool:
    return thumbnail_of(decode(data, min_side=8), data) == data


def test_a_small_picture_is_its_own_thumbnail() -> None:
    assert kept(saved(quarters(320, 200), "JPEG"))
    assert kept(saved(quarters(24, 16), "WEBP"))


@pytest.mark.parametrize(
    "data",
    [
        saved(quarters(321, 200), "JPEG"),
        saved(quarters(24, 16), "PNG"),
        saved(quarters(24, 16), "JPEG", exif=described(make="Canon")),
        saved(quarters(24, 16), "JPEG", icc_profile=b"a profile"),
        saved(quarters(24, 16), "JPEG", comment=b"a comment"),
        saved(quarters(24, 16).convert("CMYK"), "JPEG"),
        saved(quarters(24, 16).convert("L"), "JPEG"),
        saved(alpha("RGBA"), "WEBP"),
        saved(quarters(24, 16), "WEBP", save_all=True, append_images=[Image.new("RGB", (24, 16))]),
        saved(quarters(24, 16), "JPEG") + b"\0" * 64_000,
    ],
    ids=["large", "png", "exif", "icc", "comment", "cmyk", "grey", "alpha", "frames", "heavy"],
)
def test_a_small_picture_with_more_to_it_is_packed_again(data: bytes) -> None:
    packed = thumbnail_of(decode(data, min_side=8), data)
    assert packed != data
    with Image.open(io.BytesIO(packed)) as opened:
        assert (opened.format, opened.mode) == ("WEBP", "RGB")


SMALL = [saved(quarters(24, 16), kind) for kind in FORMATS] + [
    saved(quarters(24, 16), "JPEG", exif=described(make="Canon", original="2001:01:01 00:00:00")),
    saved(quarters(24, 16), "JPEG", progressive=True),
    saved(quarters(24, 16), "TIFF", compression="tiff_lzw"),
    saved(quarters(24, 16), "WEBP", lossless=True),
    saved(alpha("P"), "PNG"),
]


def mutated() -> st.SearchStrategy[bytes]:
    def build(data: bytes, edits: list[tuple[int, int]], length: int | None) -> bytes:
        out = bytearray(data)
        for at, value in edits:
            out[at % len(out)] = value
        return bytes(out if length is None else out[: length % (len(out) + 1)])

    edits = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8)
    cut = st.one_of(st.none(), st.integers(0, 5000))
    return st.builds(build, st.sampled_from(SMALL), edits, cut)


def survives(data: bytes) -> None:
    refusal: ImageError | None = None
    try:
        # the low limit keeps headers that claim a huge picture from taking seconds each
        picture = decode(data, min_side=16, limits=DecodeLimits(max_pixels=4_000_000))
    except ImageError as error:
        refusal = error
    if refusal is None:
        assert picture.image.mode == "RGB"
    else:
        assert refusal.code in {"empty", "not-an-image", "truncated", "too-many-pixels", "corrupt"}
        assert str(refusal).isprintable()


def _fuzz(examples: int) -> Callable[[], None]:
    @settings(max_examples=examples, deadline=None)
    @given(mutated())
    def run(data: bytes) -> None:
        survives(data)

    return run


def test_damaged_bytes_raise_nothing_else() -> None:
    _fuzz(60)()


@pytest.mark.slow
def test_damaged_bytes_raise_nothing_else_at_length() -> None:
    _fuzz(5000)()

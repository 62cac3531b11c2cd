"""The offline encoder: shapes, norms, determinism, odd input, damaged files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vistazo.encoders import offline
from vistazo.encoders.offline import OfflineEncoder
from vistazo.errors import WeightsCorrupt

SIDE = 260
ODD_TEXTS = ["", "   ", "🦊🦊", "\ud800", "\x00", "a\nb", "ñandú", "frog " * 2000]


@pytest.fixture(scope="module")
def encoder() -> OfflineEncoder:
    return OfflineEncoder(threads=2)


def noise(count: int) -> np.ndarray:
    generator = np.random.default_rng(7)
    return generator.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def assert_unit(rows: np.ndarray, count: int) -> None:
    assert rows.shape == (count, 512)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_spec_is_stable(encoder: OfflineEncoder) -> None:
    spec = encoder.spec
    assert (spec.name, spec.dim, len(spec.checksum)) == ("offline", 512, 64)
    assert spec == OfflineEncoder().spec
    assert encoder.input_side == SIDE
    assert "ImageNet" in encoder.notice


def test_files_fit_the_package() -> None:
    assert sum(path.stat().st_size for path in offline.FOLDER.iterdir()) <= 40_000_000


def test_every_file_matches_its_checksum(encoder: OfflineEncoder) -> None:
    listed = {
        line.split("  ")[1]
        for line in (offline.FOLDER / "SHA256SUMS").read_text().split("\n")
        if line
    }
    present = {path.name for path in offline.FOLDER.iterdir()} - {"SHA256SUMS", "NOTICE"}
    assert listed == present
    for name in listed:
        assert encoder._verified(name)


def test_batch_size_does_not_change_an_embedding(encoder: OfflineEncoder) -> None:
    pixels = noise(19)
    together = encoder.encode_pixels(pixels)
    assert_unit(together, 19)
    for index in (0, 7, 18):
        alone = encoder.encode_pixels(pixels[index : index + 1])
        np.testing.assert_allclose(alone[0], together[index], atol=1e-4)


def test_text_batch_does_not_change_an_embedding(encoder: OfflineEncoder) -> None:
    texts = ["a red car", "a very long sentence about a small frog that sits on a leaf", ""]
    together = encoder.encode_texts(texts)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(encoder.encode_texts([text])[0], row, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "colour"),
    [
        ((300, 300), "white"),
        ((300, 200), "black"),
        ((1, 1), "red"),
        ((1, 3000), "white"),
        ((4000, 3), "blue"),
    ],
)
def test_plain_and_extreme_pictures(
    encoder: OfflineEncoder, size: tuple[int, int], colour: str
) -> None:
    image = Image.new("RGB", size, colour)
    pixels = encoder.preprocess(image)
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    assert_unit(encoder.encode_images([image]), 1)


def test_plain_border_is_padded_in_its_colour_and_others_are_squeezed(
    encoder: OfflineEncoder,
) -> None:
    plain = Image.new("RGB", (400, 200), (10, 20, 30))
    plain.paste((250, 0, 0), (150, 50, 250, 150))
    pixels = encoder.preprocess(plain)
    assert pixels[0, 0].tolist() == pixels[130, 2].tolist() == [10, 20, 30]
    red = (pixels[:, :, 0] > 128).nonzero()
    assert np.ptp(red[0]) == pytest.approx(np.ptp(red[1]), abs=2)  # the square stays square
    busy = Image.fromarray(np.kron(noise(1)[0, :10, :20], np.ones((20, 20, 1), dtype=np.uint8)))
    squeezed = busy.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    np.testing.assert_array_equal(encoder.preprocess(busy), np.asarray(squeezed))


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_odd_texts_are_finite(encoder: OfflineEncoder, text: str) -> None:
    rows = encoder.encode_texts([text])
    assert_unit(rows, 1)
    assert not rows[0, 384:].any()


def test_nothing_in_nothing_out(encoder: OfflineEncoder) -> None:
    assert encoder.encode_texts([]).shape == (0, 512)
    assert encoder.encode_images([]).shape == (0, 512)
    assert encoder.encode_pixels(noise(0)).shape == (0, 512)


def test_a_picture_is_nearest_to_its_name(encoder: OfflineEncoder) -> None:
    texts = encoder.encode_texts(["a car", "a vehicle", "a frog"])
    assert texts[0] @ texts[1] > texts[0] @ texts[2]


def test_wrong_pixels_are_refused(encoder: OfflineEncoder) -> None:
    with pytest.raises(ValueError, match="260, 260, 3"):
        encoder.encode_pixels(noise(1)[:, :100])
    with pytest.raises(ValueError, match="float32"):
        encoder.encode_pixels(noise(1).astype(np.float32))  # type: ignore[arg-type]


def test_threads_agree() -> None:
    encoder = OfflineEncoder(threads=1)  # sessions not made yet: threads race to make them
    texts = [f"picture number {number}" for number in range(24)]
    pixels = noise(4)
    with ThreadPoolExecutor(6) as pool:
        rows = list(pool.map(lambda text: encoder.encode_texts([text])[0], texts))
        images = list(pool.map(lambda row: encoder.encode_pixels(row[None])[0], pixels))
    np.testing.assert_allclose(rows, encoder.encode_texts(texts), atol=1e-4)
    np.testing.assert_allclose(images, encoder.encode_pixels(pixels), atol=1e-4)


def test_text_does_not_load_the_image_model(encoder: OfflineEncoder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(offline.FOLDER, folder)
    (folder / "image_encoder.onnx").unlink()
    light = OfflineEncoder(folder=folder)
    np.testing.assert_array_equal(light.encode_texts(["x"]), encoder.encode_texts(["x"]))
    with pytest.raises(WeightsCorrupt, match=r"cannot read.*image_encoder\.onnx.*reinstall"):
        light.encode_pixels(noise(1))


@pytest.mark.parametrize(
    "name", ["text_encoder.onnx", "image_encoder.onnx", "tokenizer.json", "manifest.json"]
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(offline.FOLDER, folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    message = rf"{name} is damaged.*pip install --force-reinstall vistazo"

    def use_everything() -> None:
        encoder = OfflineEncoder(folder=folder)
        encoder.encode_texts(["x"])
        encoder.encode_pixels(noise(1))

    with pytest.raises(WeightsCorrupt, match=message):
        use_everything()


def test_import_is_light() -> None:
    code = (
        "import sys, vistazo.encoders.offline as o; o.OfflineEncoder().spec;"
        "print(sorted({'onnxruntime', 'tokenizers', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""CLIP and SigLIP on ONNX Runtime, against what transformers made of the same input."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clip_input import TEXTS, pictures
from clip_models import CLIP, GOLDEN, SIGLIP, copied, files, fill, homes
from vistazo.encoders import preprocess, registry
from vistazo.encoders.base import Encoder, fits
from vistazo.encoders.registry import Options


@pytest.fixture(autouse=True)
def _homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homes(monkeypatch, tmp_path)


@pytest.fixture
def clip() -> Encoder:
    return registry.create(str(CLIP))


def agreement(rows: np.ndarray, golden: str) -> float:
    return float((rows * GOLDEN[golden]).sum(axis=1).min())


def test_the_vectors_are_those_of_transformers(clip: Encoder) -> None:
    assert agreement(clip.encode_images(pictures()), "clip_images") > 0.99999
    assert agreement(clip.encode_texts(TEXTS), "clip_texts") > 0.99999
    siglip = registry.create(str(SIGLIP))
    assert agreement(siglip.encode_images(pictures()), "siglip_images") > 0.99999
    assert agreement(siglip.encode_texts(TEXTS), "siglip_texts") > 0.99999
    # Else the agreement would say nothing.
    assert GOLDEN["clip_images"][0] @ GOLDEN["clip_images"][1] < 0.98


@pytest.mark.parametrize(("precision", "least"), [("int8", 0.99), ("fp16", 0.9999)])
def test_smaller_precisions_stay_near(clip: Encoder, precision: str, least: float) -> None:
    smaller = registry.create(f"{CLIP}@{precision}")
    assert agreement(smaller.encode_images(pictures()), "clip_images") > least
    assert agreement(smaller.encode_texts(TEXTS), "clip_texts") > least
    assert smaller.spec.name == f"{CLIP}@{precision}"
    assert not fits(smaller.spec, clip.spec)
    options = Options(precision=precision)  # type: ignore[arg-type]
    assert registry.create(str(CLIP), options).spec == smaller.spec


@pytest.mark.parametrize(("folder", "kind"), [(CLIP, "clip"), (SIGLIP, "siglip")])
def test_pixels_are_those_of_transformers(folder: Path, kind: str) -> None:
    encoder = registry.create(str(folder))
    ours = np.stack([encoder.preprocess(image) for image in pictures()])
    difference = np.abs(ours.astype(int) - GOLDEN[f"{kind}_pixels"].astype(int)).max()
    assert difference <= 1  # of 255; 0 with the Pillow that the golden ones were made with


def test_normalised_pixels_are_those_of_transformers() -> None:
    told = preprocess.read(CLIP)
    ours = told.normalised(GOLDEN["clip_pixels"][:1])
    np.testing.assert_allclose(ours, GOLDEN["clip_normalised"], atol=1e-5)


def test_the_contract_of_encoders(clip: Encoder) -> None:
    assert (clip.spec.dim, len(clip.spec.checksum)) == (512, 64)
    assert clip.spec == registry.create(str(CLIP)).spec
    for rows, count in (
        (clip.encode_texts(TEXTS), len(TEXTS)),
        (clip.encode_images(pictures()), len(pictures())),
        (clip.encode_texts([]), 0),
        (clip.encode_images([]), 0),
    ):
        assert (rows.shape, rows.dtype) == ((count, 512), np.float32)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match=r"must be \(n, 32, 32, 3\) uint8"):
        clip.encode_pixels(np.zeros((1, 31, 32, 3), dtype=np.uint8))
    assert clip.input_side == 64  # twice the side: the model's filter does the last step


def test_a_batch_does_not_change_a_vector(clip: Encoder) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (19, 32, 32, 3), dtype=np.uint8)
    together = clip.encode_pixels(pixels)
    for number in (0, 8, 18):
        np.testing.assert_allclose(
            clip.encode_pixels(pixels[number : number + 1])[0], together[number], atol=1e-5
        )
    texts = [f"{'word ' * number} end" for number in range(40)]
    np.testing.assert_allclose(
        clip.encode_texts(texts)[7], clip.encode_texts(texts[7:8])[0], atol=1e-5
    )


def test_threads_agree() -> None:
    encoder = registry.create(str(CLIP))  # nothing is loaded yet: threads race to do it
    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(lambda text: encoder.encode_texts([text])[0], TEXTS))
        images = list(pool.map(lambda image: encoder.encode_images([image])[0], pictures()))
    np.testing.assert_allclose(texts, encoder.encode_texts(TEXTS), atol=1e-5)
    np.testing.assert_allclose(images, encoder.encode_images(pictures()), atol=1e-5)


def test_long_texts_keep_their_end_mark(clip: Encoder) -> None:
    # Past the limit nothing counts, and the end is where the model looks.
    long, longer = clip.encode_texts(["frog " * 80, "frog " * 300 + "car"])
    np.testing.assert_allclose(long, longer, atol=1e-6)
    assert GOLDEN["clip_ids"].shape[1] == 77


@pytest.mark.parametrize("text", ["\ud800", "\x00", "a\nb", "🦊" * 500])
def test_odd_texts_are_finite(clip: Encoder, text: str) -> None:
    assert np.isfinite(clip.encode_texts([text])).all()


def test_a_text_does_not_load_the_image_network(tmp_path: Path) -> None:
    folder = copied(CLIP, tmp_path / "model")
    light = registry.create(str(folder))
    (folder / "onnx" / "vision_model.onnx").write_bytes(b"gone")
    assert light.encode_texts(["x"]).shape == (1, 512)


def test_grey_and_transparent_pictures_are_read(clip: Encoder) -> None:
    grey = Image.new("L", (40, 40), 200)
    same = grey.convert("RGB")
    np.testing.assert_array_equal(clip.preprocess(grey), clip.preprocess(same))


def test_old_and_new_forms_of_the_configuration(tmp_path: Path) -> None:
    told = json.loads((CLIP / preprocess.FILE).read_text())
    old = {**told, "size": 32, "crop_size": 32, "resample": 3}
    (tmp_path / preprocess.FILE).write_text(json.dumps(old))
    assert preprocess.read(tmp_path) == preprocess.read(CLIP)
    (tmp_path / preprocess.FILE).write_text(json.dumps({"do_normalize": False, "size": 40}))
    plain = preprocess.read(tmp_path, square=True)
    assert (plain.shortest_edge, plain.height, plain.mean) == (0, 40, (0.0, 0.0, 0.0))


def test_the_same_files_go_by_any_name(tmp_path: Path) -> None:
    fill(tmp_path, "clip-vit-b32")
    known = registry.create("clip-vit-b32")
    assert known.spec.name == "clip-vit-b32"
    assert fits(known.spec, registry.create(str(CLIP)).spec)
    flat = tmp_path / "flat"
    flat.mkdir()
    for path, content in files(CLIP).items():
        (flat / Path(path).name).write_bytes(content)
    assert fits(registry.create(str(flat)).spec, known.spec)

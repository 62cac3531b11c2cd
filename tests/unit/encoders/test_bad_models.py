"""Model files that are missing, damaged, or of another kind: one sentence that helps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vistazo
from clip_models import CLIP, MULTILINGUAL, SIGLIP, copied, fill, homes
from conftest import paint
from vistazo.encoders import registry
from vistazo.encoders.text import read_tensor
from vistazo.errors import Unsupported, WeightsCorrupt, WeightsError, WeightsMissing


@pytest.fixture(autouse=True)
def _homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homes(monkeypatch, tmp_path)


def use(name: str) -> None:
    encoder = registry.create(name)
    encoder.encode_texts(["a red car"])
    encoder.encode_images([Image.new("RGB", (40, 30))])
    assert encoder.spec.checksum


def gone(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def cut(path: str) -> Callable[[Path], None]:
    def half(folder: Path) -> None:
        data = (folder / path).read_bytes()
        (folder / path).write_bytes(data[: len(data) // 2])

    return half


def said(path: str, **values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / path).read_text())
        (folder / path).write_text(json.dumps(told | values))

    return change


def other(path: str, source: Path) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        shutil.copy(source, folder / path)

    return change


VISION, TEXT = "onnx/vision_model.onnx", "onnx/text_model.onnx"
PICTURE = "preprocessor_config.json"
CASES: dict[str, tuple[Callable[[Path], None], type[WeightsError], str]] = {
    "no config": (gone("config.json"), WeightsMissing, "has no config.json; it needs"),
    "no tokenizer": (gone("tokenizer.json"), WeightsMissing, "has no tokenizer.json"),
    "no preprocessing": (gone(PICTURE), WeightsMissing, f"has no {PICTURE}"),
    "no text network": (gone(TEXT), WeightsMissing, "has no onnx/text_model.onnx"),
    "no image network": (gone(VISION), WeightsMissing, "has no onnx/vision_model.onnx"),
    "half a tokenizer": (cut("tokenizer.json"), WeightsCorrupt, "tokenizer.json cannot be read"),
    "half a network": (cut(VISION), WeightsCorrupt, "vision_model.onnx cannot be loaded"),
    "half a text network": (cut(TEXT), WeightsCorrupt, "text_model.onnx cannot be loaded"),
    "half a config": (cut("config.json"), WeightsCorrupt, "config.json cannot be read"),
    "half a preprocessing": (cut(PICTURE), WeightsCorrupt, f"{PICTURE} cannot be read"),
    "another kind": (said("config.json", model_type="bert"), WeightsCorrupt, "the kind 'bert'"),
    "another dimension": (
        said("config.json", projection_dim=768),
        WeightsCorrupt,
        "text network of .* gives 512 numbers and the model says 768",
    ),
    "towers of two models": (
        other(VISION, SIGLIP / VISION),
        WeightsCorrupt,
        "image network of .* gives 32 numbers and the model says 512",
    ),
    "a network of another kind": (
        other(VISION, MULTILINGUAL / "onnx/model.onnx"),
        WeightsCorrupt,
        "reads input_ids, attention_mask, which we do not have",
    ),
    "no such filter": (said(PICTURE, resample=77), WeightsCorrupt, "does not say how pictures"),
    "a std of 0": (said(PICTURE, image_std=[0, 1, 1]), WeightsCorrupt, "image_std must be above 0"),
    "a list": (said(PICTURE, size="large"), WeightsCorrupt, "does not say how pictures"),
    "an unknown pad": (
        said("tokenizer_config.json", pad_token="<void>"),
        WeightsCorrupt,
        "does not know its own pad token",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_folder(tmp_path: Path, case: str) -> None:
    damage, kind, message = CASES[case]
    folder = copied(CLIP, tmp_path / "model")
    damage(folder)
    with pytest.raises(kind, match=message) as caught:
        use(str(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="there is no folder"):
        registry.create(str(tmp_path / "model"))


def test_nothing_here_and_no_network(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        registry.create("clip-vit-b32")
    folder = tmp_path / "xdg_data_home" / "vistazo" / "models" / "clip-vit-b32"
    assert str(caught.value) == (
        "the model clip-vit-b32 is not on this machine, and the Hub may not be asked:"
        f" HF_HUB_OFFLINE is set; put its files into {folder}, or work with: --encoder offline"
    )
    fill(tmp_path, "clip-vit-b32")
    use("clip-vit-b32")


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsMissing, match=r"127.0.0.1:9 cannot be had .*--encoder offline"):
        registry.create("owner/name")


def test_what_the_extra_torch_is_needed_for(tmp_path: Path) -> None:
    folder = copied(CLIP, tmp_path / "model")
    shutil.rmtree(folder / "onnx")
    (folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(Unsupported, match=r'needs torch. Run: pip install "vistazo\[torch\]"'):
        use(str(folder))
    with pytest.raises(Unsupported, match=r"torch:.* runs on PyTorch, which needs torch"):
        use(f"torch:{folder}")
    light = copied(SIGLIP, tmp_path / "light")
    with pytest.raises(Unsupported, match="no int8 twin and one must be made, which needs onnx"):
        use(f"{light}@int8")
    with pytest.raises(WeightsMissing, match="has no .*_fp16.onnx, as fp16 needs"):
        use(f"{light}@fp16")


def test_another_matrix_than_the_multilingual_one(tmp_path: Path) -> None:
    fill(tmp_path, "clip-vit-b32", "clip-vit-b32-multilingual")
    name = "clip-vit-b32-multilingual"
    dense = tmp_path / "xdg_data_home" / "vistazo" / "models" / name / "2_Dense"
    told = json.loads((dense / "config.json").read_text())
    (dense / "config.json").write_text(json.dumps(told | {"bias": True}))
    with pytest.raises(WeightsCorrupt, match="a matrix without bias and activation"):
        use(name)
    (dense / "config.json").write_text(json.dumps(told))
    cut("model.safetensors")(dense)
    with pytest.raises(WeightsCorrupt, match=r"holds no matrix linear.weight"):
        use(name)
    (dense / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="has no 2_Dense/model.safetensors"):
        use(name)


def test_a_matrix_is_read_as_it_was_written() -> None:
    matrix = read_tensor(MULTILINGUAL / "2_Dense" / "model.safetensors", "linear.weight")
    expected = np.random.default_rng(4).normal(0, 0.2, (512, 32)).astype(np.float32)
    np.testing.assert_array_equal(matrix, expected)


def test_an_empty_file_among_64_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for number in range(63):
        paint(folder / f"{number}.png", f"#{number:02x}8040")
    (folder / "empty.jpg").touch()
    with vistazo.open(tmp_path / "library", encoder=str(CLIP)) as library:
        report = library.index(folder)
        assert (report.added, report.failed) == (63, 1)
        (failure,) = library.failures()
        assert failure.url.endswith("/empty.jpg")
        assert len(library.search("a red car", k=63)) == 63

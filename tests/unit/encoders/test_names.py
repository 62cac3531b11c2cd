"""What a name stands for, and what `auto` becomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vistazo
from clip_input import TEXTS
from clip_models import CLIP, GOLDEN, fill, homes
from fakes import ColourEncoder
from vistazo.config import Settings
from vistazo.encoders import hub, models, registry
from vistazo.encoders.registry import Options
from vistazo.errors import EncoderMismatch, InvalidSetting, Unsupported

ON_CPU = "it runs on the CPU, as ONNX Runtime finds no GPU"


@pytest.fixture(autouse=True)
def _homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homes(monkeypatch, tmp_path)


def test_names(tmp_path: Path) -> None:
    assert models.parse("clip-vit-b32@int8").precision == "int8"
    assert models.parse("clip-vit-b32@fp32").text == "clip-vit-b32"
    assert models.parse("torch:openai/clip").torch
    assert models.parse("owner/name").folder is None
    assert models.parse(str(tmp_path)).folder == tmp_path
    assert models.parse("clip-vit-b32-multilingual@int8").space.text == "clip-vit-b32@int8"
    assert all(model.dim > 0 and model.size_mb["fp32"] > 0 for model in models.MODELS.values())


def test_auto_takes_clip_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, why = registry.resolve("auto")
    assert name == "offline"
    assert "files of clip-vit-b32 are neither on this machine nor to be had" in why
    fill(tmp_path, "clip-vit-b32")
    assert registry.resolve("auto") == (
        "clip-vit-b32",
        f"its files are on this machine; {ON_CPU}",
    )
    smaller = registry.resolve("auto", Options(precision="int8", device="cpu"))
    assert smaller == ("clip-vit-b32@int8", "its files are on this machine; it runs on the CPU")
    assert registry.resolve("clip-vit-b16")[1] == f"you asked for it; {ON_CPU}"


def test_auto_does_not_wait_for_a_hub_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert not hub.answers("owner/name")
    monkeypatch.setenv("HF_ENDPOINT", "no address")
    assert not hub.answers("owner/name")


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(Unsupported, match=r"cuda cannot be used.*--device cpu"):
        registry.create(str(CLIP), Options(device="cuda"))
    with pytest.raises(Unsupported, match="cuda cannot be used"):
        registry.resolve("clip-vit-b32", Options(device="cuda"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"precision": "fp8"}, "precision must be fp32, fp16 or int8, not 'fp8'"),
        ({"device": "tpu"}, "device must be auto, cpu or cuda, not 'tpu'"),
    ],
)
def test_bad_settings(setting: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        Options.of(Settings(**setting))  # type: ignore[arg-type]


def test_another_language_for_the_same_pictures(tmp_path: Path, pictures: Path) -> None:
    fill(tmp_path, "clip-vit-b32", "clip-vit-b32-multilingual")
    folder = tmp_path / "library"
    with vistazo.open(folder, encoder="clip-vit-b32") as library:
        library.index(pictures)
        english = library.embed("un perro corre")
    with vistazo.open(folder, encoder="clip-vit-b32-multilingual") as library:
        spanish = library.embed("un perro corre")
        assert len(library.search("un perro corre", k=3)) == 3
        assert library.index(pictures).unchanged == 12  # and its vectors stay as they are
    row = GOLDEN["multilingual_texts"][TEXTS.index("un perro corre")]
    assert spanish @ row > 0.99999
    assert english @ row < 0.9
    chosen = Settings(text_encoder="clip-vit-b32-multilingual")
    with vistazo.open(folder, settings=chosen) as library:
        np.testing.assert_allclose(library.embed("un perro corre"), spanish, atol=1e-6)
        assert library.encoder is not None
        assert library.encoder.name == "clip-vit-b32"
    with (
        vistazo.open(folder, encoder="clip-vit-b16") as library,
        pytest.raises(EncoderMismatch, match=r"was made with the encoder 'clip-vit-b32' .*'clip-"),
    ):
        library.search("x")


def test_a_text_encoder_of_other_pictures_is_left_alone(tmp_path: Path, pictures: Path) -> None:
    own, chosen = ColourEncoder(), Settings(text_encoder="clip-vit-b32-multilingual")
    with vistazo.open(tmp_path / "library", encoder=own, settings=chosen) as library:
        library.index(pictures)
        assert library.search("red", k=1)[0].score > 0.9


def test_a_library_keeps_its_precision(tmp_path: Path, pictures: Path) -> None:
    folder = tmp_path / "library"
    with vistazo.open(folder, encoder=str(CLIP), settings=Settings(precision="int8")) as library:
        library.index(pictures)
    with vistazo.open(folder) as library:
        assert library.encoder is not None
        assert library.encoder.name == f"{CLIP}@int8"
        assert len(library.search("a red car", k=2)) == 2
    with vistazo.open(folder, encoder=str(CLIP)) as library:
        assert len(library.search("a red car", k=2)) == 2
    with (
        vistazo.open(folder, settings=Settings(precision="fp32"), encoder=str(CLIP)) as library,
        pytest.raises(EncoderMismatch),
    ):
        library.search("a red car")

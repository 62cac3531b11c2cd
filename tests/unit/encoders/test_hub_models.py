"""Models from a Hub on loopback, by the real client, with its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from clip_input import TEXTS
from clip_models import CLIP, GOLDEN, MULTILINGUAL, REPOSITORIES, files, homes
from hub_stub import HubStub, hub_stub
from vistazo.encoders import hub, models, registry, weights
from vistazo.errors import HubError, WeightsCorrupt, WeightsMissing

B32 = "Xenova/clip-vit-base-patch32"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStub]:
    homes(monkeypatch, tmp_path)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    constants = huggingface_hub.constants
    for name, value in {
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        "HF_TOKEN_PATH": str(tmp_path / "token"),
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    with hub_stub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        for name, folder in REPOSITORIES.items():
            running.add_repository(name, files(folder))
        yield running


def asked_for(stub: HubStub, text: str) -> int:
    return sum(method == "GET" and text in path for method, path in stub.requests)


def test_a_model_comes_once_and_then_needs_no_network(
    stub: HubStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.resolve("auto")[0] == "clip-vit-b32"
    assert registry.resolve("auto")[1].startswith("the Hub has its files (606 MB)")
    encoder = registry.create("clip-vit-b32")
    assert float((encoder.encode_texts(TEXTS) * GOLDEN["clip_texts"]).sum(1).min()) > 0.99999
    assert not asked_for(stub, "fp16"), "only what is used comes"
    before = len(stub.requests)
    assert registry.create("clip-vit-b32").spec == encoder.spec
    assert len(stub.requests) == before
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert registry.create(B32).spec.checksum == encoder.spec.checksum
    with pytest.raises(WeightsMissing, match="HF_HUB_OFFLINE is set"):
        registry.create("clip-vit-b16")


def test_the_multilingual_one_brings_both(stub: HubStub) -> None:
    encoder = registry.create("clip-vit-b32-multilingual")
    rows = encoder.encode_texts(TEXTS)
    assert float((rows * GOLDEN["multilingual_texts"]).sum(1).min()) > 0.99999
    assert encoder.spec == registry.create("clip-vit-b32").spec


def test_a_precision_comes_by_itself(stub: HubStub) -> None:
    told: list[str] = []
    name = models.parse("clip-vit-b32")
    weights.pull(name, "int8", lambda file, size: told.append(file))
    assert [each for each in told if each.endswith(".onnx")] == [
        "onnx/vision_model_quantized.onnx",
        "onnx/text_model_quantized.onnx",
    ]
    assert weights.has(name, "int8")
    assert not weights.on_disk(name, "fp32")


def test_a_cut_connection_is_taken_up_again(stub: HubStub) -> None:
    content = (CLIP / "onnx" / "vision_model.onnx").read_bytes()
    path = f"/store/{hashlib.sha256(content).hexdigest()}"
    stub.fail(path, method="GET", cut=True)
    assert registry.create("clip-vit-b32").spec.dim == 512
    assert asked_for(stub, path) == 2


def test_other_bytes_than_promised_are_thrown_away(stub: HubStub) -> None:
    fault = stub.fail("/store/", method="GET", corrupt=True, times=1)
    with pytest.raises(WeightsCorrupt, match="sent other bytes for .*onnx of Xenova.*were removed"):
        registry.create("clip-vit-b32")
    assert fault.times == 0
    assert registry.create("clip-vit-b32").encode_texts(["x"]).shape == (1, 512)


def test_bytes_that_changed_on_the_disk(stub: HubStub) -> None:
    folder = weights.pull(models.parse("clip-vit-b32"), "fp32").folder
    real = (folder / "onnx" / "vision_model.onnx").resolve()
    data = bytearray(real.read_bytes())
    data[len(data) // 2] ^= 1
    real.write_bytes(data)
    encoder = registry.create("clip-vit-b32")
    with pytest.raises(WeightsCorrupt, match=r"vision_model.onnx is damaged. Delete .*models pull"):
        assert encoder.spec


def test_no_such_model(stub: HubStub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="no model owner/none on the Hub; .*set HF_TOKEN"):
        registry.create("owner/none")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="does not accept the token|that your token may read it"):
        registry.create("owner/none")


def test_a_private_model_needs_the_token(stub: HubStub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.add_repository("owner/own", files(CLIP), private=True)
    with pytest.raises(HubError, match="set HF_TOKEN if it is private"):
        registry.create("owner/own")
    monkeypatch.setenv("HF_TOKEN", "hf_stubStubStub")
    assert registry.create("owner/own").spec.name == "owner/own"


def test_a_hub_that_fails(stub: HubStub) -> None:
    stub.fail("/api/models/", status=500, times=-1)
    with pytest.raises(WeightsMissing, match=r"the Hub fails \(500\).*--encoder offline"):
        registry.create("clip-vit-b32")
    assert not weights.on_disk(models.parse("clip-vit-b32"), "fp32")
    stub.faults.clear()
    stub.fail("resolve/main/config.json", status=503, times=-1)
    assert not hub.answers(B32)
    assert registry.resolve("auto")[0] == "offline"


def test_a_repository_that_is_no_model(stub: HubStub) -> None:
    stub.add_repository("owner/notes", {"config.json": b"{}", "README.md": b"notes"})
    with pytest.raises(WeightsCorrupt, match="owner/notes has neither ONNX files"):
        registry.create("owner/notes")
    stub.add_repository("owner/sentences", files(MULTILINGUAL))
    with pytest.raises(WeightsCorrupt, match="owner/sentences has neither ONNX files"):
        registry.create("owner/sentences")

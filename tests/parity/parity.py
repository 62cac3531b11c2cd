"""Our encoders against transformers itself, at the full size of ViT-B/32, with random weights.

Needs the extra `torch`; `.ci/parity` makes an environment for it. With --vocabulary FILE (the
`bpe_simple_vocab_16e6.txt.gz` that CLIP's public code brings) the tokenizer is the real one.

Run: python tests/parity/parity.py [--vocabulary FILE] [--small]
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
WORST_FP32, WORST_INT8 = 0.99999, 0.99
CHUNK = 16


def check(what: str, value: float, least: float) -> None:
    """Print a number, and end with an error when it is too low."""
    print(f"{what:58} {value:.7f}  (at least {least})", flush=True)
    if not value >= least:
        sys.exit(f"too low: {what}")


def vocabulary(file: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's tokens and merges, in the order of its public code."""
    from tokenizers import pre_tokenizers

    kept = (*range(33, 127), *range(161, 173), *range(174, 256))
    # The order of CLIP's own table of bytes: those that print first, then the others.
    letters = [chr(code) for code in kept]
    letters += [chr(256 + number) for number in range(256 - len(kept))]
    assert sorted(letters) == sorted(pre_tokenizers.ByteLevel.alphabet())
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [(pair[0], pair[1]) for pair in map(str.split, lines)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}, merges


def tokenizer(file: Path | None) -> Any:
    import transformers

    if file is not None:
        vocab, merges = vocabulary(file)
        return transformers.CLIPTokenizer(vocab=vocab, merges=merges)
    return transformers.CLIPTokenizer.from_pretrained(HERE.parent / "models" / "clip")


def make(folder: Path, tokens: Any, *, small: bool) -> tuple[Any, Any]:
    """A checkpoint in transformers' format; its model and its image processor."""
    import torch
    import transformers

    size: dict[str, Any] = {}
    if small:
        size = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
        size["num_attention_heads"] = 4
    marks = {
        "vocab_size": len(tokens),
        "bos_token_id": tokens.bos_token_id,
        "eos_token_id": tokens.eos_token_id,
        "pad_token_id": tokens.pad_token_id,
    }
    config = transformers.CLIPConfig(text_config={**size, **marks}, vision_config=size)
    torch.manual_seed(1)
    model = transformers.CLIPModel(config)
    with torch.no_grad():  # else every picture has nearly the same vector
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.add_(torch.randn_like(weight) * 0.02)
    processor = transformers.CLIPImageProcessorPil()
    for part in (model, tokens, processor):
        part.save_pretrained(folder)
    return model.eval(), processor


def pictures(count: int) -> list[Image.Image]:
    """Colours, edges and grain in many sizes."""
    chance = np.random.default_rng(3)
    made = []
    for _ in range(count):
        width, height = (int(side) for side in chance.integers(20, 700, 2))
        coarse = chance.integers(0, 256, (height // 40 + 2, width // 40 + 2, 3), dtype=np.uint8)
        filter_ = chance.choice([Image.Resampling.NEAREST, Image.Resampling.BICUBIC])
        image = np.asarray(Image.fromarray(coarse).resize((width, height), int(filter_)))
        grain = chance.normal(0, 8, (height, width, 1))
        made.append(Image.fromarray(np.clip(image + grain, 0, 255).astype(np.uint8)))
    return made


def unit(rows: Any) -> Any:
    array = rows.numpy()
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def towers(model: Any, pixels: Any, ids: Any) -> tuple[Any, Any]:
    """transformers' own vectors of pictures and texts."""
    import torch

    rows, words = [], []
    with torch.inference_mode():
        for start in range(0, len(pixels), CHUNK):
            seen = model.vision_model(pixels[start : start + CHUNK]).pooler_output
            rows.append(unit(model.visual_projection(seen)))
        for start in range(0, len(ids), CHUNK):
            read = model.text_model(ids[start : start + CHUNK]).pooler_output
            words.append(unit(model.text_projection(read)))
    return np.concatenate(rows), np.concatenate(words)


def compare(folder: Path, model: Any, processor: Any, tokens: Any) -> None:
    from scripts import strings  # type: ignore[import-not-found]

    from vistazo.encoders import registry
    from vistazo.encoders.base import fits

    encoder: Any = registry.create(str(folder))
    images, texts = pictures(64), strings(2)[:64]
    given = processor(images=images, return_tensors="pt")["pixel_values"]
    ours = encoder._preprocessing.normalised(np.stack(list(map(encoder.preprocess, images))))
    far = float(np.abs(ours - given.numpy()).max()) * 0.2758  # the largest std: in units of 1
    check("pixels: 1 - largest difference", 1 - far, 1 - 1 / 255)
    every = strings()
    cut = {"truncation": True, "max_length": 77}
    theirs = [tokens(text, **cut)["input_ids"] for text in every]
    read = encoder._texts._tokens
    mine = [read([text])["input_ids"][0].tolist() for text in every]
    same = sum(one == other for one, other in zip(mine, theirs, strict=True)) / len(every)
    check(f"tokenizer: share of {len(every)} strings that agree", same, 1.0)
    ids = tokens(texts, padding=True, return_tensors="pt", **cut)["input_ids"]
    rows, words = towers(model, given, ids)
    apart = float((rows[:-1] * rows[1:]).sum(1).max())
    print(f"{'(two pictures are at most this alike)':58} {apart:.7f}")
    started = time.monotonic()
    found = encoder.encode_images(images), encoder.encode_texts(texts)
    print(f"(export and run: {time.monotonic() - started:.0f} s)")
    check("fp32 images: worst cosine", (found[0] * rows).sum(1).min(), WORST_FP32)
    check("fp32 texts: worst cosine", (found[1] * words).sum(1).min(), WORST_FP32)
    smaller = registry.create(f"{folder}@int8")
    for what, got, want in (
        ("images", smaller.encode_images(images), rows),
        ("texts", smaller.encode_texts(texts), words),
    ):
        cosine = (got * want).sum(1)
        print(f"{f'int8 {what}: mean cosine':58} {cosine.mean():.7f}")
        # Random weights give vectors that are alike: what is left without their mean tells more.
        middle = want.mean(axis=0)
        left = [
            (each - middle) / np.linalg.norm(each - middle, axis=1)[:, None] for each in (got, want)
        ]
        print(
            f"{f'int8 {what}: mean cosine without the common part':58} {(left[0] * left[1]).sum(1).mean():.7f}"
        )
        check(f"int8 {what}: worst cosine", cosine.min(), WORST_INT8)
    torch_: Any = registry.create(f"torch:{folder}")
    check("torch: worst cosine", (torch_.encode_images(images) * rows).sum(1).min(), WORST_FP32)
    check("torch texts: worst", (torch_.encode_texts(texts) * words).sum(1).min(), WORST_FP32)
    if not fits(torch_.spec, encoder.spec):
        sys.exit("the same checkpoint has two checksums")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--small", action="store_true", help="tiny towers, for a quick look")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        folder = place / "model"
        tokens = tokenizer(options.vocabulary)
        print(f"a vocabulary of {len(tokens):,} tokens", flush=True)
        model, processor = make(folder, tokens, small=options.small)
        compare(folder, model, processor, tokens)
    print("all agree")


if __name__ == "__main__":
    main()

"""CLIP and its kin on PyTorch, with transformers' own code: the reference, and a path for GPUs.

Needs the extra `torch`. Its names begin with `torch:`, as in `torch:openai/clip-vit-base-patch32`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from vistazo.encoders import digests, preprocess, weights
from vistazo.encoders.export import load, require
from vistazo.encoders.models import Name
from vistazo.encoders.tokens import Tokens
from vistazo.errors import Unsupported
from vistazo.records import EncoderSpec

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.encoders.models import Device
    from vistazo.records import Float32Array, UInt8Array

BATCH = 64


class TorchClip:
    """Embeds images and texts with transformers' model in single precision.

    The model is loaded at first use. Safe to use from several threads; they take turns.
    """

    def __init__(self, name: Name, *, device: Device = "auto") -> None:
        """Find a checkpoint in transformers' format and read its small files.

        Raises:
            Unsupported: the extra `torch` is not installed, or the device cannot be used.
            WeightsMissing, WeightsCorrupt, HubError: the files.
        """
        require("torch", "transformers", purpose=f"the encoder {name.text} runs on PyTorch")
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise Unsupported(
                "the device cuda cannot be used, because PyTorch finds no GPU: check the driver,"
                " or give --device cpu"
            )
        if name.precision not in ("", "fp32"):
            raise Unsupported(f"the encoder {name.text} runs in fp32 only: leave out the precision")
        if name.model and name.model.text_only:
            raise Unsupported(f"{name.base} runs on ONNX Runtime only: leave out 'torch:'")
        self.name = name
        self.device = "cuda" if torch.cuda.is_available() and device != "cpu" else "cpu"
        self._checkpoint = weights.get(name, "fp32")
        square = self._checkpoint.family == "siglip"
        self._preprocessing = preprocess.read(self._checkpoint.folder, square=square)
        self._lock = threading.Lock()

    @property
    def spec(self) -> EncoderSpec:
        """The checksum is that of `OnnxClip` on the same checkpoint: their vectors agree."""
        return EncoderSpec(self.name.text, self._checkpoint.dim, self._checksum)

    @property
    def notice(self) -> str:
        """Empty: there is nothing that must be known."""
        return ""

    @property
    def input_side(self) -> int:
        """Pixels; what a decoder may scale a picture down to."""
        return max(512, self._preprocessing.height, self._preprocessing.width)

    def preprocess(self, image: Image) -> UInt8Array:
        """A picture of any size to (height, width, 3) uint8, as the model's files say."""
        return self._preprocessing.pixels(image)

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        """(n, height, width, 3) uint8 to (n, dim) float32; every row has L2 norm 1 within 1e-5."""
        import torch

        rows = [np.empty((0, self._checkpoint.dim), dtype=np.float32)]
        for start in range(0, len(pixels), BATCH):
            batch = self._preprocessing.normalised(pixels[start : start + BATCH])
            with self._lock, torch.inference_mode():
                given = torch.from_numpy(batch).to(self.device)
                found = self._model.get_image_features(pixel_values=given)
            rows.append(_unit(found))
        return np.concatenate(rows)

    def encode_images(self, images: Sequence[Image]) -> Float32Array:
        """N RGB images of any size to (n, dim) float32; every row has L2 norm 1 within 1e-5."""
        if not images:
            return np.empty((0, self._checkpoint.dim), dtype=np.float32)
        return self.encode_pixels(np.stack([self.preprocess(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        """N texts to (n, dim) float32; every row has L2 norm 1 within 1e-5."""
        import torch

        rows = [np.empty((0, self._checkpoint.dim), dtype=np.float32)]
        for start in range(0, len(texts), BATCH):
            ids = self._tokens(texts[start : start + BATCH])["input_ids"]
            with self._lock, torch.inference_mode():
                given = torch.from_numpy(ids).to(self.device)
                found = self._model.get_text_features(input_ids=given)
            rows.append(_unit(found))
        return np.concatenate(rows)

    @cached_property
    def _checksum(self) -> str:
        path = self._checkpoint.safetensors
        if path is None:
            raise self._checkpoint.lacks(weights.CHECKPOINT)
        text = f"{digests.verified(path)}\n{self._preprocessing.identity}"
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _model(self) -> Any:
        return load(self._checkpoint).to(self.device)

    @cached_property
    def _tokens(self) -> Tokens:
        family = self._checkpoint.family
        return Tokens(
            self._checkpoint.folder,
            limit=self._checkpoint.text_limit,
            fill=family == "siglip",
            lowers=family == "siglip",
        )


def _unit(found: Any) -> Float32Array:
    # From version 5 on the method gives an object, whose projected vector is its pooler output.
    found = getattr(found, "pooler_output", found)
    rows: Float32Array = found.float().cpu().numpy()
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


if TYPE_CHECKING:

    def _conforms(encoder: TorchClip) -> Encoder:
        return encoder

"""The two networks of the offline encoder as torch modules, ready for ONNX export."""

# torch and onnx are not installed where the checks run
# mypy: disable-error-code="misc"

from __future__ import annotations

import json
import math
import struct

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

LAYERS, HEADS, WIDTH = 6, 12, 384
TINY = 1e-6  # added to one component before normalising: no input can give a zero vector


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    """Float tensors by name from the bytes of a .safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            array = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def unit(x: Tensor) -> Tensor:
    """Rows of (n, d) scaled to L2 norm 1, never zero."""
    shift = torch.zeros(x.shape[1])
    shift[0] = TINY
    x = x + shift
    return x / x.pow(2).sum(1, keepdim=True).sqrt().clamp_min(TINY / 100)


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2 with mean pooling. Source: its model card; BERT, arXiv:1810.04805."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.names = {name: name.replace(".", "_") for name in weights}
        for name, tensor in weights.items():
            self.register_buffer(self.names[name], tensor)

    def _w(self, name: str) -> Tensor:
        tensor: Tensor = getattr(self, self.names[name])
        return tensor

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._w(f"{name}.weight"), self._w(f"{name}.bias"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        name = f"{name}.LayerNorm"
        return functional.layer_norm(
            x, (WIDTH,), self._w(f"{name}.weight"), self._w(f"{name}.bias"), 1e-12
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, t) int64 ids and mask to (n, 384) float32, norm 1."""
        mask = attention_mask.to(torch.float32)
        x = functional.embedding(input_ids, self._w("embeddings.word_embeddings.weight"))
        x = x + self._w("embeddings.position_embeddings.weight")[: input_ids.shape[1]]
        x = self._norm(x + self._w("embeddings.token_type_embeddings.weight")[0], "embeddings")
        bias = ((1.0 - mask) * -1e9)[:, None, None, :]
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            q, k, v = (
                self._linear(x, f"{name}.attention.self.{part}")
                .view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS)
                .transpose(1, 2)
                for part in ("query", "key", "value")
            )
            weights = (q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + bias).softmax(-1)
            mixed = (weights @ v).transpose(1, 2).reshape(x.shape)
            mixed = self._linear(mixed, f"{name}.attention.output.dense")
            x = self._norm(x + mixed, f"{name}.attention.output")
            wide = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(wide, f"{name}.output.dense"), f"{name}.output")
        pooled = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return pooled / pooled.norm(dim=1, keepdim=True)


class TextEncoder(nn.Module):
    """Sentence embedding, centred on the class names' mean, then zeros for the visual part."""

    def __init__(self, sentences: SentenceEncoder, centre: Tensor, visual_dim: int) -> None:
        super().__init__()
        self.sentences, self.visual_dim = sentences, visual_dim
        self.register_buffer("centre", centre)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, t) int64 ids and mask to (n, 384 + visual_dim) float32, norm 1."""
        text = unit(self.sentences(input_ids, attention_mask) - self.centre)
        return functional.pad(text, (0, self.visual_dim))


class Backbone(nn.Module):
    """EfficientNet-Lite: pooled features and class logits. Source: arXiv:1905.11946."""

    def __init__(self, name: str, state: dict[str, Tensor], side: int) -> None:
        super().__init__()
        self.net = EfficientNet.from_name(name)
        self.net.load_state_dict(state)
        self.side = side

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, s, s) float32 in [0, 255] to features (n, 1280) and logits (n, 1000)."""
        if pixels.shape[2] != self.side:
            size = (self.side, self.side)
            pixels = functional.interpolate(pixels, size, mode="bilinear", align_corners=False)
        features = self.net.extract_features((pixels - 127.0) / 128.0).mean((2, 3))
        return features, self.net._fc(features)

    def expected_features(self) -> Tensor:
        """Mean of the pooled features as the last batch normalisation tells it, without data.

        A channel before ReLU6 is taken as normal with mean beta and deviation |gamma|; this is
        the closed form of E[min(max(x, 0), 6)].
        """
        beta = self.net._bn1.bias.detach().double()
        gamma = self.net._bn1.weight.detach().double().abs() + 1e-6
        normal = torch.distributions.Normal(0.0, 1.0)

        def above(limit: float) -> Tensor:  # E[max(x - limit, 0)]
            z = (beta - limit) / gamma
            return (beta - limit) * normal.cdf(z) + gamma * normal.log_prob(z).exp()

        return (above(0.0) - above(6.0)).float()

    def class_rows(self) -> NDArray[np.float64]:
        """The classifier's weights, (1000, 1280)."""
        rows: NDArray[np.float64] = self.net._fc.weight.detach().double().numpy()
        return rows


class ImageEncoder(nn.Module):
    """Pixels to ConSE text part (arXiv:1312.5650) and a projection of the pooled features."""

    def __init__(
        self,
        backbones: list[Backbone],
        class_vectors: Tensor,
        projection: Tensor,
        temperature: float,
        visual_weight: float,
    ) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        self.temperature, self.visual_weight = temperature, visual_weight
        self.register_buffer("class_vectors", class_vectors)
        self.register_buffer("projection", projection)
        for index, backbone in enumerate(backbones):
            self.register_buffer(f"mean_{index}", backbone.expected_features())

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, s, s, 3) uint8 to (n, 384 + visual_dim) float32, norm 1."""
        x = pixels.permute(0, 3, 1, 2).to(torch.float32)
        probabilities: list[Tensor] = []
        features: list[Tensor] = []
        for index, backbone in enumerate(self.backbones):
            pooled, logits = backbone(x)
            probabilities.append((logits / self.temperature).softmax(1))
            features.append(unit(pooled - getattr(self, f"mean_{index}")))
        text = unit(torch.stack(probabilities).mean(0) @ self.class_vectors)
        visual = unit(torch.cat(features, 1) @ self.projection)
        return unit(torch.cat([text, self.visual_weight * visual], 1))

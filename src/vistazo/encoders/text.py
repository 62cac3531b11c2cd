"""Text towers: a model's own, or a sentence model that was taught the same space."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vistazo.encoders import weights
from vistazo.encoders.sessions import Network
from vistazo.encoders.tokens import Tokens
from vistazo.encoders.towers import tower
from vistazo.encoders.weights import Checkpoint
from vistazo.errors import WeightsCorrupt

if TYPE_CHECKING:
    from vistazo.encoders.models import Device, Precision
    from vistazo.records import Float32Array

BATCH = 32
_FEEDS = ("input_ids", "attention_mask", "token_type_ids")
_SENTENCE_LIMIT = 128


class TextTower(Protocol):
    """Texts to rows of a shared space; loads its files at first use."""

    def rows(self, texts: Sequence[str]) -> Float32Array:
        """(n, dim) float32 of any norm."""
        ...


class ModelText:
    """The text tower that a model was trained with."""

    def __init__(
        self, checkpoint: Checkpoint, precision: Precision, device: Device, *, fill: bool
    ) -> None:
        self._checkpoint, self._precision, self._device = checkpoint, precision, device
        self._fill = fill or checkpoint.family == "siglip"
        self._lock = threading.Lock()

    def rows(self, texts: Sequence[str]) -> Float32Array:
        """(n, dim) float32 of any norm; a text is cut at the model's limit."""
        with self._lock:
            tokens, (network, output) = self._tokens, self._network
        rows: Float32Array = network.run(output, tokens(texts)).astype(np.float32, copy=False)
        return rows

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens(
            self._checkpoint.folder,
            limit=self._checkpoint.text_limit,
            fill=self._fill,
            lowers=self._checkpoint.family == "siglip",
        )

    @cached_property
    def _network(self) -> tuple[Network, str]:
        path = tower(self._checkpoint, weights.TEXT, self._precision).path
        network = Network(path, self._device, threads=0)
        return network, network.output(("text_embeds", "pooler_output"), _FEEDS, path)


class SentenceText:
    """sentence-transformers' DistilBERT: the mean over the tokens, then one matrix."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        self._checkpoint, self._device = checkpoint, device
        self._lock = threading.Lock()

    def rows(self, texts: Sequence[str]) -> Float32Array:
        """(n, dim) float32 of any norm; a text is cut at the model's limit."""
        with self._lock:
            tokens, (network, output), dense = self._tokens, self._network, self._dense
        read = tokens(texts)
        states = network.run(output, read).astype(np.float32, copy=False)
        mask = read["attention_mask"][:, :, None].astype(np.float32)
        mean = (states * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1e-9)
        if mean.shape[1] != dense.shape[1]:
            raise WeightsCorrupt(
                f"the model in {self._checkpoint.folder} does not fit its 2_Dense:"
                f" {mean.shape[1]} numbers against {dense.shape[1]}; get both again"
            )
        rows: Float32Array = mean @ dense.T
        return rows

    @cached_property
    def _tokens(self) -> Tokens:
        path = self._checkpoint.folder / "sentence_bert_config.json"
        limit = _json(path).get("max_seq_length") if path.is_file() else None
        return Tokens(self._checkpoint.folder, limit=limit or _SENTENCE_LIMIT, fill=False)

    @cached_property
    def _network(self) -> tuple[Network, str]:
        path = tower(self._checkpoint, weights.WHOLE, "fp32").path
        network = Network(path, self._device, threads=0)
        return network, network.output(("last_hidden_state", "token_embeddings"), _FEEDS, path)

    @cached_property
    def _dense(self) -> Float32Array:
        """(dim, hidden) float32."""
        folder = self._checkpoint.folder / "2_Dense"
        if not (folder / weights.CHECKPOINT).is_file():
            raise self._checkpoint.lacks(f"2_Dense/{weights.CHECKPOINT}")
        told = _json(folder / "config.json") if (folder / "config.json").is_file() else {}
        if told.get("bias") or not str(told.get("activation_function", "")).endswith("Identity"):
            raise WeightsCorrupt(
                f"{folder} is another layer than a matrix without bias and activation, which is"
                " all that vistazo computes there"
            )
        return read_tensor(folder / weights.CHECKPOINT, "linear.weight")


def read_tensor(path: Path, name: str) -> Float32Array:
    """One matrix in single precision from a safetensors file.

    Raises:
        WeightsCorrupt: it is no such file, or has no such matrix.
    """
    try:
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        told = json.loads(data[8 : 8 + length])[name]
        first, last = told["data_offsets"]
        if told["dtype"] != "F32":
            raise ValueError(f"its numbers are {told['dtype']}")
        flat = np.frombuffer(data[8 + length + first : 8 + length + last], dtype="<f4")
        matrix: Float32Array = flat.reshape(told["shape"]).astype(np.float32)
    except (OSError, KeyError, TypeError, ValueError, struct.error) as error:
        raise WeightsCorrupt(
            f"{path} holds no matrix {name} that can be read: get it again ({error})"
        ) from error
    return matrix


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(f"{path} cannot be read: get it again ({error})") from error
    return found if isinstance(found, dict) else {}

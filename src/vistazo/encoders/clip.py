"""CLIP and its kin on ONNX Runtime: one network for images, one for texts."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from vistazo.encoders import preprocess, weights
from vistazo.encoders.models import Name
from vistazo.encoders.parts import Parts
from vistazo.encoders.sessions import Network, chosen
from vistazo.encoders.text import BATCH as TEXT_BATCH
from vistazo.encoders.text import ModelText, SentenceText, TextTower
from vistazo.encoders.towers import tower
from vistazo.errors import WeightsCorrupt
from vistazo.records import EncoderSpec

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.encoders.models import Device, Precision
    from vistazo.records import Float32Array, UInt8Array

# Pictures of one run of the network, on one core: see bench/clip_encoder.py.
BATCH = 8
# A JPEG is decoded at no less than this many times the input's side, where that is small: the
# last halving is then done by the model's own filter, and not by the JPEG's.
_MARGIN, _ENOUGH = 2, 512


class OnnxClip:
    """Embeds images and texts with the two networks of a CLIP or SigLIP model.

    A network is loaded when it is used first. Safe to use from several threads.

    Attributes:
        name: with its precision.
    """

    def __init__(
        self,
        name: Name,
        *,
        precision: Precision = "fp32",
        device: Device = "auto",
        threads: int | None = None,
    ) -> None:
        """Find the model's files, on this machine or on the Hub; read the small ones.

        Args:
            name: a known one, a folder or OWNER/NAME; its own precision wins.
            threads: how many cores one call for images may use; None means all.
        Raises:
            WeightsMissing: files are neither here nor to be had.
            WeightsCorrupt: files cannot be read, or are of another kind of model.
            HubError: the Hub refuses.
            Unsupported: the device cannot be used.
        """
        self.name = Name(name.base, name.precision or precision)
        self._precision: Precision = self.name.precision or "fp32"
        self.device = chosen(device)
        self._wanted: Device = device
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        space = self.name.space
        self._images = weights.get(space, self._precision)
        square = self._images.family == "siglip"
        self._preprocessing = preprocess.read(self._images.folder, square=square)
        self._space = space
        self._texts: TextTower
        if space.base == self.name.base:
            fill = bool(space.model and space.model.pad_to_limit)
            self._texts = ModelText(self._images, self._precision, device, fill=fill)
        else:
            self._texts = SentenceText(weights.get(self.name, self._precision), device)

    @property
    def spec(self) -> EncoderSpec:
        """Name, dimension and checksum of what makes a picture's vector.

        An encoder that has only another text tower shares the name and checksum of the one whose
        pictures it searches.
        """
        return EncoderSpec(self._space.text, self._dim, self._checksum)

    @property
    def notice(self) -> str:
        """Empty: there is nothing that must be known."""
        return ""

    @property
    def input_side(self) -> int:
        """Pixels; what a decoder may scale a picture down to."""
        side = max(
            self._preprocessing.shortest_edge, self._preprocessing.height, self._preprocessing.width
        )
        return max(side, min(_MARGIN * side, _ENOUGH))

    def preprocess(self, image: Image) -> UInt8Array:
        """A picture of any size to (height, width, 3) uint8, as the model's files say."""
        return self._preprocessing.pixels(image)

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        """Embed preprocessed images.

        Args:
            pixels: (n, height, width, 3) uint8, from `preprocess`.
        Returns:
            (n, dim) float32; every row has L2 norm 1 within 1e-5.
        Raises:
            ValueError: another shape or dtype.
            WeightsCorrupt: the network's file is damaged or of another kind.
        Source:
            CLIP, arXiv:2103.00020; SigLIP 2, arXiv:2502.14786.
        """
        expected = (self._preprocessing.height, self._preprocessing.width, 3)
        if pixels.ndim != 4 or pixels.shape[1:] != expected or pixels.dtype != np.uint8:
            raise ValueError(
                f"pixels must be (n, {expected[0]}, {expected[1]}, 3) uint8,"
                f" not {pixels.shape} {pixels.dtype}"
            )
        return self._in_parts(len(pixels), lambda part: pixels[part])

    def encode_images(self, images: Sequence[Image]) -> Float32Array:
        """Embed decoded images of any size, each scaled on the core that embeds it.

        Returns:
            (n, dim) float32; every row has L2 norm 1 within 1e-5.
        Raises:
            WeightsCorrupt: the network's file is damaged or of another kind.
        """
        return self._in_parts(
            len(images), lambda part: np.stack([self.preprocess(image) for image in images[part]])
        )

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        """Embed texts.

        Args:
            texts: n texts; each is cut at the model's limit, which keeps the end mark.
        Returns:
            (n, dim) float32; every row has L2 norm 1 within 1e-5.
        Raises:
            WeightsMissing, WeightsCorrupt: the network or its tokenizer.
        """
        rows = np.empty((len(texts), self._dim), dtype=np.float32)
        for start in range(0, len(texts), TEXT_BATCH):
            found = self._texts.rows(texts[start : start + TEXT_BATCH])
            rows[start : start + TEXT_BATCH] = self._unit(found, "text")
        return rows

    def _in_parts(self, count: int, pixels: Callable[[slice], UInt8Array]) -> Float32Array:
        with self._lock:
            (network, output), parts = self._network, self._parts

        def run(part: slice) -> Float32Array:
            feed = {"pixel_values": self._preprocessing.normalised(pixels(part))}
            return self._unit(network.run(output, feed), "image")

        return parts.run(count, run)

    def _unit(self, rows: Float32Array, side: str) -> Float32Array:
        if rows.ndim != 2 or rows.shape[1] != self._dim:
            raise WeightsCorrupt(
                f"the {side} network of {self.name.text} gives {rows.shape[-1]} numbers and the"
                f" model says {self._dim}: its files do not belong together, get them again"
            )
        unit = rows.astype(np.float32)
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
        return unit

    @property
    def _dim(self) -> int:
        known = self._space.model
        return known.dim if known else self._images.dim

    @cached_property
    def _checksum(self) -> str:
        identity = tower(self._images, weights.VISION, self._precision).identity
        text = f"{identity}\n{self._preprocessing.identity}"
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _parts(self) -> Parts:
        # A GPU takes the whole batch; cores take a part each.
        if self._network[0].device == "cuda":
            return Parts(1, 256, self._dim)
        return Parts(self._threads, BATCH, self._dim)

    @cached_property
    def _network(self) -> tuple[Network, str]:
        path = tower(self._images, weights.VISION, self._precision).path
        network = Network(path, self._wanted, threads=1)
        return network, network.output(("image_embeds", "pooler_output"), ("pixel_values",), path)


if TYPE_CHECKING:
    from collections.abc import Callable

    def _conforms(encoder: OnnxClip) -> Encoder:
        return encoder

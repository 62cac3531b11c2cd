"""The encoder that ships with the package: no network, no torch.

Two EfficientNet-Lite classifiers give probabilities over ImageNet's 1000 classes; the first 384
numbers of an embedding are the mean of the class names' sentence embeddings under those
probabilities (ConSE, arXiv:1312.5650), the other 128 a projection of the pooled features. A text
fills only the first part. All arithmetic is inside two ONNX graphs made by
`tools/build_offline_model.py`; the numbers of the preprocessing lie beside them in manifest.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from vistazo.encoders.parts import Parts
from vistazo.errors import WeightsCorrupt
from vistazo.records import EncoderSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

    from vistazo.encoders.base import Encoder
    from vistazo.records import Float32Array, UInt8Array

FOLDER = Path(__file__).parent / "offline_model"
SUMS = "SHA256SUMS"
REMEDY = "pip install --force-reinstall vistazo"
# Pictures of one run of the network, on one core. Runs side by side do not wait for each other at
# every layer, as threads inside one run do: 92 pictures/s instead of 84, and 77 instead of 70 while
# decoding takes a part of the cores. Larger batches leave the processor's cache.
BATCH = 8
TEXT_BATCH = 32
BORDER_SIDE = 64  # the border is judged on a copy of this size


class OfflineEncoder:
    """Embeds images and texts into one 512-d space with the models inside the package.

    Sessions are created at first use, one for images and one for texts. Safe to use from
    several threads.
    """

    def __init__(self, *, threads: int | None = None, folder: Path | None = None) -> None:
        """Read the small files; the models load at first use.

        Args:
            threads: how many cores one call for images may use; None means all.
            folder: where the model files lie; None means the package's own.
        Raises:
            WeightsCorrupt: manifest or checksums are missing or damaged.
        """
        self._folder = FOLDER if folder is None else folder
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._sums_text = self._read(SUMS).decode("utf-8", "replace")
        self._sums = {
            name: digest
            for digest, _, name in (line.partition("  ") for line in self._sums_text.splitlines())
        }
        manifest = json.loads(self._verified("manifest.json"))
        self._name, self._dim = str(manifest["name"]), int(manifest["dim"])
        self._side = int(manifest["input_side"])
        self._plain_border = float(manifest["plain_border"])

    @property
    def spec(self) -> EncoderSpec:
        """Name, dimension and checksum over all model files and the preprocessing's numbers."""
        checksum = hashlib.sha256(self._sums_text.encode()).hexdigest()
        return EncoderSpec(name=self._name, dim=self._dim, checksum=checksum)

    @property
    def notice(self) -> str:
        """What a user should know once."""
        return (
            "the offline encoder knows only what ImageNet's 1000 classes cover, and reads English"
        )

    @property
    def input_side(self) -> int:
        """Side of the model's square input, in pixels."""
        return self._side

    def preprocess(self, image: Image) -> UInt8Array:
        """Fit an image into the model's square input.

        A picture with a plain border, as of a product or a drawing, is padded in the border's
        colour. Any other is squeezed to a square: on photographs padding costs recall.

        Args:
            image: any size; converted to RGB if it is not.
        Returns:
            (side, side, 3) uint8 in [0, 255].
        """
        if image.mode != "RGB":
            image = image.convert("RGB")
        square = (self._side, self._side)
        bicubic = PillowImage.Resampling.BICUBIC
        width, height = image.size
        if width == height:
            return np.array(image.resize(square, bicubic, reducing_gap=2.0), dtype=np.uint8)
        colour = self._border_colour(image)
        if colour is None:
            return np.array(image.resize(square, bicubic, reducing_gap=2.0), dtype=np.uint8)
        scale = self._side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = PillowImage.new("RGB", square, colour)
        offset = ((self._side - size[0]) // 2, (self._side - size[1]) // 2)
        canvas.paste(image.resize(size, bicubic, reducing_gap=2.0), offset)
        return np.array(canvas, dtype=np.uint8)

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        """Embed preprocessed images.

        Args:
            pixels: (n, side, side, 3) uint8, from `preprocess`.
        Returns:
            (n, 512) float32; every row has L2 norm 1 within 1e-5.
        Raises:
            ValueError: another shape or dtype.
            WeightsCorrupt: the model file is missing or damaged.
        """
        expected = (self._side, self._side, 3)
        if pixels.ndim != 4 or pixels.shape[1:] != expected or pixels.dtype != np.uint8:
            raise ValueError(
                f"pixels must be (n, {self._side}, {self._side}, 3) uint8,"
                f" not {pixels.shape} {pixels.dtype}"
            )
        return self._in_parts(len(pixels), lambda part: np.ascontiguousarray(pixels[part]))

    def encode_images(self, images: Sequence[Image]) -> Float32Array:
        """Embed decoded images.

        Args:
            images: n images, any size.
        Returns:
            (n, 512) float32; every row has L2 norm 1 within 1e-5.
        Raises:
            WeightsCorrupt: the model file is missing or damaged.
        """
        return self._in_parts(
            len(images), lambda part: np.stack([self.preprocess(image) for image in images[part]])
        )

    def _in_parts(self, count: int, pixels: Callable[[slice], UInt8Array]) -> Float32Array:
        with self._lock:
            session, parts = self._image_session, self._parts

        def run(part: slice) -> Float32Array:
            rows: Float32Array = session.run(None, {"pixels": pixels(part)})[0]
            return rows

        return parts.run(count, run)

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        """Embed texts, best in English.

        Args:
            texts: n texts; each is cut at 128 tokens.
        Returns:
            (n, 512) float32; every row has L2 norm 1 within 1e-5, its last 128 numbers are 0.
        Raises:
            WeightsCorrupt: the model or its tokenizer is missing or damaged.
        Source:
            all-MiniLM-L6-v2, centred on the mean of the class vectors.
        """
        rows = np.empty((len(texts), self._dim), dtype=np.float32)
        for start in range(0, len(texts), TEXT_BATCH):
            # a lone surrogate, as from a file name that is not UTF-8, is no text to the tokenizer
            batch = [
                text.encode("utf-8", "replace").decode()
                for text in texts[start : start + TEXT_BATCH]
            ]
            with self._lock:
                tokenizer, session = self._tokenizer, self._text_session
            tokens = tokenizer.encode_batch(batch)
            feed = {
                "input_ids": np.array([t.ids for t in tokens], dtype=np.int64),
                "attention_mask": np.array([t.attention_mask for t in tokens], dtype=np.int64),
            }
            (rows[start : start + TEXT_BATCH],) = session.run(None, feed)
        return rows

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self._threads, BATCH, self._dim)

    @cached_property
    def _image_session(self) -> Any:
        return self._session("image_encoder.onnx", threads=1)

    @cached_property
    def _text_session(self) -> Any:
        return self._session("text_encoder.onnx", threads=self._threads)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        return Tokenizer.from_buffer(self._verified("tokenizer.json"))

    def _session(self, name: str, *, threads: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        # idle threads that spin would take the cores from decoding
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(
            self._verified(name), options, providers=["CPUExecutionProvider"]
        )

    def _border_colour(self, image: Image) -> tuple[int, int, int] | None:
        """The border's median colour if the border is plain, else None."""
        small = image.resize(
            (BORDER_SIDE, BORDER_SIDE), PillowImage.Resampling.BICUBIC, reducing_gap=2.0
        )
        array = np.asarray(small, dtype=np.float32)
        border = np.concatenate([array[0], array[-1], array[:, 0], array[:, -1]])
        median = np.median(border, axis=0)
        if float(np.abs(border - median).mean()) >= self._plain_border:
            return None
        red, green, blue = (int(channel) for channel in median)
        return red, green, blue

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise WeightsCorrupt(f"cannot read the model file {path}. Run: {REMEDY}") from error

    def _verified(self, name: str) -> bytes:
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != self._sums.get(name):
            raise WeightsCorrupt(f"the model file {self._folder / name} is damaged. Run: {REMEDY}")
        return data


if TYPE_CHECKING:

    def _conforms(encoder: OfflineEncoder) -> Encoder:
        return encoder

"""Pictures to a model's input, as its `preprocessor_config.json` says.

The reference is transformers' image processor that works with Pillow (`CLIPImageProcessorPil`,
`SiglipImageProcessorPil`, until version 4 `CLIPImageProcessor`): the result is the same to the
last bit. The one that works with torchvision differs from both by up to some 1/255 a pixel.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from vistazo.errors import WeightsCorrupt, WeightsMissing

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.records import Float32Array, UInt8Array

FILE = "preprocessor_config.json"
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its pictures.

    Attributes:
        shortest_edge: the picture's shorter side is scaled to it, in pixels; 0 scales both sides
            to `height` and `width` instead.
        height, width: of the network's input, in pixels; the middle is cut out.
        resample: Pillow's number of the filter: 2 bilinear, 3 bicubic.
        scale: what a value in [0, 255] is multiplied by first.
        mean, std: of each channel; (value - mean) / std is what the network gets.
    """

    shortest_edge: int
    height: int
    width: int
    resample: int
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def identity(self) -> str:
        """A text that is the same for the same numbers."""
        return json.dumps(asdict(self), sort_keys=True)

    def pixels(self, image: Image) -> UInt8Array:
        """Scale and cut a picture.

        Args:
            image: any size; converted to RGB if it is not.
        Returns:
            (height, width, 3) uint8 in [0, 255].
        """
        if image.mode != "RGB":
            image = image.convert("RGB")
        wide, high = self._size(*image.size)
        scaled = image
        if (wide, high) != image.size:
            scaled = image.resize((wide, high), PillowImage.Resampling(self.resample))
        if (wide, high) == (self.width, self.height):
            return np.array(scaled, dtype=np.uint8)
        left, top = (wide - self.width) // 2, (high - self.height) // 2
        if left >= 0 and top >= 0:
            return np.array(
                scaled.crop((left, top, left + self.width, top + self.height)), dtype=np.uint8
            )
        return self._padded(scaled)

    def normalised(self, pixels: UInt8Array) -> Float32Array:
        """What the network reads.

        Args:
            pixels: (n, height, width, 3) uint8, from `pixels`.
        Returns:
            (n, 3, height, width) float32.
        """
        mean = np.array(self.mean, dtype=np.float32)[:, None, None]
        std = np.array(self.std, dtype=np.float32)[:, None, None]
        out = np.empty((len(pixels), 3, self.height, self.width), dtype=np.float32)
        np.multiply(
            pixels.transpose(0, 3, 1, 2), (np.float32(self.scale) / std), out=out, casting="unsafe"
        )
        out -= mean / std
        return out

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if not self.shortest_edge:
            return self.width, self.height
        short, long = sorted((width, height))
        longer = max(1, int(self.shortest_edge * long / short))
        if width <= height:
            return self.shortest_edge, longer
        return longer, self.shortest_edge

    def _padded(self, image: Image) -> UInt8Array:
        """The middle of a picture that is smaller than the input: black around it."""
        canvas = PillowImage.new(
            "RGB", (max(image.width, self.width), max(image.height, self.height))
        )
        across = math.ceil((canvas.width - image.width) / 2)
        down = math.ceil((canvas.height - image.height) / 2)
        canvas.paste(image, (across, down))
        left = max(0, (image.width - self.width) // 2 + across)
        top = max(0, (image.height - self.height) // 2 + down)
        box = (left, top, left + self.width, top + self.height)
        return np.array(canvas.crop(box), dtype=np.uint8)


def read(folder: Path, *, square: bool = False) -> Preprocessing:
    """What a model's folder says of its pictures.

    Args:
        square: a single number for the size means both sides, as in SigLIP's files.
    Raises:
        WeightsMissing: the file is not there.
        WeightsCorrupt: it is no such file, or asks for what we cannot do.
    """
    path = folder / FILE
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise WeightsMissing(
            f"the model in {folder} has no {FILE}: get that file too, it says how pictures are"
            " scaled"
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(f"{path} cannot be read ({error}): get it again") from error
    try:
        return _preprocessing(told, square=square)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsCorrupt(
            f"{path} does not say how pictures are scaled ({type(error).__name__}: {error}): get it"
            " again"
        ) from error


def _preprocessing(told: dict[str, Any], *, square: bool) -> Preprocessing:
    size, crop = told.get("size", 224), told.get("crop_size")
    if isinstance(size, int):
        size = {"height": size, "width": size} if square else {"shortest_edge": size}
    if isinstance(crop, int):
        crop = {"height": crop, "width": crop}
    cuts = bool(told.get("do_center_crop", not square))
    edge = int(size.get("shortest_edge", 0)) if told.get("do_resize", True) else 0
    if edge and not (cuts and crop):
        raise ValueError("do_center_crop is needed with shortest_edge")
    if not told.get("do_resize", True):
        raise ValueError("do_resize must not be false")
    sides = crop if cuts and crop else size
    if not edge and cuts and crop and crop != size:
        raise ValueError("size and crop_size must be the same, or size a shortest_edge")
    height, width = int(sides["height"]), int(sides["width"])
    if not all(0 < side <= _LARGEST for side in (height, width, edge or 1)):
        raise ValueError(f"sizes must be 1 to {_LARGEST}")
    resample = int(told.get("resample", 2 if square else 3))
    PillowImage.Resampling(resample)
    scale = float(told.get("rescale_factor", 1 / 255)) if told.get("do_rescale", True) else 1.0
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if told.get("do_normalize", True):
        mean = _three(told.get("image_mean", (0.5, 0.5, 0.5) if square else _CLIP_MEAN))
        std = _three(told.get("image_std", (0.5, 0.5, 0.5) if square else _CLIP_STD))
    if min(std) <= 0 or not all(map(math.isfinite, (scale, *mean, *std))):
        raise ValueError("image_std must be above 0")
    return Preprocessing(edge, height, width, resample, scale, mean, std)


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third

"""The port every encoder fits: CLIP, the offline one, a remote one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.records import EncoderSpec, Float32Array, UInt8Array

_SHA256 = 64  # hexadecimal digits


def fits(one: EncoderSpec | None, other: EncoderSpec) -> bool:
    """Whether vectors of both can be compared; the same files may go by two names.

    An encoder of a user's own may have any text as its checksum: then the names count too.
    """
    if one is None or (one.dim, one.checksum) != (other.dim, other.checksum):
        return False
    return one.name == other.name or len(one.checksum) == _SHA256


class Encoder(Protocol):
    """Turns images and texts into embeddings of one shared space.

    Images go in two steps, so that resizing runs in the decoding threads and only small arrays
    wait in the queue: `preprocess` one image, `encode_pixels` a batch. All methods are safe to
    call from several threads.
    """

    @property
    def spec(self) -> EncoderSpec:
        """Name, dimension and checksum, as a library records them."""
        ...

    @property
    def notice(self) -> str:
        """One sentence users should know once; empty when there is none."""
        ...

    @property
    def input_side(self) -> int:
        """Pixels; a decoder may scale an image down to this shorter side, never below."""
        ...

    def preprocess(self, image: Image) -> UInt8Array:
        """An RGB image of any size to (side, side, 3) uint8, the model's input."""
        ...

    def encode_pixels(self, pixels: UInt8Array) -> Float32Array:
        """(n, side, side, 3) uint8 to (n, dim) float32; every row has L2 norm 1 within 1e-5."""
        ...

    def encode_images(self, images: Sequence[Image]) -> Float32Array:
        """N RGB images of any size to (n, dim) float32; every row has L2 norm 1 within 1e-5."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        """N texts to (n, dim) float32; every row has L2 norm 1 within 1e-5.

        A text longer than the model reads is cut at the model's limit.
        """
        ...

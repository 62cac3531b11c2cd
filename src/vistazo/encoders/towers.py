"""A tower's ONNX file, whatever it takes: found, exported from a checkpoint, made smaller.

Every file has an identity, which goes into the checksum that a library records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from vistazo.encoders import digests
from vistazo.encoders.models import Precision
from vistazo.encoders.weights import Checkpoint


@dataclass(frozen=True, slots=True)
class Tower:
    """A network's file.

    Attributes:
        identity: a text that is the same for the same weights in the same precision.
    """

    path: Path
    identity: str


def tower(checkpoint: Checkpoint, stem: str, precision: Precision) -> Tower:
    """The file of a tower, made if need be.

    Args:
        stem: `vision_model`, `text_model` or `model`.
    Raises:
        WeightsMissing: there is nothing to make it of.
        WeightsCorrupt: the file is not what the Hub says it is.
        Unsupported: it must be made, and the extra `torch` is not installed.
    """
    found = checkpoint.find(stem, precision)
    if found is not None:
        return Tower(found, _identity(found))
    if precision == "fp16":
        raise checkpoint.lacks(f"{stem}_fp16.onnx, as fp16 needs")
    full = checkpoint.find(stem, "fp32")
    whole = Tower(full, _identity(full)) if full else _exported(checkpoint, stem)
    return whole if precision == "fp32" else _quantised(whole, stem)


def _identity(path: Path) -> str:
    data = path.with_name(f"{path.name}_data")
    parts = [digests.verified(path)]
    if data.is_file():
        parts.append(digests.verified(data))
    return "+".join(parts)


def _exported(checkpoint: Checkpoint, stem: str) -> Tower:
    """The same network from transformers' checkpoint; exported at the first time."""
    weights = checkpoint.safetensors
    if weights is None:
        raise checkpoint.lacks(f"onnx/{stem}.onnx")
    digest = digests.verified(weights)
    target = _made(digest) / f"{stem}.onnx"
    if not target.is_file():
        from vistazo.encoders.export import export

        export(checkpoint, stem, target)
    return Tower(target, digest)


def _quantised(whole: Tower, stem: str) -> Tower:
    from vistazo.encoders.quantize import RECIPE

    target = _made(digests.sha256(whole.path)) / f"{stem}_{RECIPE}.onnx"
    if not target.is_file():
        from vistazo.encoders.quantize import quantize

        quantize(whole.path, target)
    return Tower(target, f"{whole.identity}:{RECIPE}")


def _made(digest: str) -> Path:
    return Path(user_cache_path("vistazo")) / "models" / digest[:32]

"""Networks in 8 bits: weights once, activations as they come."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from vistazo.encoders.export import require

# Part of the identity: other numbers come out when the recipe changes.
RECIPE = "int8"


def quantize(source: Path, target: Path) -> None:
    """Write a network with 8-bit matrices.

    Args:
        source: an ONNX file in single precision.
        target: the file; it appears when it is whole.
    Raises:
        Unsupported: `onnx` is not installed.
    """
    require("onnx", purpose=f"{source} has no int8 twin and one must be made")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target.parent.mkdir(parents=True, exist_ok=True)
    whole = target.with_name(f"{target.name}.{os.getpid()}")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns of a step that helps nothing here
    try:
        quantize_dynamic(
            source,
            whole,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        whole.replace(target)
    finally:
        root.setLevel(level)
        whole.unlink(missing_ok=True)

"""ONNX Runtime: a network from its file, on the device that was asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vistazo.encoders.models import Device
from vistazo.errors import Unsupported, WeightsCorrupt

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def chosen(device: Device) -> str:
    """`cpu` or `cuda`: what `auto` becomes here.

    Raises:
        Unsupported: a GPU was asked for, and ONNX Runtime has none.
    """
    import onnxruntime

    has_cuda = _CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise Unsupported(
            "the device cuda cannot be used, because the installed ONNX Runtime has no CUDA. Run:"
            " pip install onnxruntime-gpu, or give --device cpu"
        )
    return "cuda" if has_cuda and device != "cpu" else "cpu"


class Network:
    """One loaded model file.

    Attributes:
        inputs, outputs: names.
        device: `cpu` or `cuda`, what it runs on.
    """

    def __init__(self, path: Path, device: Device, *, threads: int) -> None:
        """Load a file.

        Args:
            threads: that one call uses; 0 means as many as there are cores.
        Raises:
            WeightsCorrupt: it is no model.
            Unsupported: it cannot be run on the device that was asked for.
        """
        import onnxruntime

        wanted = chosen(device)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        # Idle threads that spin would take the cores from decoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [_CUDA, _CPU] if wanted == "cuda" else [_CPU]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors have no base of their own
            said = " ".join(str(error).split())[:200]
            raise WeightsCorrupt(
                f"the model file {path} cannot be loaded: get it again ({said})"
            ) from error
        self.inputs = {each.name: each.type for each in self._session.get_inputs()}
        self.outputs = {each.name: each.shape for each in self._session.get_outputs()}
        self.device = "cuda" if _CUDA in self._session.get_providers() else "cpu"
        if device == "cuda" and self.device != "cuda":
            raise Unsupported(
                "the device cuda cannot be used: ONNX Runtime could not start it; check the"
                " driver and CUDA's libraries, or give --device cpu"
            )

    def output(self, names: Sequence[str], feeds: Sequence[str], path: Path) -> str:
        """The first of these outputs that there is.

        Args:
            feeds: what we can feed.
        Raises:
            WeightsCorrupt: there is none of them, or the network reads something else.
        """
        if unknown := [name for name in self.inputs if name not in feeds]:
            raise WeightsCorrupt(
                f"the model file {path} reads {', '.join(unknown)}, which we do not have: it is"
                " another kind of model"
            )
        for name in names:
            if name in self.outputs:
                return name
        raise WeightsCorrupt(
            f"the model file {path} has none of the outputs {', '.join(names)}, only"
            f" {', '.join(self.outputs)}: it is another kind of model"
        )

    def run(self, output: str, feed: dict[str, Any]) -> Any:
        """One output for a batch; `feed` may hold more than the network reads."""
        given = {
            # half of the fp16 files out there also want their input in 16 bits
            name: feed[name].astype(np.float16) if kind == "tensor(float16)" else feed[name]
            for name, kind in self.inputs.items()
        }
        return self._session.run([output], given)[0]

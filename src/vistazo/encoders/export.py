"""transformers' checkpoints to ONNX files, once, with the extra `torch`."""

from __future__ import annotations

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

from vistazo.encoders.weights import TEXT, VISION, Checkpoint
from vistazo.errors import Unsupported, WeightsCorrupt

NEEDED = ("torch", "transformers", "onnx", "onnxscript")
OPSET = 18


def export(checkpoint: Checkpoint, stem: str, target: Path) -> None:
    """Write one tower of a checkpoint as ONNX.

    Args:
        target: the file; it appears when it is whole.
    Raises:
        Unsupported: the extra `torch` is not installed.
        WeightsCorrupt: transformers cannot read the checkpoint.
    """
    require(*NEEDED, purpose=f"the model in {checkpoint.folder} is PyTorch's")
    import torch

    model, inputs, output = _tower(checkpoint, stem)
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = target.with_name(f"{target.name}.{os.getpid()}")
    axes = {
        name: {0: "batch", **({1: "length"} if name != "pixel_values" else {})} for name in inputs
    }
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            # The tracer's graphs run as fast, and as those of the Hub's ONNX repositories do.
            torch.onnx.export(
                model,
                tuple(inputs.values()),
                str(whole),
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={**axes, output: {0: "batch"}},
                opset_version=OPSET,
                dynamo=False,
            )
        whole.replace(target)
    finally:
        whole.unlink(missing_ok=True)


def load(checkpoint: Checkpoint) -> Any:
    """transformers' whole model in single precision, on the CPU.

    Raises:
        WeightsCorrupt: transformers cannot read the checkpoint.
    """
    import torch
    import transformers

    try:
        model = transformers.AutoModel.from_pretrained(
            str(checkpoint.folder),
            dtype=torch.float32,
            attn_implementation="eager",
            local_files_only=True,
        )
    except Exception as error:  # transformers, safetensors and torch each have their own
        said = " ".join(str(error).split())[:200]
        raise WeightsCorrupt(
            f"the model in {checkpoint.folder} cannot be loaded: get it again ({said})"
        ) from error
    return model.eval()


def require(*modules: str, purpose: str) -> None:
    """Raise Unsupported, with the command that helps, unless all of them can be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise Unsupported(
                f'{purpose}, which needs {module}. Run: pip install "vistazo[torch]"'
            ) from error


def _tower(checkpoint: Checkpoint, stem: str) -> tuple[Any, dict[str, Any], str]:
    """A module that gives one output, inputs to trace it with, and the output's name."""
    import torch

    whole = load(checkpoint)

    class Vision(torch.nn.Module):  # type: ignore[misc]
        def forward(self, pixel_values: Any) -> Any:
            found = whole.vision_model(pixel_values=pixel_values).pooler_output
            return whole.visual_projection(found) if hasattr(whole, "visual_projection") else found

    class Text(torch.nn.Module):  # type: ignore[misc]
        def forward(self, input_ids: Any) -> Any:
            found = whole.text_model(input_ids=input_ids).pooler_output
            return whole.text_projection(found) if hasattr(whole, "text_projection") else found

    class States(torch.nn.Module):  # type: ignore[misc]
        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return whole(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    projects = hasattr(whole, "visual_projection")
    if stem == VISION:
        side = whole.config.vision_config.image_size
        pixels = torch.zeros(2, 3, side, side)
        module: Any = Vision()
        module.whole = whole
        return (
            module.eval(),
            {"pixel_values": pixels},
            "image_embeds" if projects else "pooler_output",
        )
    if stem == TEXT:
        ids = torch.ones(2, checkpoint.text_limit, dtype=torch.int64)
        module = Text()
        module.whole = whole
        return module.eval(), {"input_ids": ids}, "text_embeds" if projects else "pooler_output"
    ids = torch.ones(2, 8, dtype=torch.int64)
    module = States()
    module.whole = whole
    return module.eval(), {"input_ids": ids, "attention_mask": ids}, "last_hidden_state"

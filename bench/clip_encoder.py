"""What each way of running ViT-B/32's image network gives: 8 bits, batch shapes, threads.

The network has full size and random weights. Every way is measured in turns, on the same pixels, so
that whatever else the machine does falls on all. The cosine is with fp32; `apart` is the same
without what all vectors have in common, as random weights make vectors that are alike.

Needs the extra `torch`. Run: python bench/clip_encoder.py [--pictures 48] [--rounds 3]
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "parity"))
CORES = os.cpu_count() or 1


@dataclass
class Way:
    """One way: a file, how many pictures a run takes, and how the cores are shared out."""

    name: str
    path: Path
    batch: int = 8
    side_by_side: bool = True
    rates: list[float] = field(default_factory=list)
    rows: Any = None
    session: Any = None

    def load(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1 if self.side_by_side else CORES
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            str(self.path), options, providers=["CPUExecutionProvider"]
        )

    def run(self, pixels: Any) -> None:
        parts = [pixels[at : at + self.batch] for at in range(0, len(pixels), self.batch)]
        started = time.perf_counter()
        with ThreadPoolExecutor(CORES if self.side_by_side else 1) as pool:
            found = list(
                pool.map(lambda part: self.session.run(None, {"pixel_values": part})[0], parts)
            )
        self.rates.append(len(pixels) / (time.perf_counter() - started))
        rows = np.concatenate(found)
        self.rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Calibration:
    """Pictures that a static quantisation looks at."""

    def __init__(self, pixels: Any) -> None:
        self._parts = iter([pixels[at : at + 4] for at in range(0, len(pixels), 4)])

    def get_next(self) -> dict[str, Any] | None:
        part = next(self._parts, None)
        return None if part is None else {"pixel_values": part}


def variants(full: Path, pixels: Any) -> dict[str, Path]:
    """Files made of one in single precision."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    CalibrationDataReader.register(Calibration)
    place = full.parent
    made = {"fp32": full}
    kinds = ["MatMul", "Gemm"]

    def dynamic(name: str, source: Path, **how: Any) -> None:
        target = place / f"{name}.onnx"
        how = {"op_types_to_quantize": kinds, "weight_type": QuantType.QInt8, **how}
        quantize_dynamic(source, target, **how)
        made[name] = target

    dynamic("dynamic", full)
    dynamic("dynamic, 7 bits", full, reduce_range=True)
    dynamic("dynamic, by channel", full, per_channel=True)
    dynamic("dynamic, by channel, 7 bits", full, per_channel=True, reduce_range=True)
    dynamic("dynamic, unsigned, by channel", full, per_channel=True, weight_type=QuantType.QUInt8)
    try:
        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions

        fused = optimizer.optimize_model(
            str(full),
            model_type="clip",
            num_heads=12,
            hidden_size=768,
            opt_level=1,
            optimization_options=FusionOptions("clip"),
        )
        made["fused"] = place / "fused.onnx"
        fused.save_model_to_file(str(made["fused"]))
        print("fused:", {k: n for k, n in fused.get_fused_operator_statistics().items() if n})
        dynamic(
            "fused, by channel, 7 bits",
            made["fused"],
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=[*kinds, "Attention"],
            extra_options={"DefaultTensorType": 1},  # single precision
        )
    except Exception as error:  # a study: what cannot be made is left out, and said
        print(f"fused: not made ({type(error).__name__}: {error})")
    try:
        clean = place / "clean.onnx"
        quant_pre_process(str(full), str(clean), skip_symbolic_shape=True)
        for name, format_ in (("static", QuantFormat.QOperator), ("static, QDQ", QuantFormat.QDQ)):
            target = place / f"{name}.onnx"
            quantize_static(
                str(clean),
                str(target),
                Calibration(pixels[:16]),
                quant_format=format_,
                op_types_to_quantize=kinds,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            made[name] = target
    except Exception as error:
        print(f"static: not made ({type(error).__name__}: {error})")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", action="store_true", help="files only, no batch shapes")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    from parity import make, pictures, tokenizer
    from vistazo.encoders.export import export
    from vistazo.encoders.weights import VISION, Checkpoint

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _, processor = make(place, tokenizer(None), small=False)
        export(Checkpoint(place, {"model_type": "clip"}, ""), VISION, place / "full.onnx")
        images = pictures(options.pictures)
        pixels = processor(images=images, return_tensors="np")["pixel_values"]
        files = variants(place / "full.onnx", pixels)
        ways = [Way(each, path) for each, path in files.items()]
        best = "dynamic, by channel, 7 bits"
        if options.files:
            return measure(ways, pixels, options.rounds)
        for which in ("fp32", best):
            for batch in (1, 2, 4, 16, 24):
                ways.append(Way(f"{which}; {batch} a run", files[which], batch))
            ways.append(Way(f"{which}; all cores in each run of 8", files[which], 8, False))
            ways.append(Way(f"{which}; all cores, 1 a run", files[which], 1, False))
        measure(ways, pixels, options.rounds)
    return None


def measure(ways: list[Way], pixels: Any, rounds: int) -> None:
    """Run all ways in turns, and print what each gave."""
    for way in ways:
        way.load()
        way.run(pixels[: 2 * way.batch])
        way.rates.clear()
    for _ in range(rounds):
        for way in ways:
            way.run(pixels)
    report(ways)


def report(ways: list[Way]) -> None:
    full = ways[0].rows
    middle = full.mean(axis=0)
    base = statistics.median(ways[0].rates)
    print(f"load {os.getloadavg()[0]:.1f} on {CORES} cores")
    print(f"{'':44}{'pictures/s':>11}{'x fp32':>8}{'mean':>9}{'worst':>9}{'apart':>8}")
    for way in ways:
        rate = statistics.median(way.rates)
        cosine = (way.rows * full).sum(1)
        ours, theirs = way.rows - middle, full - middle
        apart = (ours * theirs).sum(1) / (
            np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        )
        print(
            f"{way.name:44}{rate:11.1f}{rate / base:8.2f}{cosine.mean():9.5f}"
            f"{cosine.min():9.5f}{apart.mean():8.4f}"
        )


if __name__ == "__main__":
    main()

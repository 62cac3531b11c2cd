"""The walk-through's loop, and the model for it: run by a Python that has torch and transformers.

python bench/ingest_loop.py make FOLDER
    A checkpoint of the geometry of ViT-B/32 with random weights, also as ONNX in fp32 and int8.
python bench/ingest_loop.py loop FOLDER PORT COUNT
    Download, decode and embed one picture after the other; prints the seconds of each stage.

Needs torch, transformers, onnx, onnxscript, onnxruntime, requests and Pillow, and nothing of
vistazo's.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

PREPROCESSING = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "CLIPImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 224},
}


def make(folder: Path) -> None:
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig()).eval()  # the defaults are those of ViT-B/32
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))

    class Vision(torch.nn.Module):  # type: ignore[misc]
        def forward(self, pixel_values: Any) -> Any:
            return model.visual_projection(model.vision_model(pixel_values).pooler_output)

    vision = Vision()
    vision.model = model
    (folder / "onnx").mkdir(exist_ok=True)
    target = folder / "onnx" / "vision_model.onnx"
    with torch.inference_mode():
        torch.onnx.export(
            vision.eval(),
            (torch.zeros(2, 3, 224, 224),),
            str(target),
            input_names=["pixel_values"],
            output_names=["image_embeds"],
            dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}},
            opset_version=18,
            dynamo=False,
        )
    quantize_dynamic(
        target,
        target.with_name("vision_model_quantized.onnx"),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


def loop(folder: Path, port: int, count: int) -> dict[str, float]:
    import requests
    import torch
    from PIL import Image
    from transformers import CLIPModel

    try:
        from transformers import CLIPImageProcessorPil as Processor
    except ImportError:
        from transformers import CLIPImageProcessor as Processor

    model = CLIPModel.from_pretrained(folder).eval()
    processor = Processor.from_pretrained(folder)
    spent = {"download": 0.0, "decode": 0.0, "preprocess": 0.0, "encoder": 0.0}

    def one(number: int) -> None:
        times = [time.perf_counter()]
        data = requests.get(f"http://127.0.0.1:{port}/{number}", timeout=60).content
        times.append(time.perf_counter())
        image = Image.open(io.BytesIO(data)).convert("RGB")
        times.append(time.perf_counter())
        inputs = processor(images=image, return_tensors="pt")
        times.append(time.perf_counter())
        with torch.no_grad():
            model.get_image_features(**inputs)
        times.append(time.perf_counter())
        for at, stage in enumerate(spent):
            spent[stage] += times[at + 1] - times[at]

    one(0)
    spent = dict.fromkeys(spent, 0.0)
    started = time.perf_counter()
    for number in range(count):
        one(number)
    return {"whole": time.perf_counter() - started, **spent}


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        make(Path(folder))
    else:
        print(json.dumps(loop(Path(folder), int(rest[0]), int(rest[1]))))

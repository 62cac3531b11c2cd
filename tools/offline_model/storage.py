"""Smaller weights, same arithmetic: int8 or fp16 in the file, float32 when the graph is loaded.

Every large weight becomes `Cast` (and `Mul` by a scale per output channel), which onnxruntime
folds into a float32 constant at load. Computation therefore stays float32: the result does not
depend on the rest of the batch, as it does with dynamic quantisation, nor on the processor's
int8 instructions.
"""

# torch and onnx are not installed where the checks run
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 2048  # elements; below, a weight stays float32


def _int8(array: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    others = tuple(i for i in range(array.ndim) if i != axis)
    scale = np.maximum(np.abs(array).max(axis=others, keepdims=True), 1e-12) / 127.0
    rounded = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
    return rounded, scale.astype(np.float32)


def shrink(model: onnx.ModelProto, keep_fp16: frozenset[str] = frozenset()) -> onnx.ModelProto:
    """Store the weights of Conv, MatMul, Gemm and Gather as int8, other large ones as fp16.

    Args:
        model: float32 graph; changed in place.
        keep_fp16: prefixes of initializers that must not go below fp16.
    Returns:
        The same model.
    """
    graph = model.graph
    users: dict[str, tuple[onnx.NodeProto, int]] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            users.setdefault(name, (node, position))
    head, initializers = [], []
    for weight in graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < SMALLEST:
            initializers.append(weight)
            continue
        name, (node, position) = weight.name, users[weight.name]
        depthwise = node.op_type == "Conv" and array.shape[1] == 1
        axis = {"Conv": 0, "Gather": 0, "MatMul": 1}.get(node.op_type)
        if node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axis = 0 if transposed else 1
        fp16 = depthwise or array.ndim < 2 or name.startswith(tuple(keep_fp16))
        if fp16 or axis is None or (node.op_type != "Gather" and position != 1):
            initializers.append(numpy_helper.from_array(array.astype(np.float16), f"{name}_16"))
            head.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
            continue
        rounded, scale = _int8(array, axis)
        initializers.append(numpy_helper.from_array(rounded, f"{name}_8"))
        initializers.append(numpy_helper.from_array(scale, f"{name}_scale"))
        if node.op_type == "Gather":  # rows are looked up first: the table is never widened
            out, at = node.output[0], list(graph.node).index(node)
            rows, wide, scales = f"{out}_rows", f"{out}_wide", f"{out}_scales"
            extra = [
                helper.make_node("Gather", [f"{name}_8", node.input[1]], [rows]),
                helper.make_node("Cast", [rows], [wide], to=TensorProto.FLOAT),
                helper.make_node("Gather", [f"{name}_scale", node.input[1]], [scales]),
                helper.make_node("Mul", [wide, scales], [out]),
            ]
            graph.node.remove(node)
            for offset, new in enumerate(extra):
                graph.node.insert(at + offset, new)
            continue
        head.append(helper.make_node("Cast", [f"{name}_8"], [f"{name}_wide"], to=TensorProto.FLOAT))
        head.append(helper.make_node("Mul", [f"{name}_wide", f"{name}_scale"], [name]))
    body = list(graph.node)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(head + body)
    graph.initializer.extend(initializers)
    onnx.checker.check_model(model)
    return model

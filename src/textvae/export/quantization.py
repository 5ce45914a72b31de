"""Weights in int8, products in integers, one scale a row of the input.

A weight matrix becomes 8-bit integers with a scale an output, an embedding table with a scale a row. What is multiplied
with a matrix is rounded to 8 bits when it is there, each row by its own largest value, so that no row depends on those
it is computed with. Deviation from onnxruntime's dynamic quantisation, whose one scale a batch lets a text depend on
its batch, and whose signed weights overflow 16 bits on CPUs without VNNI instructions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

LEVELS = 127
"""Steps to either side of zero, which is stored as `ZERO`."""
ZERO = 128
CONTRIB = "com.microsoft"
"""The domain of onnxruntime's own operators."""
CONSTANTS = {
    "int8/levels": np.float32(LEVELS),
    "int8/offset": np.float32(ZERO),
    "int8/zero": np.uint8(ZERO),
    "int8/one": np.float32(1),
    "int8/least": np.float32(1e-30),
}
"""What the rewritten nodes share; `least` keeps a row of zeros from a division by zero."""


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its products by constant matrices and its look-ups in constant tables in int8.

    Recurrences over whole texts (GRU and LSTM operators) stay in float32.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = _Graph({tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer})
    for node in model.graph.node:
        REWRITES.get(node.op_type, _Graph.keep)(graph, node)
    read = {name for node in graph.nodes for name in node.input}
    arrays = {name: array for name, array in graph.arrays.items() if name in read}
    del result.graph.node[:], result.graph.initializer[:]
    result.graph.node.extend(graph.nodes)
    result.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    result.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    return result


class _Graph:
    """Nodes and constants of the graph that is written."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays | {name: np.asarray(value) for name, value in CONSTANTS.items()}
        self.nodes: list[NodeProto] = []

    def keep(self, node: NodeProto) -> None:
        self.nodes.append(node)

    def gemm(self, node: NodeProto) -> None:
        """Rewrite x @ W + b; W may be transposed."""
        given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        plain = all(given.get(name, 1) == 1 for name in ("alpha", "beta")) and not given.get("transA", 0)
        if not plain or not self._is_matrix(node.input[1]):
            return self.keep(node)
        weight = self.arrays[node.input[1]]
        bias = node.input[2] if len(node.input) > 2 else None
        self._product(node, weight.T if given.get("transB", 0) else weight, bias)

    def matmul(self, node: NodeProto) -> None:
        """Rewrite x @ W."""
        if not self._is_matrix(node.input[1]):
            return self.keep(node)
        self._product(node, self.arrays[node.input[1]], None)

    def gather(self, node: NodeProto) -> None:
        """Look up rows of a table of embeddings."""
        name, axis = node.input[0], [a.i for a in node.attribute if a.name == "axis"]
        if not self._is_matrix(name) or any(axis):
            return self.keep(node)
        table, scale = rounded(self.arrays[name], axis=1)
        rows, scales = f"{name}/rows", f"{name}/scales"
        self.arrays |= {rows: table, scales: scale}
        [output] = node.output
        stem = f"{output}/int8"
        self._add("Gather", [rows, node.input[1]], f"{stem}/levels")
        self._add("Gather", [scales, node.input[1]], f"{stem}/scale")
        self._add("Cast", [f"{stem}/levels"], f"{stem}/float", to=TensorProto.FLOAT)
        self._add("Sub", [f"{stem}/float", "int8/offset"], f"{stem}/centred")
        self._add("Mul", [f"{stem}/centred", f"{stem}/scale"], output)

    def _product(self, node: NodeProto, weight: np.ndarray, bias: str | None) -> None:
        """W (K, N) by integers: y = largest |x| of the row * (x' W') * scale of the column + b."""
        [output] = node.output
        stem = f"{output}/int8"
        columns, scale = rounded(weight, axis=0)
        self.arrays |= {
            f"{stem}/weight": columns,
            f"{stem}/scale": (scale[0] / LEVELS).astype(np.float32),
        }
        self._add("Abs", [node.input[0]], f"{stem}/size")
        self._add("ReduceMax", [f"{stem}/size"], f"{stem}/largest", axes=[-1], keepdims=1)
        self._add("Max", [f"{stem}/largest", "int8/least"], f"{stem}/range")
        self._add("Div", [node.input[0], f"{stem}/range"], f"{stem}/share")
        self._add("Mul", [f"{stem}/share", "int8/levels"], f"{stem}/level")
        self._add("Round", [f"{stem}/level"], f"{stem}/whole")
        self._add("Add", [f"{stem}/whole", "int8/offset"], f"{stem}/moved")
        self._add("Cast", [f"{stem}/moved"], f"{stem}/input", to=TensorProto.UINT8)
        operands = ["input", "weight", "one", "scale"]
        names = [f"{stem}/{name}" if name != "one" else "int8/one" for name in operands]
        self._add(
            "MatMulIntegerToFloat", [*names, "int8/zero", "int8/zero"], f"{stem}/product", domain=CONTRIB
        )
        self._add("Mul", [f"{stem}/product", f"{stem}/range"], f"{stem}/scaled" if bias else output)
        if bias:
            self._add("Add", [f"{stem}/scaled", bias], output)

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def _is_matrix(self, name: str) -> bool:
        array = self.arrays.get(name)
        return array is not None and array.ndim == 2 and array.dtype == np.float32


REWRITES: dict[str, Callable[[_Graph, NodeProto], None]] = {
    "Gemm": _Graph.gemm,
    "MatMul": _Graph.matmul,
    "Gather": _Graph.gather,
}


def rounded(weight: np.ndarray, *, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 levels of a matrix and the scale of each of its slices along `axis`, kept as a dimension of 1.

    weight ≈ (levels - 128) * scale, off by half a scale at most.
    """
    scale = np.abs(weight).max(axis=axis, keepdims=True).astype(np.float32) / np.float32(LEVELS)
    levels = np.round(weight / np.where(scale == 0, 1, scale)) + ZERO
    return np.ascontiguousarray(levels.astype(np.uint8)), scale

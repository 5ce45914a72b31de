"""Graphs as files: what they have in common lies once, in one file of weights beside them."""

import hashlib
from collections.abc import Mapping

import onnx
from onnx import TensorProto, numpy_helper

WEIGHTS_DATA = "weights.data"
SMALLEST = 1024
"""Bytes of a tensor that goes into the file; smaller ones stay in their graph."""
ALIGNMENT = 4096
"""Bytes: the file is mapped into memory by pages."""


def graph_files(graphs: Mapping[str, onnx.ModelProto]) -> dict[str, bytes]:
    """Return the files of graphs by name: NAME.onnx each, and the weights, equal tensors once."""
    weights, offsets, files = bytearray(), {}, {}
    for name, model in graphs.items():
        slim = onnx.ModelProto()
        slim.CopyFrom(model)
        for tensor in slim.graph.initializer:
            _move(tensor, weights, offsets)
        files[f"{name}.onnx"] = slim.SerializeToString()
    return files | {WEIGHTS_DATA: bytes(weights)}


def _move(tensor: TensorProto, weights: bytearray, offsets: dict[bytes, int]) -> None:
    array = numpy_helper.to_array(tensor)
    content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    if len(content) < SMALLEST:
        return
    digest = hashlib.sha256(content).digest()
    if digest not in offsets:
        weights.extend(bytes(-len(weights) % ALIGNMENT))
        offsets[digest] = len(weights)
        weights.extend(content)
    moved = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    moved.data_location = TensorProto.EXTERNAL
    place = {"location": WEIGHTS_DATA, "offset": offsets[digest], "length": len(content)}
    for key, value in place.items():
        moved.external_data.add(key=key, value=str(value))
    tensor.CopyFrom(moved)

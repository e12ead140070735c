"""Constants that a `.tflite` file holds twice are stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from converters.flatbuffer import IDENTIFIER

GRAPH_BYTES = 65_536
"""Room for the graph that the writer starts with, beside that for the constants; it takes more as needed."""
SMALLEST = 64
"""Bytes below which a copy is not worth an entry."""


def share_constants(model: bytes) -> bytes:
    """Return the file with every constant that equals an earlier one, byte for byte, referring to that one's bytes.

    A table that is gathered from and multiplied with as well is two constants for the converter.

    Args:
        model: a `.tflite` file whose buffers lie within its flatbuffer.
    """
    whole: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    first: dict[bytes, int] = {}
    same: dict[int, int] = {}
    for index, buffer in enumerate(whole.buffers):
        if buffer.data is None or len(buffer.data) < SMALLEST:
            continue
        same[index] = first.setdefault(np.asarray(buffer.data, np.uint8).tobytes(), index)
    if all(index == other for index, other in same.items()):
        return model
    for graph in whole.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = same.get(tensor.buffer, tensor.buffer)
    for index, other in same.items():
        if index != other:
            whole.buffers[index] = schema.BufferT()
    builder = Builder(GRAPH_BYTES + len(model))
    builder.Finish(whole.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())

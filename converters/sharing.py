"""The constants of a `.tflite` file: whole tables in place of their stand-ins, and each stored once."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from converters.flatbuffer import IDENTIFIER
from converters.stand_ins import StandIn
from converters.summary import LARGEST_FILE
from ondevice.errors import OnDeviceError
from ondevice.units import format_bytes

GRAPH_BYTES = 65_536
"""Room for the graph that the writer starts with; it takes more as needed."""
SMALLEST = 64
"""Bytes below which a copy is not worth an entry, and a constant stays within the graph."""
ALIGNMENT = 16
"""What the start of a constant's data is a multiple of, in bytes from the start of the file."""
DATA_FIELD = 4
"""Where a buffer's table says where its data is, in bytes from the start of its list of fields."""

Constant = npt.NDArray[np.uint8]


def share_constants(model: bytes, stand_ins: Sequence[StandIn] = ()) -> bytes:
    """Return the file with whole tables, and with every constant that equals an earlier one referring to its bytes.

    A table that is gathered from and multiplied with as well is two constants for the converter. The graph is written
    first and the constants behind it, so that memory is needed for one copy of them, the file itself.

    Args:
        model: a `.tflite` file, with nothing appended.
        stand_ins: what some of its constants stand for.

    Raises:
        OnDeviceError: a stand-in is not in the file as it was given, or the file would be too large for the format.
    """
    whole: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    data = [_bytes_of(model, buffer) for buffer in whole.buffers]
    _fill(whole, data, stand_ins)
    same = _first_equals(data)
    if not stand_ins and all(index == other for index, other in same.items()):
        return model
    for graph in whole.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = same.get(tensor.buffer, tensor.buffer)
    return _written(whole, data, same)


def _first_equals(data: Sequence[Constant]) -> dict[int, int]:
    """Return, for every constant that is worth it, the first one with the same bytes, itself included."""
    lengths = Counter(len(constant) for constant in data)
    first: dict[tuple[int, bytes], int] = {}
    found = {}
    for index, constant in enumerate(data):
        size = len(constant)
        if size >= SMALLEST:
            # A length of its own says enough.
            digest = hashlib.sha256(constant.data).digest() if lengths[size] > 1 else b""
            found[index] = first.setdefault((size, digest), index)
    return found


def _bytes_of(model: bytes, buffer: Any) -> Constant:
    # The quantizer of dense layers writes data behind the graph; 0 and 1 are placeholders of writers.
    if buffer.offset > 1:
        return np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
    return np.zeros(0, np.uint8) if buffer.data is None else np.asarray(buffer.data, np.uint8)


def _fill(whole: Any, data: list[Constant], stand_ins: Sequence[StandIn]) -> None:
    """Put whole tables in place of their stand-ins, and their lengths into the tensors."""
    for stand_in in stand_ins:
        few, short = len(stand_in.rows), _flat(stand_in.rows)
        places = {index for index, constant in enumerate(data) if np.array_equal(constant, short)}
        tensors = [tensor for graph in whole.subgraphs for tensor in graph.tensors if tensor.buffer in places]
        if not tensors or any(tensor.shape[0] != few for tensor in tensors):
            shape, dtype = list(stand_in.array.shape), stand_in.array.dtype.name
            raise OnDeviceError(
                f"the converted file does not hold the table of shape {shape} ({dtype}) as it was given."
            )
        for tensor in tensors:
            tensor.shape = [len(stand_in.array), *tensor.shape[1:]]
        for index in places:
            data[index] = _flat(stand_in.array)


def _flat(array: npt.NDArray[Any]) -> Constant:
    """View an array's bytes, little-endian as in the file."""
    ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8)


def _written(whole: Any, data: Sequence[Constant], same: dict[int, int]) -> bytes:
    """Write the graph, and behind it the data of the buffers that are the first with theirs."""
    # One byte keeps a place for where the data will be; what equals another buffer has none.
    place = np.zeros(1, np.uint8)
    inside = [
        place if same.get(index) == index else each[:0] if index in same else each for index, each in enumerate(data)
    ]
    whole.buffers = [schema.BufferT(each if len(each) else None) for each in inside]
    builder = Builder(GRAPH_BYTES)
    builder.Finish(whole.Pack(builder), IDENTIFIER)
    graph = bytearray(builder.Output())
    read = schema.Model.GetRootAs(graph)
    parts: list[Any] = [graph]
    size = len(graph)
    for index in (index for index, other in same.items() if index == other):
        table = read.Buffers(index)._tab
        field = table.Pos + table.Offset(DATA_FIELD)
        # The length in four bytes, then the data.
        start = -(-(size + 4) // ALIGNMENT) * ALIGNMENT
        parts += [bytes(start - 4 - size), struct.pack("<I", len(data[index])), data[index]]
        struct.pack_into("<I", graph, field, start - 4 - field)
        size = start + len(data[index])
        if size > LARGEST_FILE:
            total = size + sum(len(data[later]) for later, other in same.items() if later == other and later > index)
            raise OnDeviceError(
                f"the file would have {format_bytes(total)}, the format reaches {format_bytes(LARGEST_FILE)}; "
                "choose a recipe or method with smaller tables."
            )
    return b"".join(parts)

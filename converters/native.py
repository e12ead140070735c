"""Native int4 tables: where the target gathers rows of one itself, the file holds one instead of packed int8.

TensorFlow has no GATHER of int4 and its converter fails on an int4 constant, so the graph is made with the numbers as
int8 and then says int4: the table, packed, and the rows gathered from it, which a CAST turns into float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from converters import target as targets
from converters.flatbuffer import IDENTIFIER
from converters.target import Target
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import OnDeviceError
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.quantize.scheme import INT4, NativeScheme, scheme_of

GRAPH_BYTES = 65_536
"""Room that the writer starts with; it takes more as needed."""


def with_native_tables(encoded: EncodedEmbedding, target: str) -> EncodedEmbedding:
    """Return the embedding with int4 tables where encoding and target have them, else with the reason why not.

    The numbers stay the same, and the bytes that they take.

    Args:
        encoded: the embedding.
        target: name of the runtime that the file is for.

    Raises:
        UsageError: the target is unknown.
    """
    chosen = targets.load(target)
    tables = {name: _stored_for(chosen, entry) for name, entry in encoded.tables.items()}
    return EncodedEmbedding(encoded.method, tables)


def _stored_for(target: Target, entry: EncodedTable) -> EncodedTable:
    member, width = scheme_of(entry.scheme), entry.table.width
    if not isinstance(member, NativeScheme):
        return entry
    if not target.int4_gather:
        return replace(entry, portable=f"{target.name} does not gather rows of an int4 table")
    if width % 2:
        return replace(
            entry, portable=f"rows of {width} do not fill whole bytes, so that runtimes would read wrong ones"
        )
    return replace(entry, arrays=member.native(entry.arrays))


def pack_int4(model: bytes, encoded: EncodedEmbedding) -> bytes:
    """Return the converter's file with every int4 table packed, and what is gathered from it called int4.

    Operations keep their versions, which `converters.stamp.stamped` puts right.

    Args:
        model: what the converter made of `encoded`, with all data inside the graph.
        encoded: the embedding, whose int4 tables are in the file as int8, one number per byte.

    Raises:
        OnDeviceError: such a table is not in the file, or something else than a look-up reads it.
    """
    tables = {name: entry.arrays[INT4] for name, entry in encoded.tables.items() if INT4 in entry.arrays}
    if not tables:
        return model
    whole: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    # All are found before any is packed, since small tables may be equal.
    places = {name: list(_places(whole, packed)) for name, packed in tables.items()}
    for name, packed in tables.items():
        if not places[name]:
            raise OnDeviceError(f"the converted file does not hold int4 table {name!r} as it was given.")
        for graph, index in places[name]:
            _say_int4(whole, graph, index, name)
            whole.buffers[graph.tensors[index].buffer].data = packed.reshape(-1).view(np.uint8)
    builder = Builder(GRAPH_BYTES)
    builder.Finish(whole.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _places(whole: Any, packed: npt.NDArray[np.int8]) -> Iterator[tuple[Any, int]]:
    """Give the graph and the index of each int8 constant with the numbers of a table."""
    numbers = NumpyOps().gather_int4(packed, np.arange(len(packed)))
    for graph in whole.subgraphs:
        for index, tensor in enumerate(graph.tensors):
            data = whole.buffers[tensor.buffer].data
            same_kind = tensor.type == schema.TensorType.INT8 and data is not None and len(data) == numbers.size
            if same_kind and np.array_equal(np.asarray(data, np.uint8).view(np.int8), numbers.reshape(-1)):
                yield graph, index


def _say_int4(whole: Any, graph: Any, table: int, name: str) -> None:
    """Call a table, the rows gathered from it and what their casts read int4."""
    graph.tensors[table].type = schema.TensorType.INT4
    for gather in _readers(whole, graph, table, "GATHER", name):
        [rows] = gather.outputs
        graph.tensors[rows].type = schema.TensorType.INT4
        for cast in _readers(whole, graph, rows, "CAST", name):
            if cast.builtinOptions is not None:
                cast.builtinOptions.inDataType = schema.TensorType.INT4


def _readers(whole: Any, graph: Any, tensor: int, allowed: str, name: str) -> Iterator[Any]:
    """Give the operations that read a tensor, which have to be of one kind."""
    for operator in graph.operators:
        if tensor in operator.inputs:
            code = whole.operatorCodes[operator.opcodeIndex].builtinCode
            if code != getattr(schema.BuiltinOperator, allowed) or operator.inputs[0] != tensor:
                found = next(key for key, value in vars(schema.BuiltinOperator).items() if value == code)
                raise OnDeviceError(f"operation {found} reads int4 table {name!r}; allowed is {allowed}.")
            yield operator

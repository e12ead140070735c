"""Int4 tables: where the target gathers rows of one itself, the file holds one instead of packed int8.

TensorFlow has no GATHER of int4 and its converter fails on an int4 constant, so the graph is made with the numbers as
int8 and then says int4: the table, packed, and the rows gathered from it, which a CAST turns into float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import OnDeviceError
from ondevice.quantize.scheme import INT4


def apply(file: ModelFile, facts: Facts) -> None:
    """Pack every int4 table, and call what is gathered from it int4.

    Operations keep their versions, which the pass `stamp` puts right.

    Raises:
        OnDeviceError: such a table is not in the file, or something else than a look-up reads it.
    """
    tables = {
        f"{layer}/{name}": entry.arrays[INT4]
        for layer, encoded in facts.layers.items()
        for name, entry in encoded.tables.items()
        if INT4 in entry.arrays
    }
    # All are found before any is packed, since small tables may be equal.
    places = {name: list(_places(file, packed)) for name, packed in tables.items()}
    for name, packed in tables.items():
        if not places[name]:
            raise OnDeviceError(f"the converted file does not hold int4 table {name!r} as it was given.")
        for graph, index in places[name]:
            _say_int4(file, graph, index, name)
            file.data[graph.tensors[index].buffer] = packed.reshape(-1).view(np.uint8)


def _places(file: ModelFile, packed: npt.NDArray[np.int8]) -> Iterator[tuple[Any, int]]:
    """Give the graph and the index of each int8 constant with the numbers of a table."""
    numbers = NumpyOps().gather_int4(packed, np.arange(len(packed)))
    for graph in file.model.subgraphs:
        for index, tensor in enumerate(graph.tensors):
            data = file.data[tensor.buffer]
            same_kind = tensor.type == schema.TensorType.INT8 and len(data) == numbers.size
            if same_kind and np.array_equal(data.view(np.int8), numbers.reshape(-1)):
                yield graph, index


def _say_int4(file: ModelFile, graph: Any, table: int, name: str) -> None:
    """Call a table, the rows gathered from it and what their casts read int4."""
    graph.tensors[table].type = schema.TensorType.INT4
    for gather in _readers(file, graph, table, "GATHER", name):
        [rows] = gather.outputs
        graph.tensors[rows].type = schema.TensorType.INT4
        for cast in _readers(file, graph, rows, "CAST", name):
            if cast.builtinOptions is not None:
                cast.builtinOptions.inDataType = schema.TensorType.INT4


def _readers(file: ModelFile, graph: Any, tensor: int, allowed: str, name: str) -> Iterator[Any]:
    """Give the operations that read a tensor, which have to be of one kind."""
    for found, operator in file.readers(graph, tensor):
        if found != allowed or operator.inputs[0] != tensor:
            raise OnDeviceError(f"operation {found} reads int4 table {name!r}; allowed is {allowed}.")
        yield operator

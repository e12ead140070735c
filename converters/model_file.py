"""A `.tflite` file as objects: read once, edited by passes, written once. The only writer of the format."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from ondevice.converters.flatbuffer import IDENTIFIER, RUNTIME_KEY, operation_names, tensor_types
from ondevice.converters.summary import LARGEST_FILE, FileSummary, Operator, TensorInfo
from ondevice.errors import OnDeviceError
from ondevice.units import format_bytes

GRAPH_BYTES = 65_536
"""Room for the graph that the writer starts with; it takes more as needed."""
SMALLEST = 64
"""Bytes below which a constant stays within the graph; larger ones follow it."""
ALIGNMENT = 16
"""What the start of a constant's data is a multiple of, in bytes from the start of the file."""
DATA_FIELD = 4
"""Where a buffer's table says where its data is, in bytes from the start of its list of fields."""

Constant = npt.NDArray[np.uint8]


class ModelFile:
    """The objects of a file, and the data of its buffers, which are views of it until a pass replaces them.

    Args:
        content: a `.tflite` file with nothing appended.

    Raises:
        OnDeviceError: its graph can't be read.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self.model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
        except (struct.error, ValueError, IndexError, TypeError) as error:
            raise OnDeviceError(f"the file can't be edited, since its graph can't be read: {error}.") from error
        self.data: list[Constant] = [_bytes_of(content, buffer) for buffer in self.model.buffers]

    @property
    def graph(self) -> Any:
        """The first graph, which the signature calls."""
        return self.model.subgraphs[0]

    def tensors(self) -> Iterator[Any]:
        """Give the tensors of all graphs."""
        return (tensor for graph in self.model.subgraphs for tensor in graph.tensors)

    def between(self, given: int, wanted: int) -> list[Any]:
        """Return the operations of the first graph that make one tensor of another, in order.

        Args:
            given: index of the tensor they start from.
            wanted: index of the tensor they end with.

        Raises:
            OnDeviceError: a tensor in between is computed in several graphs, or needs an input of the file.
        """
        found, missing = [], {wanted} - {given}
        for operator in reversed(self.graph.operators):
            if missing.isdisjoint(indices(operator.outputs)):
                continue
            for options in (operator.builtinOptions, operator.builtinOptions2):
                if options is not None and any("subgraph" in field.lower() for field in vars(options)):
                    raise OnDeviceError("the file can't be cut, since the tensor is computed in several graphs.")
            missing -= set(indices(operator.outputs))
            computed = (index for index in indices(operator.inputs) if not self.constant(index))
            missing |= set(computed) - {given}
            found.append(operator)
        if missing:
            names = sorted(self.graph.tensors[index].name.decode() for index in missing)
            raise OnDeviceError(f"the file can't be cut, since what is cut out also depends on {', '.join(names)}.")
        return found[::-1]

    def constant(self, tensor: int) -> bool:
        """Tell whether a tensor of the first graph is stored."""
        return len(self.data[self.graph.tensors[tensor].buffer]) > 0

    def readers(self, graph: Any, tensor: int) -> Iterator[tuple[str, Any]]:
        """Give the operations of a graph that read a tensor, with their names."""
        for operator in graph.operators:
            if tensor in operator.inputs:
                yield self.name_of(operator), operator

    def name_of(self, operator: Any) -> str:
        """Return the name of an operation, e.g. `"GATHER"`."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        return operation_names().get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM")

    def operators(self) -> list[tuple[int, Operator]]:
        """Return the operations of all graphs as `flatbuffer.read` gives them, with their operator codes."""
        found, first = [], 0
        for number, graph in enumerate(self.model.subgraphs):
            for operator in graph.operators:
                code = self.model.operatorCodes[operator.opcodeIndex]
                custom = self.name_of(operator) == "CUSTOM"
                name = code.customCode.decode() if custom else self.name_of(operator)
                inputs, outputs = (
                    tuple(int(index) + (first if index >= 0 else 0) for index in (each if each is not None else ()))
                    for each in (operator.inputs, operator.outputs)
                )
                found.append((operator.opcodeIndex, Operator(name, code.version, custom, inputs, outputs, number)))
            first += len(graph.tensors)
        return found

    def tensor_infos(self) -> list[TensorInfo]:
        """Return the tensors of all graphs as `flatbuffer.read` gives them, but for places in the file."""
        found: list[TensorInfo] = []
        for number, graph in enumerate(self.model.subgraphs):
            for tensor in graph.tensors:
                scales = tensor.quantization.scale if tensor.quantization is not None else None
                found.append(
                    TensorInfo(
                        index=len(found),
                        subgraph=number,
                        name=(tensor.name or b"").decode(),
                        shape=tuple(int(size) for size in (tensor.shape if tensor.shape is not None else ())),
                        dtype=tensor_types()[tensor.type],
                        buffer_bytes=len(self.data[tensor.buffer]),
                        buffer_offset=0,
                        scales=0 if scales is None else len(scales),
                        scale_offset=0,
                        quantized_dimension=tensor.quantization.quantizedDimension if tensor.quantization else 0,
                    )
                )
        return found

    def summary(self) -> FileSummary:
        """Return what `flatbuffer.read` would say of the file, but for signatures and places in it."""
        operators = tuple(operator for _, operator in self.operators())
        return FileSummary("the model", 0, self.model.version, self.release, (), operators, tuple(self.tensor_infos()))

    @property
    def release(self) -> str:
        """The release that the file says it needs; empty if it says none."""
        buffer = self._release_buffer()
        return "" if buffer is None else bytes(self.data[buffer]).split(b"\0")[0].decode("ascii")

    def say_release(self, release: str) -> None:
        """Say which release the file needs, if it says any."""
        buffer = self._release_buffer()
        if buffer is not None:
            size = len(self.data[buffer])
            self.data[buffer] = np.frombuffer(release.encode("ascii").ljust(size, b"\0")[:size], np.uint8)

    def _release_buffer(self) -> int | None:
        return next((each.buffer for each in self.model.metadata or () if each.name == RUNTIME_KEY.encode()), None)

    def write(self) -> bytes:
        """Return the file: the graph first and large constants behind it, which takes memory for one copy of them.

        Raises:
            OnDeviceError: the file would be larger than the format allows.
        """
        used = {tensor.buffer for tensor in self.tensors()} | {each.buffer for each in self.model.metadata or ()}
        behind = [index for index in sorted(used) if len(self.data[index]) >= SMALLEST]
        # One byte keeps a place for where the data will be.
        place = np.zeros(1, np.uint8)
        inside = {index: self.data[index] for index in used} | dict.fromkeys(behind, place)
        buffers = [inside.get(index, place[:0]) for index in range(len(self.data))]
        self.model.buffers = [schema.BufferT(each if len(each) else None) for each in buffers]
        builder = Builder(GRAPH_BYTES)
        builder.Finish(self.model.Pack(builder), IDENTIFIER)
        return _joined(bytearray(builder.Output()), self.data, behind)


def indices(tensors: Any) -> list[int]:
    """Return the tensors of an operation's list; -1 stands for an optional input that is not given."""
    return [int(index) for index in tensors if index >= 0] if tensors is not None else []


def _bytes_of(content: bytes, buffer: Any) -> Constant:
    # The quantizer of dense layers writes data behind the graph; 0 and 1 are placeholders of writers.
    if buffer.offset > 1:
        return np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return np.zeros(0, np.uint8) if buffer.data is None else np.asarray(buffer.data, np.uint8)


def _joined(graph: bytearray, data: Sequence[Constant], behind: Sequence[int]) -> bytes:
    """Put constants behind a graph, which is told where they are."""
    read = schema.Model.GetRootAs(graph)
    parts: list[Any] = [graph]
    size = len(graph)
    for number, index in enumerate(behind):
        table = read.Buffers(index)._tab
        field = table.Pos + table.Offset(DATA_FIELD)
        # The length in four bytes, then the data.
        start = -(-(size + 4) // ALIGNMENT) * ALIGNMENT
        parts += [bytes(start - 4 - size), struct.pack("<I", len(data[index])), data[index]]
        struct.pack_into("<I", graph, field, start - 4 - field)
        size = start + len(data[index])
        if size > LARGEST_FILE:
            total = size + sum(len(data[later]) for later in behind[number + 1 :])
            raise OnDeviceError(
                f"the file would have {format_bytes(total)}, the format reaches {format_bytes(LARGEST_FILE)}; "
                "choose a recipe or method with smaller tables."
            )
    return b"".join(parts)

"""Edits of a `.tflite` file through its object form: what a buggy converter or a careless hand does to a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

IDENTIFIER = b"TFL3"


class Graph:
    """The first graph of a file, to be changed in place.

    Args:
        content: the file.
    """

    def __init__(self, content: bytes) -> None:
        self.model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
        self.graph = self.model.subgraphs[0]

    @property
    def signature(self) -> Any:
        """The file's only signature."""
        [found] = self.model.signatureDefs
        return found

    def sign(self, key: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Give the graph a signature; names stand for its inputs and outputs in order."""
        entry = schema.SignatureDefT()
        entry.signatureKey, entry.subgraphIndex = key.encode(), 0
        entry.inputs, entry.outputs = (
            [schema.TensorMapT(name.encode(), int(tensor)) for name, tensor in zip(names, tensors, strict=True)]
            for names, tensors in ((inputs, self.graph.inputs), (outputs, self.graph.outputs))
        )
        self.model.signatureDefs = [entry]

    def content(self) -> bytes:
        """Return the file as it is now."""
        builder = Builder(1024)
        builder.Finish(self.model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def operators(self, name: str) -> list[Any]:
        """Return the operations of a builtin name, in order."""
        code = getattr(schema.BuiltinOperator, name)
        return [each for each in self.graph.operators if self.model.operatorCodes[each.opcodeIndex].builtinCode == code]

    def operator(self, name: str) -> Any:
        """Return the last operation of a builtin name."""
        return self.operators(name)[-1]

    def restamp(self, operator: Any, version: int) -> None:
        """Give an operation, and all that share its entry, another version."""
        self.model.operatorCodes[operator.opcodeIndex].version = version

    def add_operator(self, name: str, version: int, inputs: Sequence[int], output: int, before: Any) -> Any:
        """Put a new operation before another one, or at the end where that is None."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        # The older one-byte field is read by old runtimes.
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        place = len(self.graph.operators) if before is None else self.graph.operators.index(before)
        self.graph.operators.insert(place, operator)
        return operator

    def set_options(self, operator: Any, kind: str, **values: object) -> None:
        """Give an operation its builtin options."""
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = getattr(schema, f"{kind}T")()
        for name, value in values.items():
            setattr(operator.builtinOptions, name, value)

    def remove(self, operator: Any) -> None:
        """Take an operation out."""
        self.graph.operators.remove(operator)

    def add_tensor(self, name: str, shape: Sequence[int], dtype: str, data: bytes | None = None) -> int:
        """Add a tensor and return its index.

        Args:
            name: its name.
            shape: its shape.
            dtype: name of the type, e.g. `"int4"`.
            data: its values if it is a constant.
        """
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name.encode(), np.array(shape, np.int32)
        tensor.type, tensor.buffer = getattr(schema.TensorType, dtype.upper()), 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add_constant(self, name: str, values: npt.NDArray[Any]) -> int:
        """Add a constant and return its index."""
        return self.add_tensor(name, values.shape, values.dtype.name, values.tobytes())

    def quantize(self, tensor: int, scales: Sequence[float], zero_point: int = 0, dimension: int = 0) -> None:
        """Say how the integers of a tensor are to be read."""
        quantization = schema.QuantizationParametersT()
        quantization.scale = np.array(scales, np.float32)
        quantization.zeroPoint = np.full(len(scales), zero_point, np.int64)
        quantization.quantizedDimension = dimension
        self.graph.tensors[tensor].quantization = quantization

    def values(self, tensor: int, dtype: str) -> npt.NDArray[Any]:
        """Return the values of a constant, to be changed in place."""
        entry = self.graph.tensors[tensor]
        buffer = self.model.buffers[entry.buffer]
        buffer.data = np.array(buffer.data, np.uint8)
        return buffer.data.view(dtype).reshape(entry.shape)

    def drop_values(self, tensor: int) -> None:
        """Turn a constant into a tensor that is computed."""
        entry = self.graph.tensors[tensor]
        self.model.buffers[entry.buffer].data, entry.buffer = None, 0

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return tuple(int(size) for size in self.graph.tensors[tensor].shape)

    def output(self, name: str) -> Any:
        """Return the signature's entry for an output."""
        return next(entry for entry in self.signature.outputs if entry.name == name.encode())

    def redirect_output(self, name: str, tensor: int) -> None:
        """Let an output of the signature be another tensor."""
        entry = self.output(name)
        self.graph.outputs[list(self.graph.outputs).index(entry.tensorIndex)] = tensor
        entry.tensorIndex = tensor


@contextmanager
def edited(path: Path) -> Iterator[Graph]:
    """Give the graph of a file and write it back once the block succeeds."""
    graph = Graph(path.read_bytes())
    yield graph
    path.write_bytes(graph.content())

"""What a `.tflite` file holds apart from the weights' values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

LARGEST_FILE = 2**31 - 1
"""Bytes that the offsets of the format reach."""


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of the file.

    Args:
        index: its position in `FileSummary.tensors`, which operators refer to.
        subgraph: index of the subgraph it belongs to.
        name: its name in the file.
        shape: its dimensions; dynamic ones are 1, as the runtimes see them before a resize.
        dtype: its type in lower case, NumPy's name where NumPy has the type, otherwise e.g. `"int4"`.
        buffer_bytes: bytes of its constant data, 0 if it is computed.
        buffer_offset: where that data starts, in bytes from the start of the file, 0 if it is computed.
        scales: how many quantization scales it has.
        scale_offset: where these float32 numbers start, in bytes from the start of the file, 0 if there are none.
        quantized_dimension: dimension along which several scales apply.
    """

    index: int
    subgraph: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer_bytes: int
    buffer_offset: int
    scales: int
    scale_offset: int
    quantized_dimension: int


@dataclass(frozen=True)
class Operator:
    """One operation of the graph.

    Args:
        name: builtin name, e.g. `"GATHER"`, or the custom name.
        version: version of the operation.
        custom: whether the runtime must be given a kernel for it (Flex operations included).
        inputs: indices into `FileSummary.tensors`, -1 for an optional input that is absent.
        outputs: indices into `FileSummary.tensors`.
        subgraph: index of the subgraph it belongs to.
    """

    name: str
    version: int
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraph: int


@dataclass(frozen=True)
class Graph:
    """What a graph takes and gives: indices into `FileSummary.tensors`."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class SignatureTensor:
    """One input or output of a signature: its public name and the tensor (index and inner name) behind it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    tensor: int
    tensor_name: str


@dataclass(frozen=True)
class Signature:
    """A named way to call the file."""

    name: str
    inputs: tuple[SignatureTensor, ...]
    outputs: tuple[SignatureTensor, ...]


@dataclass(frozen=True)
class AppendedFile:
    """One file of the archive that is appended to a model: its name, its size and the bytes that it takes there."""

    name: str
    size_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class FileSummary:
    """Everything a file holds except the weights' values; subgraph 0 comes first in every tuple.

    Args:
        source: what the file is called in messages.
        file_bytes: size of the model, without the archive appended to it.
        schema_version: version of the TFLite schema.
        minimum_runtime: oldest runtime according to the file's own metadata, empty if it does not say.
        signatures: the signatures.
        operators: the operations of all subgraphs, in order of execution.
        tensors: the tensors of all subgraphs.
        graphs: the inputs and outputs of each subgraph.
        appended_bytes: size of the archive appended to the model, 0 if there is none.
        appended: what is in that archive.
    """

    source: str
    file_bytes: int
    schema_version: int
    minimum_runtime: str
    signatures: tuple[Signature, ...]
    operators: tuple[Operator, ...]
    tensors: tuple[TensorInfo, ...]
    graphs: tuple[Graph, ...] = ()
    appended_bytes: int = 0
    appended: tuple[AppendedFile, ...] = ()

    @property
    def op_histogram(self) -> dict[str, int]:
        """How often each operation occurs, by name."""
        return dict(sorted(Counter(operator.name for operator in self.operators).items()))

    @property
    def constants(self) -> tuple[TensorInfo, ...]:
        """The tensors whose values are stored in the file."""
        return tuple(tensor for tensor in self.tensors if tensor.buffer_bytes)

    @property
    def weight_bytes(self) -> int:
        """Bytes of constant data; bytes that several tensors share count once."""
        total = end = 0
        for start, size in self.spans:
            total += max(0, start + size - max(start, end))
            end = max(end, start + size)
        return total

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where constant data starts and how many bytes it has, from the start of the file on, each place once."""
        return sorted({(tensor.buffer_offset, tensor.buffer_bytes) for tensor in self.constants})

    @property
    def overhead_bytes(self) -> int:
        """Bytes of the model that are not constant data."""
        return self.file_bytes - self.weight_bytes

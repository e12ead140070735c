"""Read what a `.tflite` file holds, without TensorFlow and without copying its weights."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ondevice.converters.appended import archive_in
from ondevice.converters.flatbuffer_table import Source, Table
from ondevice.converters.foreign import what_it_is
from ondevice.converters.summary import (
    AppendedFile,
    FileSummary,
    Graph,
    Operator,
    Signature,
    SignatureTensor,
    TensorInfo,
)
from ondevice.errors import OnDeviceError, UsageError, quoted

IDENTIFIER = b"TFL3"
__all__ = ["FileSummary", "Operator", "Signature", "SignatureTensor", "TensorInfo", "buffer_of", "read"]

RUNTIME_KEY = "min_runtime_version"
"""Name of the metadata entry that says which release the file needs."""

MAX_DIMENSIONS = 32
"""More than any kernel takes; every number of a shape is shown and multiplied where a tensor is."""

Item = TypeVar("Item")
_STAMP_BYTES = 16
_FLOATS = ("float16", "float32", "float64", "complex64", "complex128")
_INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_NUMPY_TYPES = frozenset(_FLOATS + _INTEGERS)


def read(source: Path | bytes) -> FileSummary:
    """Read a file's structure; an archive appended to it is listed and is otherwise no part of the model.

    Args:
        source: path of the file, or its content.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the content is damaged or not a TFLite file.
    """
    with _opened(source) as (opened, whole, appended):
        return dataclasses.replace(_summary(opened), appended_bytes=whole - len(opened.data), appended=appended)


def buffer_of(source: Path | bytes, tensor: TensorInfo) -> npt.NDArray[np.generic]:
    """View a constant's data without copying it.

    Args:
        source: what `read` was given.
        tensor: one of the constants that `read` found there.

    Returns:
        A read-only array of the tensor's shape and type; types that NumPy lacks come as flat bytes (uint8).

    Raises:
        UsageError: there is no such file, or the tensor is not a constant.
        OnDeviceError: the data does not have the size that the tensor's shape asks for.
    """
    if not tensor.buffer_bytes:
        raise UsageError(f"tensor {quoted(tensor.name)} is computed, only constants have stored data.")
    view: npt.NDArray[np.generic]
    if isinstance(source, bytes):
        view = np.frombuffer(source, np.uint8, tensor.buffer_bytes, tensor.buffer_offset)
    else:
        _require_file(source)
        view = np.memmap(source, np.uint8, "r", tensor.buffer_offset, (tensor.buffer_bytes,))
    if tensor.dtype not in _NUMPY_TYPES:
        return view
    dtype = np.dtype(tensor.dtype)
    if math.prod(tensor.shape) * dtype.itemsize != tensor.buffer_bytes or min(tensor.shape, default=0) < 0:
        raise OnDeviceError(
            f"tensor {quoted(tensor.name)} has {tensor.buffer_bytes} bytes of data, "
            f"which is not {tensor.dtype} of shape {list(tensor.shape)}."
        )
    return view.view(dtype).reshape(tensor.shape)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"model file {str(path)!r} does not exist.")
    if not path.is_file():
        # A pipe or a device has no size and may never end.
        raise UsageError(f"model file {str(path)!r} is no regular file; allowed is one, so save it to a file first.")


@contextmanager
def _opened(source: Path | bytes) -> Iterator[tuple[Source, int, tuple[AppendedFile, ...]]]:
    """Give the model, the size of the file in bytes, and what is appended to the model."""
    if isinstance(source, bytes):
        size, appended = archive_in(io.BytesIO(source))
        yield _identified(Source(memoryview(source)[:size], "the model"), appended), len(source), appended
        return
    _require_file(source)
    name = f"model file {str(source)!r}"
    with source.open("rb") as file:
        if not source.stat().st_size:
            raise Source(memoryview(b""), name).error("it is empty")
        size, appended = archive_in(file)
        # Mapped, so that the weights are never read: only the pages that describe the graph are.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content)[:size] as data:
            yield _identified(Source(data, name), appended, source.name), len(content), appended


def _identified(source: Source, appended: Sequence[AppendedFile], name: str = "") -> Source:
    if bytes(source.data[4:8]) != IDENTIFIER:
        # Where an archive starts at once, no bytes are left that could be a model.
        kind = what_it_is(bytes(source.data[: _STAMP_BYTES * 2]), [each.name for each in appended], name)
        raise source.error(kind or f"bytes 4 to 8 are not {IDENTIFIER.decode()!r}")
    return source


def _summary(source: Source) -> FileSummary:
    # Field numbers are the order of the fields in the TFLite schema.
    model = Table(source, source.number("I", 0))
    codes = [_operator_code(code) for code in model.tables(1)]
    buffers = [_buffer_span(buffer) for buffer in model.tables(4)]
    tensors: list[TensorInfo] = []
    operators: list[Operator] = []
    graphs: list[Graph] = []
    ranges: list[range] = []
    for subgraph, table in enumerate(model.tables(2)):
        first = len(tensors)
        for tensor in table.tables(0):
            tensors.append(_tensor(tensor, len(tensors), subgraph, buffers))
        ranges.append(range(first, len(tensors)))
        for operator in table.tables(3):
            name, version, custom = _pick(source, codes, operator.number(0, "I"), "operator code")
            inputs, outputs = (_shifted(operator, field, first, len(tensors)) for field in (1, 2))
            operators.append(Operator(name, version, custom, inputs, outputs, subgraph))
        graphs.append(Graph(*(_shifted(table, field, first, len(tensors)) for field in (1, 2))))
    if not graphs:
        raise source.error("it has no graph")
    return FileSummary(
        source=source.name,
        file_bytes=len(source.data),
        schema_version=model.number(0, "I"),
        minimum_runtime=_stamp(model, buffers),
        signatures=tuple(_signature(table, ranges, tensors) for table in model.tables(7)),
        graphs=tuple(graphs),
        operators=tuple(operators),
        tensors=tuple(tensors),
    )


def _signature(table: Table, ranges: list[range], tensors: list[TensorInfo]) -> Signature:
    own = _pick(table.source, ranges, table.number(4, "I"), "subgraph")

    def sides(field: int) -> tuple[SignatureTensor, ...]:
        found = []
        for entry in table.tables(field):
            tensor = tensors[_pick(table.source, own, entry.number(1, "I"), "tensor")]
            found.append(SignatureTensor(entry.text(0), tensor.shape, tensor.dtype, tensor.index, tensor.name))
        return tuple(found)

    return Signature(table.text(2), sides(0), sides(1))


def _tensor(table: Table, index: int, subgraph: int, buffers: list[tuple[int, int]]) -> TensorInfo:
    name = table.text(3)
    if table.number(10, "I"):
        raise OnDeviceError(
            f"{table.source.name} keeps the data of tensor {quoted(name)} in another file, which is not read."
        )
    shape = table.numbers(0, "i")
    if len(shape) > MAX_DIMENSIONS or min(shape, default=0) < 0:
        sizes = f"{len(shape)} dimensions" if len(shape) > MAX_DIMENSIONS else f"shape {list(shape)}"
        raise table.source.error(f"tensor {quoted(name)} has {sizes}")
    offset, size = _pick(table.source, buffers, table.number(2, "I"), "buffer")
    quantization = table.table(4)
    scale_offset, scales = quantization.span(2, 4) if quantization else (0, 0)
    return TensorInfo(
        index=index,
        subgraph=subgraph,
        name=name,
        shape=shape,
        dtype=_pick(table.source, tensor_types(), table.number(1, "b"), "tensor type"),
        buffer_bytes=size,
        buffer_offset=offset if size else 0,
        scales=scales,
        scale_offset=scale_offset if scales else 0,
        quantized_dimension=quantization.number(6, "i") if quantization else 0,
    )


def _operator_code(table: Table) -> tuple[str, int, bool]:
    """Return name, version and whether the operation is custom."""
    # Codes up to 126 stand in the older one-byte field, which holds 127 where the code is larger.
    code = max(table.number(0, "b"), table.number(3, "i"))
    name = operation_names().get(code, f"BUILTIN_{code}")
    version = table.number(2, "i", 1)
    return (table.text(1), version, True) if name == "CUSTOM" else (name, version, False)


def _buffer_span(table: Table) -> tuple[int, int]:
    """Return where a buffer's data starts and its size in bytes."""
    # Files beyond 2 GB keep the data behind the tables; 0 and 1 are placeholders of the writer.
    offset, size = table.number(1, "Q"), table.number(2, "Q")
    if offset <= 1:
        return table.span(0, 1)
    table.source.require(offset, size)
    return offset, size


def _stamp(model: Table, buffers: list[tuple[int, int]]) -> str:
    source = model.source
    for entry in model.tables(6):
        if entry.text(0) == RUNTIME_KEY:
            start, size = _pick(source, buffers, entry.number(1, "I"), "buffer")
            stamp = bytes(source.data[start : start + min(size, _STAMP_BYTES)]).split(b"\0")[0]
            if not re.fullmatch(rb"[0-9.]*", stamp):
                raise source.error(f"its {RUNTIME_KEY} {stamp!r} is not a version")
            return stamp.decode("ascii")
    return ""


def _shifted(owner: Table, field: int, first: int, end: int) -> tuple[int, ...]:
    """Read tensor indices of an operation or a graph and turn them from subgraph-wide to file-wide."""
    indices = owner.numbers(field, "i")
    for index in indices:
        if not -1 <= index < end - first:
            raise owner.source.error(f"an operation or a graph uses tensor {index} of {end - first}")
    return tuple(index if index < 0 else first + index for index in indices)


def _pick(source: Source, items: Sequence[Item], index: int, what: str) -> Item:
    if not 0 <= index < len(items):
        raise source.error(f"it refers to {what} {index}, but {len(items)} exist")
    return items[index]


@functools.cache
def operation_names() -> dict[int, str]:
    # Imported here because the generated module is large and `ondevice --help` does not need it.
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)}


@functools.cache
def tensor_types() -> tuple[str, ...]:
    from ai_edge_litert.schema_py_generated import TensorType

    codes = {code: name.lower() for name, code in vars(TensorType).items() if isinstance(code, int)}
    return tuple(codes[code] for code in range(len(codes)))

"""Cut a `.tflite` file down to what computes one of its inner tensors, so that any runtime can be asked for it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from converters import flatbuffer
from converters.summary import TensorInfo
from ondevice.errors import OnDeviceError

GRAPH_BYTES = 65_536
"""Room for the graph that the writer starts with, beside that for the constants; it takes more as needed."""


def cut(model: bytes, signature: str, tensor: str, output: str = "vectors") -> bytes:
    """Return a copy of a file that takes the same inputs and answers with one inner tensor only.

    Operations keep their versions and options, constants their bytes; what the tensor does not depend on is left
    out. So is the file's metadata, since the runtime version in it is what the whole file needs.

    Args:
        model: the file.
        signature: name of the signature to keep.
        tensor: name of a tensor that the signature's graph computes.
        output: what the signature's only output is called.

    Raises:
        OnDeviceError: the file is damaged, lacks the signature or the tensor, or computes it in several graphs.
    """
    summary = flatbuffer.read(model)
    whole = _parsed(model)
    names = [each.name for each in summary.signatures]
    if signature not in names:
        raise OnDeviceError(f"the file has no signature {signature!r}; its signatures are {names}.")
    definition = whole.signatureDefs[names.index(signature)]
    graph = whole.subgraphs[definition.subgraphIndex]
    infos = [info for info in summary.tensors if info.subgraph == definition.subgraphIndex]
    found = [index for each in graph.operators for index in _indices(each.outputs) if infos[index].name == tensor]
    if len(found) != 1:
        raise OnDeviceError(f"tensor {tensor!r} must be the name of one computed tensor, it is that of {len(found)}.")

    graph.operators = list(_needed(graph.operators, found[0]))[::-1]
    graph.outputs = found
    definition.outputs = [schema.TensorMapT(output, found[0])]
    definition.subgraphIndex = 0
    buffers = _keep_constants(model, graph, infos)
    # A runtime refuses a file for an operation that it lacks, even if nothing uses it.
    codes = sorted({operator.opcodeIndex for operator in graph.operators})
    for operator in graph.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    part = schema.ModelT(
        version=whole.version,
        operatorCodes=[whole.operatorCodes[code] for code in codes],
        subgraphs=[graph],
        buffers=buffers,
        signatureDefs=[definition],
    )
    builder = Builder(GRAPH_BYTES + sum(buffer.data.nbytes for buffer in buffers[1:]))
    builder.Finish(part.Pack(builder), flatbuffer.IDENTIFIER)
    return bytes(builder.Output())


def _parsed(model: bytes) -> Any:
    try:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    except (struct.error, ValueError, IndexError) as error:
        raise OnDeviceError(f"the file can't be cut, since its graph can't be read: {error}.") from error


def _indices(vector: Any) -> list[int]:
    # A vector without entries may be absent; -1 stands for an optional input that is not given.
    return [int(index) for index in vector if index >= 0] if vector is not None else []


def _needed(operators: list[Any], target: int) -> Iterator[Any]:
    """Give the operations that a tensor depends on, last one first; a file lists them in the order of execution."""
    wanted = {target}
    for operator in reversed(operators):
        if wanted.isdisjoint(_indices(operator.outputs)):
            continue
        for options in (operator.builtinOptions, operator.builtinOptions2):
            if options is not None and any("subgraph" in field.lower() for field in vars(options)):
                raise OnDeviceError("the file can't be cut, since the tensor is computed in several graphs.")
        wanted.update(_indices(operator.inputs))
        yield operator


def _keep_constants(model: bytes, graph: Any, infos: Sequence[TensorInfo]) -> list[Any]:
    """Point the graph's tensors at new buffers, which hold the constants in use, and return these.

    Tensors keep their numbers, by which everything refers to them; only the data of unused ones goes.
    """
    used = {index for operator in graph.operators for index in _indices(operator.inputs)}
    buffers = [schema.BufferT()]  # the first one is empty by convention and stands for no data
    places: dict[int, int] = {}
    for index, (tensor, info) in enumerate(zip(graph.tensors, infos, strict=True)):
        kept = index in used and info.buffer_bytes > 0
        if kept and tensor.buffer not in places:
            places[tensor.buffer] = len(buffers)
            data = np.frombuffer(model, np.uint8, info.buffer_bytes, info.buffer_offset)
            buffers.append(schema.BufferT(data))
        tensor.buffer = places[tensor.buffer] if kept else 0
    return buffers

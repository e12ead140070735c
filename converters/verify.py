"""The gate on the finished file: operations, stored tables and signature are what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ondevice.converters.constants import constant_problems
from ondevice.converters.converted import Converted
from ondevice.converters.equality import equal_numbers
from ondevice.converters.flatbuffer import buffer_of
from ondevice.converters.lint import check
from ondevice.converters.output import output_problems
from ondevice.converters.summary import FileSummary, Signature, TensorInfo
from ondevice.errors import OnDeviceError
from ondevice.manifest import LookupCall, Tensor
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.scheme import INT4


def verify(converted: Converted, target: str) -> None:
    """Check a finished file.

    Args:
        converted: the file and what it should hold: every layer's tables byte for byte where its look-ups read them.
        target: runtime that the file is for.

    Raises:
        OnDeviceError: something differs; the message names everything found.
    """
    content, summary, output = converted.content, converted.summary, converted.output
    inputs = tuple(Tensor(feature.name, feature.shape, feature.dtype) for feature in converted.inputs)
    problems = [
        *check(summary, target),
        *_signature_problems(summary, converted.signature, inputs, converted.outputs),
        *constant_problems(content, summary, converted.trained),
        *(output_problems(content, summary, output.lowered) if output is not None else ()),
    ]
    for name, layer in converted.layers.items():
        for call in layer.calls:
            problems += _table_problems(content, summary, name, layer.encoded, call)
    if problems:
        raise OnDeviceError("the converted file is not what was asked for: " + " ".join(problems))


def _signature_problems(
    summary: FileSummary, name: str, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]
) -> Iterator[str]:
    names = [signature.name for signature in summary.signatures]
    if names != [name]:
        yield f"Its signatures are {names}, expected {[name]}."
        return
    found: Signature = summary.signatures[0]
    for kind, promised, given in (("input", inputs, found.inputs), ("output", outputs, found.outputs)):
        expected = {(tensor.name, tensor.shape, tensor.dtype) for tensor in promised}
        actual = {(tensor.name, tensor.shape, tensor.dtype) for tensor in given}
        if expected != actual:
            yield f"Its {kind}s are {sorted(actual)}, expected {sorted(expected)}."


def _table_problems(
    model: bytes, summary: FileSummary, layer: str, encoded: EncodedEmbedding, call: LookupCall
) -> Iterator[str]:
    """Compare a layer's tables with the constants between the ids and the vectors of one of its look-ups."""
    read = list(constants_between(summary, call))
    for name, entry in encoded.tables.items():
        for part, array in entry.arrays.items():
            dtype = INT4 if part == INT4 else array.dtype.name
            same_kind = [tensor for tensor in read if tensor.dtype == dtype and tensor.buffer_bytes == array.nbytes]
            # The weights of a FULLY_CONNECTED are stored column by column; packed numbers are read as bytes.
            expected = [array, array.T] if entry.table.whole else [array.view(np.uint8) if part == INT4 else array]
            found = (buffer_of(model, tensor) for tensor in same_kind)
            if not any(equal_numbers(stored, each) for stored in found for each in expected):
                yield f"Table '{layer}/{name}' ({part}, {dtype} {list(array.shape)}) is not stored as encoded."


def constants_between(summary: FileSummary, call: LookupCall) -> Iterator[TensorInfo]:
    """Give the constants that make vectors of ids in one look-up.

    Args:
        summary: the file.
        call: the look-up.
    """
    made = {output: operator for operator in summary.operators for output in operator.outputs}
    [ids], [wanted] = ([t.index for t in summary.tensors if t.name == name] for name in (call.ids, call.vectors))
    seen, ahead = {ids}, [wanted]
    while ahead:
        index = ahead.pop()
        if index in seen or index < 0:
            continue
        seen.add(index)
        if summary.tensors[index].buffer_bytes:
            yield summary.tensors[index]
        elif index in made:
            ahead += made[index].inputs

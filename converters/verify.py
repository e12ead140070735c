"""The gate on the finished file: operations, stored tables and signature are what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converters.equality import equal_numbers
from converters.flatbuffer import buffer_of
from converters.lint import check
from converters.output import LoweredOutput, output_problems
from converters.summary import EMBEDDING_SCOPE, FileSummary, Signature
from ondevice.errors import OnDeviceError
from ondevice.manifest import Tensor
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.scheme import INT4


def verify(
    model: bytes,
    summary: FileSummary,
    encoded: EncodedEmbedding,
    signature: str,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    target: str,
    output: LoweredOutput,
) -> None:
    """Check a finished file.

    Args:
        model: the file.
        summary: what `converters.flatbuffer.read` says of it.
        encoded: the tables that the file must hold, byte for byte.
        signature: name of its only signature.
        inputs: the signature's inputs.
        outputs: the signature's outputs.
        target: runtime that the file is for.
        output: the output layer that the file must hold.

    Raises:
        OnDeviceError: something differs; the message names everything found.
    """
    problems = [
        *check(summary, target),
        *_signature_problems(summary, signature, inputs, outputs),
        *_table_problems(model, summary, encoded),
        *output_problems(model, summary, output),
    ]
    if problems:
        raise OnDeviceError("the converted file is not what was asked for: " + " ".join(problems))


def lookup_tensor(summary: FileSummary, history_length: int, width: int) -> str:
    """Return the name of the tensor with the looked-up vectors: the last of its shape within the embedding layer.

    Raises:
        OnDeviceError: there is none.
    """
    shape = (1, history_length, width)
    found = [
        tensor.name
        for operator in summary.operators
        for tensor in (summary.tensors[output] for output in operator.outputs)
        if tensor.shape == shape and tensor.dtype == "float32" and EMBEDDING_SCOPE in tensor.name
    ]
    if not found:
        raise OnDeviceError(f"the converted file holds no looked-up vectors of shape {list(shape)}.")
    return found[-1]


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


def _table_problems(model: bytes, summary: FileSummary, encoded: EncodedEmbedding) -> Iterator[str]:
    for name, entry in encoded.tables.items():
        for part, array in entry.arrays.items():
            dtype = INT4 if part == INT4 else array.dtype.name
            same_kind = [
                tensor for tensor in summary.constants if tensor.dtype == dtype and tensor.buffer_bytes == array.nbytes
            ]
            # The weights of a FULLY_CONNECTED are stored column by column; packed numbers are read as bytes.
            expected = [array, array.T] if entry.table.whole else [array.view(np.uint8) if part == INT4 else array]
            found = (buffer_of(model, tensor) for tensor in same_kind)
            if not any(equal_numbers(stored, each) for stored in found for each in expected):
                yield f"Table {name!r} ({part}, {dtype} {list(array.shape)}) is not stored as encoded."

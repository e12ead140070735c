"""Quantization of the dense layers of a finished float file; embedding tables are already encoded and left alone."""

from __future__ import annotations

import contextlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from ondevice.converters import target as targets
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes.lookups import INSIDE
from ondevice.converters.summary import FileSummary, Operator, TensorInfo
from ondevice.converters.target import PER_CHANNEL, PER_TENSOR, Target
from ondevice.embeddings.method import FloatArray
from ondevice.errors import UsageError, unknown_name
from ondevice.models.output_parts import FORMATS
from ondevice.quantize.schemes.int4_row import LEVELS
from ondevice.topk.parts import FLOAT32, INT4, INT8

OUTSIDE_LOOKUPS = f"^(?!{INSIDE})"
"""Matches the names of operations that are no part of a look-up: those stay as the method's tables are encoded."""

LONG_ROW = 48
"""Numbers of a row from which on it may have a scale of its own, which takes 12 bytes: a float32 and an int64 zero.

On a trained dense layer of width 64 that nearly halves the error and makes the layer a sixth larger.
"""


def quantize_dense(file: ModelFile, dense: str, target: str) -> ModelFile:
    """Return the file with the weights of its dense layers in another number format.

    As int8, long rows get a scale each where the target can be trusted with it, unless all would get the same; all else
    has one scale per tensor. As int4, the layers whose weights are whole numbers of four bits become that, exactly; an
    output layer rounds its own (see `ondevice.models.four_bits`). All other layers, as hidden ones, are as with int8:
    they are small, and every answer goes through all of them.

    Args:
        file: a file with float32 dense layers.
        dense: one of `ondevice.models.output_parts.FORMATS`; activations are quantized on the fly by the runtime.
        target: name of the target runtime.

    Raises:
        UsageError: there is no such format or target, or the target computes no dense layers in this format.
    """
    chosen = targets.load(target)
    require_dense(dense, chosen)
    if dense == FLOAT32:
        return file
    from ai_edge_quantizer import qtyping, quantizer

    work = quantizer.Quantizer(file.write())

    def add(scope: str, bits: int, scales: str) -> None:
        granularity = {PER_TENSOR: "TENSORWISE", PER_CHANNEL: "CHANNELWISE"}[scales]
        operation = qtyping.TFLOperationName.FULLY_CONNECTED
        work.add_dynamic_config(scope, operation, num_bits=bits, granularity=qtyping.QuantGranularity[granularity])

    add(OUTSIDE_LOOKUPS, 8, PER_TENSOR)
    # Of several scopes that match, the last one counts.
    for (bits, scales), names in _exceptions(file, dense, chosen).items():
        add(_named(names), bits, scales)
    # The quantizer reports sizes on stdout, which belongs to the results of this program, and draws progress bars.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return ModelFile(bytes(work.quantize().quantized_model))


def require_dense(dense: str, target: Target, whose: str = "") -> None:
    """Refuse a format of dense layers that does not exist or that a target computes none in.

    Args:
        dense: the format asked for.
        target: the target runtime.
        whose: what asks for it, e.g. `" of recipe 'mine'"`.

    Raises:
        UsageError: it is refused.
    """
    if dense not in FORMATS:
        raise unknown_name(f"dense format{whose}", dense, FORMATS)
    needed = {FLOAT32: (), INT8: (INT8,), INT4: (INT8, INT4)}
    allowed = [each for each in FORMATS if all(PER_TENSOR in target.dense_scales(dtype) for dtype in needed[each])]
    if dense not in allowed:
        raise UsageError(
            f"dense format{whose} is {dense!r}; allowed for target runtime {target.name!r} is {' or '.join(allowed)}."
        )


def dense_format(summary: FileSummary) -> str:
    """Return every format that weights of dense layers are stored in, e.g. `"int4_per_tensor, int8_per_tensor"`."""
    return ", ".join(sorted({number_format(weights) for _, weights in _dense_layers(summary)}))


def number_format(tensor: TensorInfo) -> str:
    """Return how a constant's numbers are stored, e.g. `"float32"`, `"int8_per_tensor"` or `"int8_per_channel"`."""
    if not tensor.scales:
        return tensor.dtype
    return f"{tensor.dtype}_per_{'channel' if tensor.scales > 1 else 'tensor'}"


def _dense_layers(summary: FileSummary) -> Iterator[tuple[Operator, TensorInfo]]:
    """Yield the dense layers outside the look-up with their weights, where these are stored."""
    for operator in summary.operators:
        if operator.name == "FULLY_CONNECTED" and not summary.tensors[operator.outputs[0]].name.startswith(INSIDE):
            weights = summary.tensors[operator.inputs[1]]
            if weights.buffer_bytes:
                yield operator, weights


def _exceptions(file: ModelFile, dense: str, target: Target) -> dict[tuple[int, str], list[str]]:
    """Return the names of the layers that are not int8 with one scale, by their bits and scales."""
    summary, places = file.summary(), [tensor.buffer for tensor in file.tensors()]
    found = defaultdict(list)
    for operator, tensor in _dense_layers(summary):
        weights = file.data[places[tensor.index]].view(np.float32).reshape(tensor.shape)
        name = summary.tensors[operator.outputs[0]].name
        if dense == INT4 and _is_whole(weights):
            found[4, PER_TENSOR].append(name)
        elif PER_CHANNEL in target.int8_dense and weights.shape[1] >= LONG_ROW and _rows_differ(weights):
            found[8, PER_CHANNEL].append(name)
    return found


def _is_whole(weights: FloatArray) -> bool:
    """Tell whether all numbers are whole and the largest is that of four bits, such that one scale of 1 keeps them."""
    largest = _largest(weights).max()
    return bool(largest == LEVELS and np.array_equal(weights, np.rint(weights)) and weights.shape[1] % 2 == 0)


def _rows_differ(weights: FloatArray) -> bool:
    """Tell whether rows differ in their largest number; rows of zeros aside, which any scale suits."""
    largest = _largest(weights)
    return len(np.unique(largest[largest > 0])) > 1


def _largest(weights: FloatArray) -> FloatArray:
    """Return the largest magnitude of every row, without a copy of the weights."""
    largest: FloatArray = np.maximum(np.max(weights, axis=1), -np.min(weights, axis=1))
    return largest


def _named(names: Iterable[str]) -> str:
    """Return what matches layers of these names; the quantizer puts a semicolon behind each."""
    return f"^({'|'.join(map(re.escape, names))});"

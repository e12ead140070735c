"""Find in a `.tflite` file what a runtime refuses or, worse, computes wrongly without a word."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from ondevice.converters import target as targets
from ondevice.converters.op_versions import (
    NEVER,
    OLDEST,
    RELEASES,
    came_with,
    constant_read,
    least_version,
    order,
    unversioned_release,
)
from ondevice.converters.summary import FileSummary, Operator, TensorInfo
from ondevice.converters.target import PER_CHANNEL, PER_TENSOR, Target
from ondevice.errors import OnDeviceError, quoted

# Constants up to this size may be expanded at start-up: the converter itself leaves such small ones alone.
MAX_EXPANDED_ELEMENTS = 1024
_LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
_STATEFUL = {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
# What turns stored numbers into others without asking which of them are wanted, and what only moves them.
_DECODING = ("DEQUANTIZE", "CAST", "MUL", "ADD", "SUB", "FLOOR")
_MOVING = ("CONCATENATION", "RESHAPE", "TRANSPOSE")
# Custom operations that the runtimes bring with them.
_BUILT_IN_CUSTOM = ("TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram", "NumericVerify")
# Those of which targets say themselves what they have.
_STATED = ("GATHER", "FULLY_CONNECTED")
SHOWN_INPUTS = 3
"""Inputs of an operation that a sentence names."""
# Values per byte: rows of a packed table can be addressed only where they start on a byte.
_PACKED = {"int4": 2, "int2": 4}


def minimum_runtime(summary: FileSummary) -> str:
    """Compute the oldest release that has every operation of the file, e.g. `"2.8.0"`.

    Raises:
        OnDeviceError: an operation is custom, or its version is not in the table.
    """
    found = [oldest_runtime(operator) for operator in summary.operators]
    for operator in summary.operators:
        found.append(unversioned_release(operator, summary.tensors))
        found.append(RELEASES.get((operator.name, least_version(operator, summary.tensors)), OLDEST))
    return max(found, key=order, default=OLDEST)


def oldest_runtime(operator: Operator) -> str:
    """Return the oldest release that has this version of the operation.

    Raises:
        OnDeviceError: the operation is custom, or its version is not in the table.
    """
    if operator.custom:
        raise OnDeviceError(f"operation {quoted(operator.name)} is custom: no runtime has it built in.")
    release = RELEASES.get((operator.name, operator.version))
    if release is None:
        raise OnDeviceError(
            f"operation {operator.name} version {operator.version} is not in the table of known operations."
        )
    return release


def check(summary: FileSummary, target: str) -> tuple[str, ...]:
    """List what is wrong with a file for a target runtime, each problem once, as a sentence with its reason.

    Args:
        summary: the file.
        target: name of the target.

    Raises:
        UsageError: the target is unknown.
    """
    return tuple(dict.fromkeys([*refusals(summary, target), *flaws(summary)]))


def refusals(summary: FileSummary, target: str) -> tuple[str, ...]:
    """List why a target runtime refuses a file or computes wrongly, each reason once.

    Args:
        summary: the file.
        target: name of the target.

    Raises:
        UsageError: the target is unknown.
    """
    chosen = targets.load(target)
    return tuple(dict.fromkeys(problem for rule in OF_A_TARGET for problem in rule(summary, chosen)))


def flaws(summary: FileSummary) -> tuple[str, ...]:
    """List what is wrong with a file whatever runs it, each flaw once.

    Args:
        summary: the file.
    """
    return tuple(dict.fromkeys(problem for rule in OF_THE_FILE for problem in rule(summary)))


def not_judged(summary: FileSummary) -> tuple[str, ...]:
    """List the operations of which nothing can be said, each once.

    Args:
        summary: the file.
    """
    unknown = {
        (operator.name, operator.version): None
        for operator in summary.operators
        if not operator.custom and (operator.name, operator.version) not in RELEASES
    }
    return tuple(
        f"{name} version {version} is not judged, since the table of operations lacks it." for name, version in unknown
    )


def _versions(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        name, version = operator.name, operator.version
        if operator.custom or target.has_ahead(name, version):
            continue
        if name in NEVER:
            yield f"{name} has no kernel in any runtime known here; {target.name} refuses to load the file."
        elif (release := came_with(name, version)) and not target.has(release):
            later = "came with" if (name, version) in RELEASES else "came after"
            yield f"{name} version {version} {later} runtime {release}; {target.name} refuses to load the file."


def _custom(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        if operator.custom and operator.name.startswith("Flex"):
            yield f"{quoted(operator.name)} is a Flex operation: it runs only with TensorFlow linked into the app."
        elif operator.custom and operator.name not in _BUILT_IN_CUSTOM:
            yield f"{quoted(operator.name)} is a custom operation: {target.name} has no kernel for it."


def _state(summary: FileSummary) -> Iterator[str]:
    found = sorted({operator.name for operator in summary.operators} & _STATEFUL)
    if found:
        yield (
            f"{', '.join(found)}: the file keeps state outside the graph; weights left as variables may be "
            "missing, and a runtime may then answer with near-zero values instead of an error."
        )


def _expansion(summary: FileSummary) -> Iterator[str]:
    for _, table in _first_inputs(summary, ("DEQUANTIZE",)):
        if table.buffer_bytes and math.prod(table.shape) > MAX_EXPANDED_ELEMENTS:
            yield (
                f"DEQUANTIZE of the whole constant {quoted(table.name)} {list(table.shape)}: it is expanded to "
                "float32 once the file is opened, so memory grows although the file shrinks."
            )


def _whole_tables(summary: FileSummary) -> Iterator[str]:
    # Tensor -> name of a stored table that has become it as a whole, by operations that leave no number out.
    made_of: dict[int, str] = {}
    for operator in summary.operators:
        if operator.name not in _DECODING + _MOVING or min(operator.inputs, default=-1) < 0:
            continue
        decoded = any(index in made_of for index in operator.inputs) or operator.name in _DECODING
        if decoded and all(index in made_of or summary.tensors[index].buffer_bytes for index in operator.inputs):
            first = operator.inputs[0]
            made_of |= dict.fromkeys(operator.outputs, made_of.get(first, summary.tensors[first].name))
    for operator, table in _first_inputs(summary, _LOOKUPS):
        if table.index in made_of and math.prod(table.shape) > MAX_EXPANDED_ELEMENTS:
            yield (
                f"{operator.name} reads rows of {quoted(table.name)} {list(table.shape)}, which is decoded as a whole "
                f"from the constant {quoted(made_of[table.index])} at every call; gather first and decode the rows."
            )


def _float16(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        if table.dtype == "float16" and not target.float16_gather:
            yield (
                f"{operator.name} reads the float16 table {quoted(table.name)}: no version number tells, "
                f"but {target.name} has no kernel for it and fails when called."
            )


def _int4(summary: FileSummary, target: Target) -> Iterator[str]:
    for _, table in _first_inputs(summary, ("GATHER",)):
        if table.dtype == "int4" and not target.int4_gather:
            yield f"GATHER reads the int4 table {quoted(table.name)}: {target.name} has no kernel for it."


def _dense(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        weights = constant_read(operator, summary.tensors)
        if operator.name != "FULLY_CONNECTED" or weights is None or weights.dtype not in ("int8", "int4"):
            continue
        # With quantized activations the kernels take several scales.
        if summary.tensors[operator.inputs[0]].dtype != "float32":
            continue
        # Where the version is beyond the target it is refused outright, which the version rule reports.
        release = RELEASES.get((operator.name, operator.version), OLDEST)
        scales = PER_CHANNEL if weights.scales > 1 else PER_TENSOR
        if scales not in target.dense_scales(weights.dtype) and target.has(release):
            yield (
                f"FULLY_CONNECTED version {operator.version} has {weights.dtype} weights {quoted(weights.name)} with "
                f"{weights.scales} scales: {target.name} loads it and answers zeros; quantize them with one scale."
            )


def _understamped(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        needed = least_version(operator, summary.tensors)
        if operator.version >= needed or target.has_ahead(operator.name, needed):
            continue
        # Where the version that it has is beyond the target it is refused outright, which the version rule reports.
        release = RELEASES[operator.name, needed]
        if not target.has(release) and target.has(RELEASES.get((operator.name, operator.version), OLDEST)):
            yield (
                f"{operator.name} of {_types(operator, summary)} is stamped version {operator.version} but needs "
                f"version {needed} of runtime {release}: {target.name} loads it and answers wrongly or fails."
            )


def _unversioned(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        release = unversioned_release(operator, summary.tensors)
        if operator.name not in _STATED and not target.has(release):
            yield (
                f"{operator.name} of {_types(operator, summary)}: no version number tells, but the first runtime here "
                f"that computes it is of release {release}; {target.name} fails when it allocates tensors or is called."
            )


def _types(operator: Operator, summary: FileSummary) -> str:
    """Name the types that an operation reads; constants by their names, too."""
    read = [summary.tensors[index] for index in operator.inputs[:SHOWN_INPUTS] if index >= 0]
    stored = (f" {quoted(each.name)} with {each.scales} scale(s)" if each.buffer_bytes else "" for each in read)
    return " and ".join(f"{each.dtype}{constant}" for each, constant in zip(read, stored, strict=True))


def _packing(summary: FileSummary) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        per_byte = _PACKED.get(table.dtype, 1)
        width = math.prod(table.shape[1:])
        if width % per_byte:
            yield (
                f"{operator.name} reads rows of {width} from the {table.dtype} table {quoted(table.name)}: rows "
                f"that do not fill whole bytes are read from wrong places without an error; "
                f"the width must be a multiple of {per_byte}."
            )


def _ids(summary: FileSummary) -> Iterator[str]:
    reason = "ids must be int32, because arithmetic on int64 ids brings in Flex operations"
    for signature in summary.signatures:
        for tensor in signature.inputs:
            if tensor.dtype == "int64":
                yield f"input {quoted(tensor.name)} of signature {quoted(signature.name)} is int64; {reason}."
    for operator, table in _first_inputs(summary, _LOOKUPS):
        # GATHER has its ids second, EMBEDDING_LOOKUP first.
        place = 1 if operator.name == "GATHER" else 0
        if len(operator.inputs) < 2 or operator.inputs[place] < 0:
            continue
        ids = summary.tensors[operator.inputs[place]]
        # What is gathered from computed numbers by their places is no look-up.
        if ids.dtype == "int64" and table.buffer_bytes:
            yield f"{operator.name} takes int64 ids from tensor {quoted(ids.name)}; {reason}."


def _stamp(summary: FileSummary) -> Iterator[str]:
    stamp = summary.minimum_runtime
    known = all(not each.custom and (each.name, each.version) in RELEASES for each in summary.operators)
    if stamp and known and stamp != (needed := minimum_runtime(summary)):
        yield f"The file's own metadata say that it needs runtime {stamp}, its operations need {needed}."


def _overlap(summary: FileSummary) -> Iterator[str]:
    spans = summary.spans
    for (start, size), (after, _) in itertools.pairwise(spans):
        if start + size > after:
            yield (
                f"Constants of different sizes share bytes {after} to {start + size} of the file, so that one of them "
                "is not what was stored."
            )
            return


def _first_inputs(summary: FileSummary, names: tuple[str, ...]) -> Iterator[tuple[Operator, TensorInfo]]:
    """Yield the operations of these names with the table they read."""
    for operator in summary.operators:
        # EMBEDDING_LOOKUP has its ids first and the table second.
        position = 1 if operator.name == "EMBEDDING_LOOKUP" else 0
        if operator.name in names and len(operator.inputs) > position and operator.inputs[position] >= 0:
            yield operator, summary.tensors[operator.inputs[position]]


OF_A_TARGET: tuple[Callable[[FileSummary, Target], Iterator[str]], ...] = (
    _versions,
    _custom,
    _float16,
    _int4,
    _dense,
    _understamped,
    _unversioned,
)
OF_THE_FILE: tuple[Callable[[FileSummary], Iterator[str]], ...] = (
    _state,
    _expansion,
    _whole_tables,
    _packing,
    _ids,
    _overlap,
    _stamp,
)

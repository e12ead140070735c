"""Find in a `.tflite` file what a runtime refuses or, worse, computes wrongly without a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ondevice.converters import target as targets
from ondevice.converters.op_versions import OLDEST, RELEASES, constant_read, least_version, order, unversioned_release
from ondevice.converters.summary import FileSummary, Operator, TensorInfo
from ondevice.converters.target import PER_CHANNEL, PER_TENSOR, Target
from ondevice.errors import OnDeviceError

# Constants up to this size may be expanded at start-up: the converter itself leaves such small ones alone.
MAX_EXPANDED_ELEMENTS = 1024
_LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
_STATEFUL = {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
# What turns stored numbers into others without asking which of them are wanted, and what only moves them.
_DECODING = ("DEQUANTIZE", "CAST", "MUL", "ADD", "SUB", "FLOOR")
_MOVING = ("CONCATENATION", "RESHAPE", "TRANSPOSE")
# Values per byte: rows of a packed table can be addressed only where they start on a byte.
_PACKED = {"int4": 2, "int2": 4}


def minimum_runtime(summary: FileSummary) -> str:
    """Compute the oldest release that has every operation of the file, e.g. `"2.8.0"`.

    Raises:
        OnDeviceError: an operation is custom, or its version is not in the table.
    """
    found = [oldest_runtime(operator) for operator in summary.operators]
    found += [unversioned_release(operator, summary.tensors) for operator in summary.operators]
    return max(found, key=order, default=OLDEST)


def oldest_runtime(operator: Operator) -> str:
    """Return the oldest release that has this version of the operation.

    Raises:
        OnDeviceError: the operation is custom, or its version is not in the table.
    """
    if operator.custom:
        raise OnDeviceError(f"operation {operator.name!r} is custom: no runtime has it built in.")
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
    chosen = targets.load(target)
    problems = [problem for rule in RULES for problem in rule(summary, chosen)]
    return tuple(dict.fromkeys(problems))


def _versions(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        key = (operator.name, operator.version)
        if operator.custom:
            continue
        if key not in RELEASES:
            yield f"{operator.name} version {operator.version} is unknown here: {target.name} may refuse it."
        elif not target.has(RELEASES[key]):
            yield (
                f"{operator.name} version {operator.version} came with runtime {RELEASES[key]}; "
                f"{target.name} refuses to load the file."
            )


def _custom(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        if operator.custom and operator.name.startswith("Flex"):
            yield f"{operator.name} is a Flex operation: it runs only with TensorFlow linked into the app."
        elif operator.custom:
            yield f"{operator.name!r} is a custom operation: {target.name} has no kernel for it."


def _state(summary: FileSummary, target: Target) -> Iterator[str]:
    found = sorted({operator.name for operator in summary.operators} & _STATEFUL)
    if found:
        yield (
            f"{', '.join(found)}: the file keeps state outside the graph; weights left as variables may be "
            "missing, and a runtime may then answer with near-zero values instead of an error."
        )


def _expansion(summary: FileSummary, target: Target) -> Iterator[str]:
    for _, table in _first_inputs(summary, ("DEQUANTIZE",)):
        if table.buffer_bytes and math.prod(table.shape) > MAX_EXPANDED_ELEMENTS:
            yield (
                f"DEQUANTIZE of the whole constant {table.name!r} {list(table.shape)}: it is expanded to "
                "float32 once the file is opened, so memory grows although the file shrinks."
            )


def _whole_tables(summary: FileSummary, target: Target) -> Iterator[str]:
    # Tensor -> name of a stored table that has become it as a whole, by operations that leave no number out.
    made_of: dict[int, str] = {}
    for operator in summary.operators:
        if operator.name not in _DECODING + _MOVING or not all(index >= 0 for index in operator.inputs):
            continue
        decoded = any(index in made_of for index in operator.inputs) or operator.name in _DECODING
        if decoded and all(index in made_of or summary.tensors[index].buffer_bytes for index in operator.inputs):
            first = operator.inputs[0]
            made_of |= dict.fromkeys(operator.outputs, made_of.get(first, summary.tensors[first].name))
    for operator, table in _first_inputs(summary, _LOOKUPS):
        if table.index in made_of and math.prod(table.shape) > MAX_EXPANDED_ELEMENTS:
            yield (
                f"{operator.name} reads rows of {table.name!r} {list(table.shape)}, which is decoded as a whole from "
                f"the constant {made_of[table.index]!r} at every call; gather first and decode the rows."
            )


def _float16(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        if table.dtype == "float16" and not target.float16_gather:
            yield (
                f"{operator.name} reads the float16 table {table.name!r}: no version number tells, "
                f"but {target.name} has no kernel for it and fails when called."
            )


def _int4(summary: FileSummary, target: Target) -> Iterator[str]:
    for _, table in _first_inputs(summary, ("GATHER",)):
        if table.dtype == "int4" and not target.int4_gather:
            yield f"GATHER reads the int4 table {table.name!r}: {target.name} has no kernel for it."


def _dense(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        weights = constant_read(operator, summary.tensors)
        if operator.name != "FULLY_CONNECTED" or weights is None or weights.dtype not in ("int8", "int4"):
            continue
        # Where the version is beyond the target it is refused outright, which the version rule reports.
        release = RELEASES.get((operator.name, operator.version), OLDEST)
        scales = PER_CHANNEL if weights.scales > 1 else PER_TENSOR
        if scales not in target.dense_scales(weights.dtype) and target.has(release):
            yield (
                f"FULLY_CONNECTED version {operator.version} has {weights.dtype} weights {weights.name!r} with "
                f"{weights.scales} scales: {target.name} loads it and answers zeros; quantize them with one scale."
            )


def _understamped(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator in summary.operators:
        needed = least_version(operator, summary.tensors)
        table = constant_read(operator, summary.tensors)
        if table is not None and operator.version < needed:
            yield (
                f"{operator.name} of the {table.dtype} tensor {table.name!r} with {table.scales} scale(s) "
                f"is stamped version {operator.version} but needs version {needed}: runtimes before "
                f"{RELEASES[operator.name, needed]} load it and answer wrongly or fail when called."
            )


def _packing(summary: FileSummary, target: Target) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        per_byte = _PACKED.get(table.dtype, 1)
        width = math.prod(table.shape[1:])
        if width % per_byte:
            yield (
                f"{operator.name} reads rows of {width} from the {table.dtype} table {table.name!r}: rows "
                f"that do not fill whole bytes are read from wrong places without an error; "
                f"the width must be a multiple of {per_byte}."
            )


def _ids(summary: FileSummary, target: Target) -> Iterator[str]:
    reason = "ids must be int32, because arithmetic on int64 ids brings in Flex operations"
    for signature in summary.signatures:
        for tensor in signature.inputs:
            if tensor.dtype == "int64":
                yield f"input {tensor.name!r} of signature {signature.name!r} is int64; {reason}."
    for operator in summary.operators:
        # GATHER has its ids second, EMBEDDING_LOOKUP first.
        position = {"GATHER": 1, "EMBEDDING_LOOKUP": 0}.get(operator.name)
        if position is None or len(operator.inputs) <= position or operator.inputs[position] < 0:
            continue
        ids = summary.tensors[operator.inputs[position]]
        # What is gathered from computed numbers by their places is no look-up.
        table = summary.tensors[operator.inputs[1 - position]]
        if ids.dtype == "int64" and table.buffer_bytes:
            yield f"{operator.name} takes int64 ids from tensor {ids.name!r}; {reason}."


def _stamp(summary: FileSummary, target: Target) -> Iterator[str]:
    stamp = summary.minimum_runtime
    known = all((operator.name, operator.version) in RELEASES for operator in summary.operators)
    if stamp and known and stamp != (needed := minimum_runtime(summary)):
        yield f"The file's own metadata say that it needs runtime {stamp}, its operations need {needed}."


def _first_inputs(summary: FileSummary, names: tuple[str, ...]) -> Iterator[tuple[Operator, TensorInfo]]:
    """Yield the operations of these names with the table they read."""
    for operator in summary.operators:
        # EMBEDDING_LOOKUP has its ids first and the table second.
        position = 1 if operator.name == "EMBEDDING_LOOKUP" else 0
        if operator.name in names and len(operator.inputs) > position and operator.inputs[position] >= 0:
            yield operator, summary.tensors[operator.inputs[position]]


RULES: tuple[Callable[[FileSummary, Target], Iterator[str]], ...] = (
    _versions,
    _custom,
    _state,
    _expansion,
    _whole_tables,
    _float16,
    _int4,
    _dense,
    _understamped,
    _packing,
    _ids,
    _stamp,
)

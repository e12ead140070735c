"""Find in a `.tflite` file what a runtime refuses or, worse, computes wrongly without a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from converters.op_versions import OLDEST, RELEASES, order
from converters.summary import FileSummary, Operator, TensorInfo
from ondevice.errors import OnDeviceError, unknown_name

# Target runtime -> its release, empty where a runtime is current and sets no ceiling.
TARGETS = {"tflite-2.14": "2.14.0", "litert": ""}
# Constants up to this size may be expanded at start-up: the converter itself leaves such small ones alone.
MAX_EXPANDED_ELEMENTS = 1024
_LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
_STATEFUL = {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
# Values per byte: rows of a packed table can be addressed only where they start on a byte.
_PACKED = {"int4": 2, "int2": 4}


def minimum_runtime(summary: FileSummary) -> str:
    """Compute the oldest release that has every operation of the file, e.g. `"2.8.0"`.

    Raises:
        OnDeviceError: an operation is custom, or its version is not in the table.
    """
    return max((oldest_runtime(operator) for operator in summary.operators), key=order, default=OLDEST)


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
        target: one of `TARGETS`.

    Raises:
        UsageError: the target is unknown.
    """
    if target not in TARGETS:
        raise unknown_name("target runtime", target, TARGETS)
    problems = [problem for rule in _RULES for problem in rule(summary, target)]
    return tuple(dict.fromkeys(problems))


def _versions(summary: FileSummary, target: str) -> Iterator[str]:
    ceiling = TARGETS[target]
    for operator in summary.operators:
        key = (operator.name, operator.version)
        if not ceiling or operator.custom:
            continue
        if key not in RELEASES:
            yield f"{operator.name} version {operator.version} is unknown here: {target} may refuse it."
        elif order(RELEASES[key]) > order(ceiling):
            yield (
                f"{operator.name} version {operator.version} came with runtime {RELEASES[key]}; "
                f"{target} refuses to load the file."
            )


def _custom(summary: FileSummary, target: str) -> Iterator[str]:
    for operator in summary.operators:
        if operator.custom and operator.name.startswith("Flex"):
            yield f"{operator.name} is a Flex operation: it runs only with TensorFlow linked into the app."
        elif operator.custom:
            yield f"{operator.name!r} is a custom operation: {target} has no kernel for it."


def _state(summary: FileSummary, target: str) -> Iterator[str]:
    found = sorted({operator.name for operator in summary.operators} & _STATEFUL)
    if found:
        yield (
            f"{', '.join(found)}: the file keeps state outside the graph; weights left as variables may be "
            "missing, and a runtime may then answer with near-zero values instead of an error."
        )


def _expansion(summary: FileSummary, target: str) -> Iterator[str]:
    for _, table in _first_inputs(summary, ("DEQUANTIZE",)):
        if table.buffer_bytes and math.prod(table.shape) > MAX_EXPANDED_ELEMENTS:
            yield (
                f"DEQUANTIZE of the whole constant {table.name!r} {list(table.shape)}: it is expanded to "
                "float32 once the file is opened, so memory grows although the file shrinks."
            )


def _float16(summary: FileSummary, target: str) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        if table.dtype == "float16" and target == "tflite-2.14":
            yield (
                f"{operator.name} reads the float16 table {table.name!r}: no version number tells, "
                f"but {target} has no kernel for it and fails when called."
            )


def _channels(summary: FileSummary, target: str) -> Iterator[str]:
    for operator in summary.operators:
        if operator.name != "FULLY_CONNECTED" or target != "tflite-2.14":
            continue
        # Version 12 and newer are refused outright, which the version rule reports.
        if operator.version >= 12 or len(operator.inputs) < 2 or operator.inputs[1] < 0:
            continue
        weights = summary.tensors[operator.inputs[1]]
        if weights.dtype == "int8" and weights.scales > 1:
            yield (
                f"FULLY_CONNECTED version {operator.version} has int8 weights {weights.name!r} with "
                f"{weights.scales} scales: {target} loads it and answers zeros; quantize them with one scale."
            )


def _row_scales(summary: FileSummary, target: str) -> Iterator[str]:
    for operator, table in _first_inputs(summary, ("EMBEDDING_LOOKUP",)):
        if operator.version < 4 and (table.scales > 1 or table.dtype == "int4"):
            yield (
                f"EMBEDDING_LOOKUP of the {table.dtype} table {table.name!r} with {table.scales} scale(s) "
                f"is stamped version {operator.version} but needs version 4: runtimes before "
                f"{RELEASES['EMBEDDING_LOOKUP', 4]} load it and answer wrongly or fail when called."
            )


def _packing(summary: FileSummary, target: str) -> Iterator[str]:
    for operator, table in _first_inputs(summary, _LOOKUPS):
        per_byte = _PACKED.get(table.dtype, 1)
        width = math.prod(table.shape[1:])
        if width % per_byte:
            yield (
                f"{operator.name} reads rows of {width} from the {table.dtype} table {table.name!r}: rows "
                f"that do not fill whole bytes are read from wrong places without an error; "
                f"the width must be a multiple of {per_byte}."
            )


def _ids(summary: FileSummary, target: str) -> Iterator[str]:
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
        if ids.dtype == "int64":
            yield f"{operator.name} takes int64 ids from tensor {ids.name!r}; {reason}."


def _first_inputs(summary: FileSummary, names: tuple[str, ...]) -> Iterator[tuple[Operator, TensorInfo]]:
    """Yield the operations of these names with the table they read."""
    for operator in summary.operators:
        # EMBEDDING_LOOKUP has its ids first and the table second.
        position = 1 if operator.name == "EMBEDDING_LOOKUP" else 0
        if operator.name in names and len(operator.inputs) > position and operator.inputs[position] >= 0:
            yield operator, summary.tensors[operator.inputs[position]]


_RULES: tuple[Callable[[FileSummary, str], Iterator[str]], ...] = (
    _versions,
    _custom,
    _state,
    _expansion,
    _float16,
    _channels,
    _row_scales,
    _packing,
    _ids,
)

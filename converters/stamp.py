"""What a `.tflite` file says of itself, made true after an edit: operation versions and the oldest runtime."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from converters import flatbuffer, lint
from converters.flatbuffer_table import Source, Table
from converters.op_versions import least_version
from converters.summary import FileSummary

# Numbers of the tables' fields: their order in the TFLite schema.
OPERATOR_CODES, SUBGRAPHS, BUFFERS, METADATA = 1, 2, 4, 6
OPERATORS = 3
CODE_BYTE, CODE = 0, 3


def stamped(model: bytes) -> bytes:
    """Return the file with the operation versions that it needs and the release that it needs for them.

    A quantizer of finished files leaves both as they were. Only what is wrong is patched, in place or, for an
    operation's entry, behind the last byte: the weights are not moved.

    Args:
        model: a file of builtin operations, with nothing appended. One without a release of its own gets none.

    Raises:
        OnDeviceError: the file is damaged, or an operation is custom or of an unknown version.
    """
    summary = flatbuffer.read(model)
    raised = _raised_versions(model, summary)
    if raised:
        model = _with_versions(model, raised)
        summary = flatbuffer.read(model)
    needed = lint.minimum_runtime(summary)
    return model if summary.minimum_runtime in ("", needed) else _with_release(model, needed)


def _root(model: bytes) -> Table:
    source = Source(memoryview(model), "the model")
    return Table(source, source.number("I", 0))


def _raised_versions(model: bytes, summary: FileSummary) -> dict[int, int]:
    """Return the version that each entry of the list of operations needs, for those that state an older one."""
    entries = [
        operator.number(0, "I") for graph in _root(model).tables(SUBGRAPHS) for operator in graph.tables(OPERATORS)
    ]
    raised: dict[int, int] = {}
    for entry, operator in zip(entries, summary.operators, strict=True):
        needed = least_version(operator, summary.tensors)
        if needed > operator.version:
            raised[entry] = max(needed, raised.get(entry, 0))
    return raised


def _with_versions(model: bytes, versions: Mapping[int, int]) -> bytes:
    root = _root(model)
    start, _ = root.span(OPERATOR_CODES, 4)
    codes = root.tables(OPERATOR_CODES)
    content = bytearray(model)
    for entry, version in versions.items():
        content += bytes(-len(content) % 4)
        # The entry's own version may be left out of it, as 1 is, so there may be no place to write to: a new entry
        # of fixed layout, 12 bytes that say where its fields are and 16 that hold them, takes its place in the list.
        byte, code = codes[entry].number(CODE_BYTE, "b"), codes[entry].number(CODE, "i")
        content += struct.pack("<6H", 12, 16, 12, 0, 4, 8)
        place = start + 4 * entry
        struct.pack_into("<I", content, place, len(content) - place)
        content += struct.pack("<3ibxxx", 12, version, code, byte)
    return bytes(content)


def _with_release(model: bytes, release: str) -> bytes:
    root = _root(model)
    [entry] = [each for each in root.tables(METADATA) if each.text(0) == flatbuffer.RUNTIME_KEY]
    start, size = root.tables(BUFFERS)[entry.number(1, "I")].span(0, 1)
    content = bytearray(model)
    # The converter reserves sixteen bytes, whatever the release.
    content[start : start + size] = release.encode("ascii").ljust(size, b"\0")[:size]
    return bytes(content)

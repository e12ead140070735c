"""What TensorFlow's own converter made of a model, read off its file, since no format was asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converters.dense import number_format
from converters.flatbuffer import buffer_of
from converters.summary import FileSummary, TensorInfo
from ondevice.embeddings.method import FloatArray
from ondevice.encoding_error import EncodingError
from ondevice.errors import OnDeviceError
from ondevice.manifest import Table
from ondevice.quantize.encode import EncodedEmbedding, decoding_errors
from ondevice.quantize.errors import lookup_error


def table_records(
    model: bytes, summary: FileSummary, encoded: EncodedEmbedding, values: Mapping[str, FloatArray]
) -> tuple[Table, ...]:
    """Describe the embedding's tables as the file holds them.

    Args:
        model: the file.
        summary: what `converters.flatbuffer.read` says of it.
        encoded: the tables that the converter was given.
        values: their float32 values `[rows, width]` by name.

    Raises:
        OnDeviceError: the file lacks one of them.
    """
    records = []
    for name, entry in encoded.tables.items():
        stored = look_up_table(summary, (entry.table.rows, entry.table.width))
        found = stored_values(model, stored)
        errors = decoding_errors(found.__getitem__, values[name])
        size, before = stored.buffer_bytes, entry.table.parameters * 4
        records.append(Table(name, stored.shape, number_format(stored), "", "", size, before, *errors))
    return tuple(records)


def vector_error(
    model: bytes,
    summary: FileSummary,
    encoded: EncodedEmbedding,
    values: Mapping[str, FloatArray],
    keys: Sequence[str],
) -> EncodingError:
    """Compare the vectors of all ids in the file with those of the model.

    Args:
        model: the file.
        summary: what `converters.flatbuffer.read` says of it.
        encoded: the tables that the converter was given.
        values: their float32 values `[rows, width]` by name.
        keys: the key of every id.

    Raises:
        OnDeviceError: the file lacks one of the tables.
    """
    tables = {name: (entry.table.rows, entry.table.width) for name, entry in encoded.tables.items()}
    stored = {name: stored_values(model, look_up_table(summary, shape)) for name, shape in tables.items()}
    return lookup_error(
        encoded.method,
        values,
        lambda name, index: stored[name][index],
        lambda name, index: values[name][index],
        list(stored),
        keys,
    )


def look_up_table(summary: FileSummary, shape: tuple[int, int]) -> TensorInfo:
    """Return the constant that vectors are gathered from.

    Args:
        summary: the file.
        shape: rows and width of the table.

    Raises:
        OnDeviceError: nothing of this shape is gathered from.
    """
    gathers = [operator for operator in summary.operators if operator.name == "GATHER"]
    for table in (summary.tensors[operator.inputs[0]] for operator in gathers):
        if table.shape == shape and table.buffer_bytes:
            return table
    raise OnDeviceError(f"the converted file holds no table of shape {list(shape)} that it gathers from.")


def stored_values(model: bytes, table: TensorInfo) -> FloatArray:
    """Return the numbers that a constant with one scale or none stands for, float32 of its shape."""
    values: FloatArray = buffer_of(model, table).astype(np.float32)
    # The converter quantizes weights symmetrically, so there is no zero point to take off.
    return values * np.frombuffer(model, "<f4", 1, table.scale_offset) if table.scales else values

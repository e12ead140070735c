"""The output layer of an exported file: its arrays, its answer within the graph, and what the file holds of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.converters.equality import holds
from ondevice.converters.summary import FileSummary
from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import NumpyOps
from ondevice.models.output import Output
from ondevice.models.output_parts import Tables
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.scheme import INT4 as INT4_TABLE
from ondevice.topk.parts import Arrays, Part


@dataclass(frozen=True, eq=False)
class LoweredOutput:
    """An output layer as the exported file holds it.

    Args:
        member: the output layer's member of the family.
        arrays: what `Output.stored` gave.
        number_format: one of `ondevice.models.output_parts.FORMATS`.
        tables: the embedding's tables in the file, for a member that uses some.
    """

    member: Output
    arrays: Arrays
    number_format: str
    tables: Tables | None = None

    def best(self, hidden: Any, excluded: Any, k: int, place: Any) -> tuple[Any, Any]:
        """Return the best items and their scores within the graph; see `Output.best`."""
        return self.member.best(hidden, excluded, k, self._in_graph(), place, self.tables)

    def scores(self, hidden: Any, place: Any) -> Any:
        """Return the scores of all ids within the graph; see `Output.scores`."""
        return self.member.scores(hidden, self._in_graph(), place)

    def _in_graph(self) -> dict[str, Any]:
        return {name: _in_graph(array) for name, array in self.arrays.items()}


def _in_graph(array: npt.NDArray[Any]) -> Any:
    """Return a constant that is written as one number where all numbers are the same one."""
    if any(array.strides) or array.ndim < 2:
        return array
    import tensorflow as tf

    return tf.constant(array[0, 0], shape=array.shape)


def lower_output(
    member: Output,
    weights: Arrays,
    number_format: str,
    encoded: EncodedEmbedding | None = None,
    values: Mapping[str, FloatArray] | None = None,
) -> LoweredOutput:
    """Turn a trained output layer into what the file holds.

    Args:
        member: the output layer's member of the family.
        weights: its weights by name.
        number_format: one of `ondevice.topk.parts.FORMATS`.
        encoded: the encoded tables of the embedding that it uses.
        values: their values before that, by name.
    """
    tables = None
    if encoded is not None and values is not None:
        from ondevice.embeddings.tensorflow_ops import TensorFlowOps

        entries = {name: encoded.tables[name] for name in member.uses_tables}
        decoded = {
            name: entry.rows(np.arange(entry.table.rows, dtype=np.int32), NumpyOps()) for name, entry in entries.items()
        }
        xp = TensorFlowOps()
        tables = Tables(decoded, values, lambda name, row: encoded.tables[name].laid_out(row, xp))
    return LoweredOutput(member, member.stored(weights, number_format, tables), number_format, tables)


def output_problems(model: bytes, summary: FileSummary, output: LoweredOutput) -> Iterator[str]:
    """Say what the file does not hold of the output layer.

    Args:
        model: the file.
        summary: what `ondevice.converters.flatbuffer.read` says of it.
        output: what it has to hold.
    """
    for part in output.member.parts(output.number_format, output.arrays):
        array = output.arrays[part.name]
        of_type = (tensor for tensor in summary.constants if tensor.dtype == part.dtype)
        if not any(holds(model, tensor, array) for tensor in of_type):
            yield f"Output layer's {_described(part)} is not stored as it should be."


def payload_bytes(summary: FileSummary, output: LoweredOutput, encoded: EncodedEmbedding | None) -> int:
    """Return the bytes of a file that only its output layer uses.

    Args:
        summary: what `ondevice.converters.flatbuffer.read` says of the file.
        output: the output layer.
        encoded: the tables of the embedding that it uses.
    """
    member, parts = output.member, output.member.parts(output.number_format, output.arrays)
    size = sum(part.payload_bytes for part in parts)
    for name in set(member.uses_tables) & set(output.arrays):
        assert encoded is not None
        # What the look-up does not hold in the very same bytes is stored once more, in another buffer.
        numbers = output.arrays[name].size
        copies = [tensor for tensor in summary.constants if math.prod(tensor.shape) == numbers]
        buffers = {tensor.buffer_offset: tensor.buffer_bytes for tensor in copies}
        held = encoded.tables[name].arrays.items()
        counted = [array.nbytes for part, array in held if part == INT4_TABLE or array.size == numbers]
        counted += [part.payload_bytes for part in parts if math.prod(part.shape) == numbers]
        size += max(0, sum(buffers.values()) - sum(counted))
    return size


def _described(part: Part) -> str:
    return f"{part.name!r} ({part.dtype} {list(part.shape)})"

"""A few rows in place of a large array, since TensorFlow's converter holds every constant many times over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.converters.output import LoweredOutput
from ondevice.models.output_parts import LEVELS
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.topk.parts import INT8

PLACEHOLDER_BYTES = 4_096
"""Bytes of a placeholder, rounded up to whole rows: so many at random are no other constant's."""


@dataclass(frozen=True, eq=False)
class Placeholder:
    """A few random rows in place of a table, or as many rows of equal numbers.

    Args:
        rows: what the converter is given, `[few, width]`.
        array: what the file gets, `[many, width]` of the same type.
    """

    rows: npt.NDArray[Any]
    array: npt.NDArray[Any]


class Placeholders:
    """Makes placeholders for the arrays of one file, no two of which are alike.

    A table that is only gathered from can be of any length, so what the converter makes of a short one is right for the
    whole one.
    """

    def __init__(self) -> None:
        self.made: dict[str, list[Placeholder]] = {}
        """By the layer whose array it stands for; of the output layer by an empty name."""
        self.layer = ""
        self.rng = np.random.default_rng(0)

    def embedding(self, layer: str, encoded: EncodedEmbedding) -> EncodedEmbedding:
        """Return an embedding whose larger arrays are short, but for those of tables that are read as a whole."""
        self.layer = layer
        tables: Mapping[str, EncodedTable] = {
            name: entry if entry.table.whole else replace(entry, arrays=self._short(entry))
            for name, entry in encoded.tables.items()
        }
        return replace(encoded, tables=tables)

    def _short(self, entry: EncodedTable) -> dict[str, npt.NDArray[Any]]:
        return {part: self._few_rows(array) for part, array in entry.arrays.items()}

    def output(self, output: LoweredOutput, encoded: EncodedEmbedding | None) -> LoweredOutput:
        """Return an output layer whose larger arrays are short.

        The graph depends on the length of a matrix that the hidden vector is multiplied with. Where its numbers are
        those of an int8 table, one of the same shape stands for it whose numbers are all the largest there is:
        TensorFlow writes that once, and the quantizer of dense layers keeps such numbers as they are.

        Args:
            output: the output layer.
            encoded: the embedding whose tables it uses, before they are short.
        """
        self.layer, arrays = "", dict(output.arrays)
        for name in output.member.gathered:
            if name in arrays:
                arrays[name] = self._few_rows(arrays[name])
        for name in output.member.uses_tables if output.number_format == INT8 else ():
            for held in encoded.tables[name].arrays.values() if encoded is not None else ():
                if held.dtype == np.int8 and name in arrays and np.array_equal(held, arrays[name]):
                    self._keep(Placeholder(np.broadcast_to(np.int8(LEVELS), held.shape), held))
                    arrays[name] = np.broadcast_to(np.float32(LEVELS), held.shape)
        return replace(output, arrays=arrays)

    def _few_rows(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what stands for an array, or the array itself if nothing has to."""
        few = -(-PLACEHOLDER_BYTES * len(array) // max(array.nbytes, 1))
        # Arrays of one axis are factors or codebooks of the whole table and no rows of it.
        if array.ndim != 2 or few >= len(array):
            return array
        return self._keep(Placeholder(self._random_rows((few, array.shape[1]), array.dtype), array)).rows

    def _keep(self, placeholder: Placeholder) -> Placeholder:
        self.made.setdefault(self.layer, []).append(placeholder)
        return placeholder

    def _random_rows(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if dtype.kind == "f":
            return self.rng.random(shape).astype(dtype)
        limits = np.iinfo(dtype)
        return self.rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)

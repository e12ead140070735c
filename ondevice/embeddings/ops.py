"""The operations a look-up may use, with their NumPy meaning, which is the definition.

A look-up may also use `+ - * // %` between arrays, Python numbers and constants; `//` and `%` round towards minus
infinity. `[..., :width]` leaves off what follows on the last axis.
Every operation here becomes builtin TFLite operations; a new one needs a line in each binding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class NumpyOps:
    """What `lookup` may call on arrays; `Any` stands for an array of the binding, here of NumPy."""

    batched = False
    """Whether so many ids are looked up at once that what many of them share is worth computing once for all."""

    def gather(self, table: Any, index: Any) -> Any:
        """Return `table[index]`: rows `[..., width]` for int32 `index` `[...]`, all in range."""
        # A negative index is an error here as it is on the device.
        if np.min(index, initial=0) < 0:
            raise IndexError(f"row index {int(np.min(index))} is negative")
        return table[index]

    def gather_int4(self, table: Any, index: Any) -> Any:
        """Return rows of a table of whole numbers from -8 to 7, two of which share a byte, the first its lower half.

        For `table` int8 `[rows, width / 2]` and int32 `index` `[...]`, all in range; gives int8 `[..., width]`.
        """
        both = self.gather(table, index)
        # [..., width / 2] -> [..., width / 2, 2] -> [..., width]
        return self.join_last_axes(np.stack([both << 4 >> 4, both >> 4], axis=-1))

    def minimum(self, left: Any, right: Any) -> Any:
        """Return the smaller of both, element by element."""
        return np.minimum(left, right)

    def maximum(self, left: Any, right: Any) -> Any:
        """Return the larger of both, element by element."""
        return np.maximum(left, right)

    def floor(self, values: Any) -> Any:
        """Round towards minus infinity, float32 to float32."""
        return np.floor(values)

    def concat(self, parts: Sequence[Any]) -> Any:
        """Join arrays along the last axis."""
        return np.concatenate(parts, axis=-1)

    def split(self, values: Any, parts: int) -> Sequence[Any]:
        """Cut `[..., width]` into so many arrays `[..., width / parts]`; the number of parts divides the width."""
        return np.split(values, parts, axis=-1)

    def append_axis(self, values: Any) -> Any:
        """Give `[...]` a last axis of length 1."""
        return np.expand_dims(values, -1)

    def join_last_axes(self, values: Any) -> Any:
        """Turn `[..., parts, width]` into `[..., parts * width]`, part after part."""
        return np.reshape(values, (*values.shape[:-2], values.shape[-2] * values.shape[-1]))

    def unfold(self, values: Any, parts: int) -> Any:
        """Turn `[..., parts * width]` into `[..., parts, width]`, part after part."""
        return np.reshape(values, (*values.shape[:-1], parts, values.shape[-1] // parts))

    def to_float(self, values: Any) -> Any:
        """Convert integers, exactly those below 2**24, or float16 to float32."""
        return np.asarray(values).astype(np.float32)

    def to_int(self, values: Any) -> Any:
        """Convert codes to int32."""
        return np.asarray(values).astype(np.int32)

    def float16_of_bits(self, values: Any) -> Any:
        """Take the bits of int16 for those of float16."""
        return np.asarray(values).view(np.float16)

    def one_hot_product(self, index: Any, matrix: Any) -> Any:
        """Return `matrix[index]`, computed as the product of one-hot vectors with the whole matrix.

        For int32 `index` `[...]` in range and `matrix` `[height, width]`; gives `[..., width]`. It costs `height` times
        as much as a gather and is here to show that. Numbers below 1.2e-38 may come out as zero.
        """
        # In each sum all other terms are zero.
        return self.gather(matrix, index)

    def project(self, values: Any, matrix: Any) -> Any:
        """Multiply by one matrix for all: `[..., inner]` and `[inner, width]` give `[..., width]`.

        Adds up `values[..., k] * matrix[k]` in the order of k, rounding each product and each sum to float32. A matrix
        product may add in any order and round once for both, so that every runtime would answer something else.
        """
        total = values[..., :1] * matrix[0]
        for inner in range(1, len(matrix)):
            total = total + values[..., inner : inner + 1] * matrix[inner]
        return total

    def products(self, left: Any, right: Any) -> Any:
        """Multiply matrix by matrix: `[..., height, inner]` and `[..., inner, width]` give `[..., height, width]`.

        Adds up `left[..., :, k] * right[..., k, :]` as `project` does, in the order of k.
        """
        total = left[..., :1] * right[..., :1, :]
        for inner in range(1, left.shape[-1]):
            total = total + left[..., inner : inner + 1] * right[..., inner : inner + 1, :]
        return total


Ops = NumpyOps
"""What a look-up is given: the definition, or another binding, which is derived from it."""

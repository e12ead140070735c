"""The initial values of tables: those that methods name, and those that somebody else gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class EqualShares(keras.initializers.Initializer):
    """Gives each number of a row one over the square root of their count."""

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, `[rows, width]`."""
        return keras.ops.full(shape, 1 / math.sqrt(shape[-1]), dtype)


class Scaled(keras.initializers.Initializer):
    """Gives the values of another initializer times a factor."""

    def __init__(self, initializer: keras.initializers.Initializer, gain: float) -> None:
        self.initializer = initializer
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, of the shape asked for."""
        return self.initializer(shape, dtype) * self.gain


class Given(keras.initializers.Initializer):
    """Gives the values that it was made with."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, which have the shape asked for."""
        return keras.ops.convert_to_tensor(self.values, dtype)


INITIALIZERS: Mapping[str, Callable[[], keras.initializers.Initializer]] = {
    # Made anew for every table: one initializer object gives equal values to tables of equal shape.
    "uniform": lambda: keras.initializers.RandomUniform(-0.05, 0.05),
    # The sum of two such rows varies as much as one ordinary row.
    "uniform_of_two": lambda: keras.initializers.RandomUniform(-0.05 / math.sqrt(2), 0.05 / math.sqrt(2)),
    # Standard deviation one: rows multiplied by such a matrix keep their size once the table's gain divides by the
    # root of how many products are added up.
    "unit": lambda: keras.initializers.RandomUniform(-math.sqrt(3), math.sqrt(3)),
    "near_one": lambda: keras.initializers.RandomNormal(1.0, 0.1),
    # The sum of so many ordinary rows with these weights varies as much as one of them.
    "equal_shares": EqualShares,
    "ones": keras.initializers.Ones,
    "zeros": keras.initializers.Zeros,
}


class Unwritten(keras.initializers.Initializer):
    """Gives memory as it comes, most of which the system provides only once it is written to."""

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return any values, of the shape asked for."""
        return tf.raw_ops.Empty(shape=shape, dtype=dtype, init=False)

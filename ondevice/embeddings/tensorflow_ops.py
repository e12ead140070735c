"""The TensorFlow binding of the look-up operations, for training and for conversion alike.

Each operation is the TensorFlow form that converts to builtin TFLite operations without helpers:
`tf.gather`, unlike Keras' `ops.take`, adds no operations that wrap negative ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class TensorFlowOps:
    """TensorFlow tensors instead of NumPy arrays; the meaning is that of `NumpyOps`."""

    def gather(self, table: Any, index: Any) -> Any:
        """Return the rows `index` of `table`: one GATHER."""
        return tf.gather(table, index)

    def minimum(self, left: Any, right: Any) -> Any:
        """Return the smaller of both: MINIMUM."""
        return tf.minimum(left, right)

    def maximum(self, left: Any, right: Any) -> Any:
        """Return the larger of both: MAXIMUM."""
        return tf.maximum(left, right)

    def concat(self, parts: Sequence[Any]) -> Any:
        """Join along the last axis: CONCATENATION."""
        return tf.concat(parts, axis=-1)

    def to_float(self, values: Any) -> Any:
        """Convert integers to float32: CAST."""
        return tf.cast(values, tf.float32)

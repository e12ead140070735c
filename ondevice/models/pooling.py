"""From the vectors of all ids to one: the average of any number of them, or those of all fields in a row."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ondevice")
class MaskedMeanPooling(keras.layers.Layer):
    """Averages the vectors that are not masked; the average of none is zero, where Keras' own pooling gives NaN.

    Shapes: float32 `[batch, length, width]` in, `[batch, width]` out.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, vectors: Any, mask: Any = None) -> Any:
        """Average over the length."""
        weights = tf.cast(tf.ones_like(vectors[..., 0], tf.bool) if mask is None else mask, tf.float32)
        # [batch, 1, length] x [batch, length, width] -> [batch, 1, width]: no masked copy of the vectors is made, and
        # the vectors stay readable on the device, where an element-wise product may overwrite its input.
        total = tf.squeeze(tf.matmul(tf.expand_dims(weights, 1), vectors), 1)
        return total / tf.maximum(tf.reduce_sum(weights, axis=1, keepdims=True), 1.0)

    def compute_mask(self, vectors: Any, mask: Any = None) -> None:
        """Nothing is masked after pooling."""

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Drop the length."""
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable(package="ondevice")
class JoinedFields(keras.layers.Layer):
    """Puts the vectors of all fields in a row, that of padding like any other.

    Shapes: float32 `[batch, fields, width]` in, `[batch, fields * width]` out.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, vectors: Any, training: bool = False) -> Any:
        """Join the last two dimensions."""
        if not training:
            # Changes no number. Where a look-up ends with a reshape, the converter would make one of both, and nothing
            # would read the vectors that are compared with the reference's.
            vectors = tf.gather(vectors, tf.range(vectors.shape[1]), axis=1)
        return tf.reshape(vectors, [-1, vectors.shape[1] * vectors.shape[2]])

    def compute_mask(self, vectors: Any, mask: Any = None) -> None:
        """Nothing is masked: a field that is padding is missing, which says something."""

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Multiply the last two sizes."""
        batch, fields, width = input_shape
        return (batch, (fields or 0) * (width or 0))

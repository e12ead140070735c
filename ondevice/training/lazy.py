"""Keras' AdamW with updates of single rows, which Keras itself makes dense."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ondevice")
class LazyAdamW(keras.optimizers.AdamW):
    """AdamW that updates, and decays, only the rows of a table that its gradient names.

    A row that a batch uses several times has one gradient, the sum. Keras' own optimizers (seen in 3.15.1), given the
    gradients of single uses, square each of them before they add them up, so that the second moment of a row that is
    used often is another one: a setting that suits `adamw` need not suit this.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Apply gradients; tables with gradients of single rows are left out of the decay of whole variables."""
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        pairs = zip(grads, variables, strict=True)
        self._rows_only = {variable.path for gradient, variable in pairs if isinstance(gradient, tf.IndexedSlices)}
        super().apply(grads, trainable_variables)

    def _apply_weight_decay(self, variables: Any) -> None:
        super()._apply_weight_decay([variable for variable in variables if variable.path not in self._rows_only])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable, or the rows of it that the gradient names."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        # A row that was looked up several times has several gradients, whose sum is squared, not each.
        rows, places = tf.unique(tf.reshape(gradient.indices, [-1]))
        sums = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
        step = tf.cast(self.iterations + 1, tf.float32)
        rate = tf.cast(learning_rate, tf.float32)
        index = self._get_variable_index(variable)
        moments = (self._momentums[index], self._velocities[index])
        # Keras hands over its own variables or TensorFlow's, as its distribution of training asks for.
        tables = [each.value if isinstance(each, keras.Variable) else each for each in (variable, *moments)]
        values, first, second = (tf.gather(table, rows) for table in tables)
        first += (sums - first) * (1 - self.beta_1)
        second += (tf.square(sums) - second) * (1 - self.beta_2)
        alpha = rate * tf.sqrt(1 - tf.pow(self.beta_2, step)) / (1 - tf.pow(self.beta_1, step))
        if self._use_weight_decay(variable):
            values *= 1 - rate * self.weight_decay
        values -= alpha * first / (tf.sqrt(second) + self.epsilon)
        for table, new in zip(tables, (values, first, second), strict=True):
            table.scatter_update(tf.IndexedSlices(new, rows))

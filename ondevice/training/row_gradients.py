"""Keras' optimizers for tables of which a batch uses some rows, several times: a row's gradient is the sum of its uses.

Keras' own (seen in 3.15.1), given the gradients of single uses, square each of them before they add them up, so that
the second moment of a row that is used often is another one than that of the same row with one gradient.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class _Summed(keras.optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable with its whole gradient, as long as the variable, which the moments are anyway."""
        if isinstance(gradient, tf.IndexedSlices):
            places = tf.reshape(gradient.indices, [-1])
            gradient = tf.math.unsorted_segment_sum(gradient.values, places, variable.shape[0])
        super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable(package="ondevice")
class SummedAdamW(_Summed, keras.optimizers.AdamW):
    """AdamW as published, with AMSGrad on request: every step moves, and decays, all rows of a table."""


@keras.saving.register_keras_serializable(package="ondevice")
class SummedAdagrad(_Summed, keras.optimizers.Adagrad):
    """Adagrad as published; weight decay shrinks all rows of a table at every step, used or not."""


@keras.saving.register_keras_serializable(package="ondevice")
class LazyAdamW(keras.optimizers.AdamW):
    """AdamW that updates, and decays, only the rows of a table that its gradient names."""

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

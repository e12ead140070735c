"""Every method and output layer in a training step that XLA compiles, as long trainings do: same loss and gradients.

One sample of each, since compiling takes long and the ways of one method to work are the same operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.models.scores import SCORES
from tests.contracts.test_methods import built
from tests.contracts.test_outputs import network
from tests.samples import METHODS, OUTPUTS, SIZE


def first_of_each(samples: Mapping[str, Any]) -> list[str]:
    """Return the name of the first sample of each member."""
    return sorted({name.split()[0]: name for name in reversed(samples)}.values())


def same_when_compiled(loss_of: Callable[[Any], Any], layer: keras.layers.Layer, given: Any) -> None:
    variables = [variable.value for variable in layer.trainable_variables]

    def step(given: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            loss = loss_of(given)
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    loss, gradients = step(given)
    compiled_loss, compiled_gradients = tf.function(step, jit_compile=True)(given)
    np.testing.assert_allclose(compiled_loss, loss, rtol=1e-5)
    for variable, one, other in zip(layer.trainable_variables, compiled_gradients, gradients, strict=True):
        largest = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * largest, err_msg=variable.path)


@pytest.mark.parametrize("name", first_of_each(METHODS))
def test_methods(name: str) -> None:
    layer = built(METHODS[name])
    every = tf.range(SIZE, dtype=tf.int32)[None, :]
    weights = tf.constant(np.random.default_rng(2).standard_normal((1, SIZE, 1)), tf.float32)
    same_when_compiled(lambda ids: tf.reduce_sum(tf.square(layer(ids) * weights)), layer, every)


@pytest.mark.parametrize("name", first_of_each(OUTPUTS))
def test_output_layers(name: str) -> None:
    layer = network(OUTPUTS[name]).get_layer(SCORES)
    hidden = tf.constant(np.random.default_rng(2).standard_normal((3, OUTPUTS[name].width)), tf.float32)
    same_when_compiled(lambda hidden: tf.reduce_sum(tf.nn.softmax(layer(hidden)) ** 2), layer, hidden)

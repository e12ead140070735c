"""Fitting the tables of any method to given vectors: how an existing table is compressed."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import FloatArray

STEPS = 1_000
LEARNING_RATE = 0.01
IDS_PER_STEP = 16_384
"""Steps, highest learning rate of a cosine, and ids per step."""


def fit_tables(layer: CompressedEmbedding, target: FloatArray, weights: FloatArray, seed: int) -> None:
    """Fit a layer's tables to vectors, whatever its method, by gradient descent on the weighted squared error.

    Args:
        layer: a built layer; its present values are where fitting starts, tables that are not trained stay.
        target: the vector each id should have, float32 `[vocabulary_size, output_width]`.
        weights: how much each id counts, float32 `[vocabulary_size]`, not all zero.
        seed: seed of the choice of the ids.
    """
    scale = float(np.sqrt(np.average(np.mean(np.square(target), axis=1), weights=weights))) or 1.0
    wanted, share = tf.constant(target / scale), tf.constant((weights / weights.mean())[:, None])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS))
    variables = layer.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(ids: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            difference = layer(ids, training=True) / scale - tf.gather(wanted, ids)
            loss = tf.reduce_mean(tf.gather(share, ids) * tf.square(difference))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    size = len(target)
    rng = np.random.default_rng([seed, size])
    every = np.arange(size, dtype=np.int32)
    for _ in range(STEPS):
        drawn = rng.choice(every, IDS_PER_STEP, replace=False) if size > IDS_PER_STEP else every
        step(tf.constant(drawn))
